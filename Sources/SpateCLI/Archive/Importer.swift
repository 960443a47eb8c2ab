import Spate

/// Appends the records of an archive to a queue. One thread.
struct Importer {
  let queue: Queue
  /// Whether records get the sequences that they had.
  let keepsSequences: Bool

  /// Appends everything, up to a signal; the records may not be durable yet when this returns.
  func run(_ reader: inout ArchiveReader, progress: consuming ProgressBar) throws {
    var next = queue.durableSequence
    while let entry = try reader.next() {
      if keepsSequences { try skip(from: &next, to: entry.sequence) }
      // SAFETY: the reader keeps the bytes until its next move.
      try waitingForRoom {
        try unsafe queue.append(
          RawSpan(_unsafeBytes: entry.payload),
          key: RawSpan(_unsafeBytes: entry.key),
          headers: RawSpan(_unsafeBytes: entry.headers),
          timestamp: entry.timestamp,
          level: .published,
          until: .now + .seconds(1)
        )
      }
      next += 1
      if reader.recordCount % 256 == 0 {
        if Interruption.isRequested { return }
        progress.update(byteCount: reader.byteCount, recordCount: reader.recordCount)
      }
    }
    if keepsSequences, let end = reader.endSequence { try skip(from: &next, to: end) }
  }

  /// Uses up sequences that have no record: they were abandoned or lost where the archive comes from.
  private func skip(from next: inout UInt64, to sequence: UInt64) throws {
    while next < sequence {
      try waitingForRoom { try queue.claim(byteCount: 0, until: .now + .seconds(1)).abandon() }
      next += 1
    }
  }

  /// Tries again as long as there is no room in memory and nobody asks to stop.
  private func waitingForRoom(_ body: () throws -> Void) throws {
    while true {
      do { return try body() } catch let error as SpateError
        where error.code == .backPressured && !Interruption.isRequested
      {}
    }
  }
}
