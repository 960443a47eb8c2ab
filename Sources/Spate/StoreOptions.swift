/// How a store is opened. The defaults suit a service on a local disk.
public struct StoreOptions: Sendable {
  /// The memory for the rings of all queues, in bytes. Resident memory stays within this plus a constant.
  ///
  /// Rounded up to whole MiB; at least 4 MiB.
  public var memoryBudgetByteCount = 64 << 20
  /// Which way of asking the kernel to use; nil probes when opening and takes the best that works.
  public var ioStrategy: IOStrategy?
  /// Whether files are written past the page cache; nil probes when opening.
  public var fileMode: FileMode?
  /// Whether a store is made where none is. The parent directory must exist.
  public var createsIfMissing = true
  /// The largest chunk of the ring, in bytes.
  public var maximalChunkByteCount = 512 << 10
  /// The smallest segment file, for a queue with little to do, in bytes.
  public var minimalSegmentByteCount: UInt64 = 64 << 10
  /// The largest segment file, for a queue at full speed, in bytes.
  public var maximalSegmentByteCount: UInt64 = 256 << 20
  /// The largest record or batch, in bytes with its frame headers. At most half of the memory budget is used.
  public var maximalClaimByteCount = 32 << 20
  /// How long a zero-copy claim may be held before the committer gives it up, in nanoseconds.
  public var claimDeadlineNanoseconds: UInt64 = 1_000_000_000

  /// How many bytes of segment files all queues together may have; nil for no bound. At the quota appends get `full`
  /// until something is trimmed.
  public var quotaByteCount: UInt64?

  /// The defaults.
  public init() {}

  /// Throws `invalidArgument` when a value is out of range.
  func validate() throws(SpateError) {
    func check(_ condition: Bool, _ message: String) throws(SpateError) {
      if !condition { throw SpateError(.invalidArgument, message) }
    }
    try check(memoryBudgetByteCount >= 4 << 20, "memoryBudgetByteCount must be at least 4 MiB")
    try check(memoryBudgetByteCount <= 1 << 40, "memoryBudgetByteCount must be at most 1 TiB")
    try check(
      maximalChunkByteCount >= 4096 && maximalChunkByteCount <= 1 << 20
        && maximalChunkByteCount & (maximalChunkByteCount - 1) == 0,
      "maximalChunkByteCount must be a power of two from 4 KiB to 1 MiB"
    )
    try check(
      minimalSegmentByteCount >= Format.minimumSegmentByteCount
        && minimalSegmentByteCount & (minimalSegmentByteCount - 1) == 0,
      "minimalSegmentByteCount must be a power of two of at least \(Format.minimumSegmentByteCount) bytes"
    )
    try check(
      maximalSegmentByteCount >= minimalSegmentByteCount && maximalSegmentByteCount <= 1 << 32
        && maximalSegmentByteCount & (maximalSegmentByteCount - 1) == 0,
      "maximalSegmentByteCount must be a power of two from the smallest segment size to 4 GiB"
    )
    try check(
      maximalClaimByteCount >= 4096 && maximalClaimByteCount <= 1 << 30,
      "maximalClaimByteCount must be from 4 KiB to 1 GiB"
    )
    try check(
      quotaByteCount ?? .max >= 8 * minimalSegmentByteCount,
      "quotaByteCount must be at least eight times minimalSegmentByteCount"
    )
  }
}
