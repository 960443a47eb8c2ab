import Glibc
import Spate

/// Appends the records of blocks, one after the other. One thread.
struct Producer: ~Copyable {
  private let run: AppendRun
  private let queue: Queue
  private let separator: [UInt8]
  private let pacer: Pacer?
  /// How many records may be below the level.
  private let window: UInt64
  /// Every record below this has reached the level.
  private var settled: UInt64

  init(run: AppendRun) {
    self.run = run
    queue = run.queue
    separator = run.keySeparator
    pacer = run.pacer
    window = run.level == .published ? .max : run.window ?? .max
    settled = run.firstSequence
  }

  /// Appends all records of a block. Returns how many there were.
  ///
  /// Stops early, with what came before appended, when the command should stop and there is something to wait
  /// for: room, a turn, or the window.
  mutating func append(_ block: RecordBlock) throws -> UInt64 {
    var splitter = unsafe RecordSplitter(block.bytes, delimiter: run.delimiter)
    var count: UInt64 = 0
    var last: UInt64?
    // What was appended is told even when the next record fails.
    defer { if let last { run.note(appended: last) } }
    let isPlain = separator.isEmpty && pacer == nil && window == .max
    while let record = unsafe splitter.next() {
      guard let sequence = unsafe isPlain ? try append(record) : try appendWithCare(record) else { break }
      last = sequence
      count += 1
    }
    return count
  }

  /// Appends one record; nil when the command should stop.
  @inline(__always)
  private func append(_ record: UnsafeRawBufferPointer) throws -> UInt64? {
    // SAFETY: the block keeps the bytes until this returns.
    let span = unsafe RawSpan(_unsafeBytes: record)
    if case .appended(let sequence) = try queue.tryAppend(span) { return sequence }
    return try unsafe appendWaiting(payload: record, key: UnsafeRawBufferPointer(rebasing: record[..<0]))
  }

  /// Keeps to the rate and the window, and takes the key off.
  private mutating func appendWithCare(_ record: UnsafeRawBufferPointer) throws -> UInt64? {
    if let pacer {
      // Whoever waits for acknowledgements gets them while we sleep.
      guard pacer.admit() else { return nil }
    }
    var key = unsafe UnsafeRawBufferPointer(rebasing: record[..<0])
    var payload = unsafe record
    if !separator.isEmpty, let offset = unsafe offsetOfSeparator(in: record) {
      unsafe key = UnsafeRawBufferPointer(rebasing: record[..<offset])
      unsafe payload = UnsafeRawBufferPointer(rebasing: record[(offset + separator.count)...])
    }
    let appended =
      try unsafe key.isEmpty ? append(payload) : appendWaiting(payload: payload, key: key)
    guard let sequence = appended else { return nil }
    if pacer != nil { run.note(appended: sequence) }
    try keepWindow(behind: sequence)
    return sequence
  }

  /// Waits until no more than the window's records are below the level.
  private mutating func keepWindow(behind sequence: UInt64) throws {
    guard sequence >= settled, sequence - settled >= window - 1 else { return }
    run.note(appended: sequence)
    let wanted = sequence - (window - 1)
    try queue.wait(for: wanted, level: run.level.level)
    settled = max(wanted + 1, run.level == .durable ? queue.durableSequence : 0)
  }

  private func offsetOfSeparator(in record: UnsafeRawBufferPointer) -> Int? {
    guard let start = record.baseAddress, record.count > 0 else { return nil }
    let end = record.count - separator.count
    var offset = 0
    while offset <= end, let found = unsafe memchr(start + offset, Int32(separator[0]), end - offset + 1) {
      offset = unsafe UnsafeRawPointer(found) - start
      let isWhole = unsafe separator.withUnsafeBytes { unsafe memcmp(found, $0.baseAddress!, $0.count) == 0 }
      if isWhole { return offset }
      offset += 1
    }
    return nil
  }

  /// Appends one record once there is room; nil when the command should stop before there was.
  @inline(never)
  private func appendWaiting(
    payload: UnsafeRawBufferPointer,
    key: UnsafeRawBufferPointer
  ) throws -> UInt64? {
    while true {
      do throws(SpateError) {
        // SAFETY: the block keeps the bytes until this returns.
        return try unsafe queue.append(
          RawSpan(_unsafeBytes: payload),
          key: RawSpan(_unsafeBytes: key),
          level: .published,
          until: .now + .milliseconds(100)
        )
      } catch {
        guard error.code == .backPressured else { throw error }
        if run.isStopping { return nil }
      }
    }
  }
}
