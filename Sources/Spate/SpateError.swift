/// A failure of the environment or of an argument, with what is wrong and what to do about it.
///
/// Expected outcomes (back-pressure, a full disk, the end of the log) are values such as
/// ``AppendOutcome``, not errors. A value of this type is safe to send to any thread.
public struct SpateError: Error, Sendable {
  /// What kind of failure it is. New codes can be added without breaking clients: switch with a default.
  public struct Code: RawRepresentable, Hashable, Sendable {
    /// The stable number of the code, shared with the C interface.
    public let rawValue: Int32

    /// Wraps a number, known or not.
    public init(rawValue: Int32) { self.rawValue = rawValue }

    /// An argument is out of range or malformed; nothing was done.
    public static let invalidArgument = Code(rawValue: 1)
    /// There is no such store, queue, cursor or record.
    public static let notFound = Code(rawValue: 2)
    /// The path exists and is not what was expected (for example a file where a directory should be).
    public static let wrongKind = Code(rawValue: 3)
    /// The process lacks the permission, or the file system is read-only.
    public static let permissionDenied = Code(rawValue: 4)
    /// Another owner holds the lock.
    public static let locked = Code(rawValue: 5)
    /// The store or segment was written by a newer format, or needs a feature this version lacks.
    public static let unsupportedFormat = Code(rawValue: 6)
    /// Bytes on the medium do not match their checksums.
    public static let corrupt = Code(rawValue: 7)
    /// There is no room: ENOSPC, EDQUOT or a quota of the store.
    public static let diskFull = Code(rawValue: 8)
    /// Reading or writing failed (EIO and every errno without a code of its own).
    public static let ioFailed = Code(rawValue: 9)
    /// A sync failed: records without an acknowledgement are in doubt, and the queue refuses appends until
    /// reopened.
    public static let syncFailed = Code(rawValue: 10)
    /// The queue failed earlier and refuses appends until the store is reopened.
    public static let queueFailed = Code(rawValue: 11)
    /// The store, queue or cursor was closed.
    public static let closed = Code(rawValue: 12)
    /// The wait reached its deadline; an append that carries a sequence is in doubt.
    public static let timedOut = Code(rawValue: 13)
    /// The waiting task was cancelled; an append that carries a sequence is in doubt.
    public static let cancelled = Code(rawValue: 14)
    /// A record, key, headers or batch is larger than the store takes.
    public static let tooLarge = Code(rawValue: 15)
    /// The claim passed its deadline and was given up by the committer.
    public static let expired = Code(rawValue: 16)
    /// The store was opened read-only.
    public static let readOnly = Code(rawValue: 17)
    /// Too many files, too little memory, or another limit of the process or the system.
    public static let resourceExhausted = Code(rawValue: 18)
    /// The kernel, container or file system lacks something that Spate cannot do without.
    public static let unsupported = Code(rawValue: 19)
    /// An operation of an older fencing epoch: somebody newer owns this log now.
    public static let fenced = Code(rawValue: 20)
    /// The place that a cursor asked for is beyond the end of the log, or was trimmed.
    public static let outOfRange = Code(rawValue: 21)
    /// Views, batches or claims are still out; release them first.
    public static let busy = Code(rawValue: 22)
    /// No room in the memory budget before the deadline; nothing was appended.
    public static let backPressured = Code(rawValue: 23)
    /// An expected sequence does not fit: the log is behind it (a gap) or already past it.
    public static let sequenceMismatch = Code(rawValue: 24)
    /// The named cursor has a holder in this process already.
    public static let cursorInUse = Code(rawValue: 25)
  }

  /// What kind of failure it is.
  public var code: Code
  /// What is wrong and what to do, in one sentence or two.
  public var message: String
  /// The `errno` behind the failure, or 0.
  public var systemErrorNumber: Int32
  /// The file or directory concerned, if any.
  public var path: String?
  /// The log position concerned, if any, in bytes.
  public var position: UInt64?
  /// The sequence concerned. On a failed wait of an append: the record that is in doubt.
  public var sequence: UInt64?

  /// Makes an error.
  public init(
    _ code: Code,
    _ message: String,
    systemErrorNumber: Int32 = 0,
    path: String? = nil,
    position: UInt64? = nil,
    sequence: UInt64? = nil
  ) {
    self.code = code
    self.message = message
    self.systemErrorNumber = systemErrorNumber
    self.path = path
    self.position = position
    self.sequence = sequence
  }
}

extension SpateError: CustomStringConvertible {
  /// The message with path, place and cause.
  public var description: String {
    var text = message
    if let path { text += " [\(path)]" }
    if let position { text += " [position \(position)]" }
    if let sequence { text += " [sequence \(sequence)]" }
    if systemErrorNumber != 0 { text += " (errno \(systemErrorNumber))" }
    return text
  }
}
