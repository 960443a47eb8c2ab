/// A hold on bytes that records are lent from: a pinned chunk, a mapped window of a segment, or a copy.
///
/// Shared by a cursor and its batches; the last one that lets go gives the bytes back, on any thread.
@safe
final class Lease: @unchecked Sendable {
  /// What is held.
  @safe
  enum Kind {
    // SAFETY: the region is a whole mapping, read until the lease ends.
    case chunk(Chunk)
    /// The file is held too where that keeps the segment from being reused.
    case window(UnsafeRawBufferPointer, segmentNumber: UInt64, file: OpenSegment?)
    case copy(BlockBuffer)
  }

  // SAFETY: constants; the bytes are only read, and stay until the lease ends.
  private let kind: Kind
  private let log: CursorLog
  private let support: CursorSupport

  /// Takes over what `kind` names: a booked pin, a mapping with a registered use, or a buffer.
  init(_ kind: Kind, log: CursorLog, support: CursorSupport) {
    self.kind = kind
    self.log = log
    self.support = support
  }

  deinit {
    switch kind {
    case .chunk(let chunk):
      support.pins.giveBack(chunk)
      log.tail?.unpin(chunk)
    case .window(let region, let number, _):
      unsafe log.storage.unmap(region)
      log.cursors.endUse(ofSegment: number)
    case .copy: break
    }
  }
}
