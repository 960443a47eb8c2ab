import CSpate
import Synchronization

// The fencing epoch: the word that keeps those who were replaced from appending.
extension Ring {
  /// The fencing epoch in force.
  ///
  /// ORDERING: relaxed. A claimant looks again behind its claim, whose acquire makes it see what was raised before
  /// any claim that the word of its chunk has seen: see ``raiseFence(to:)``.
  @inline(__always)
  var fencingEpoch: UInt64 { unsafe words.header.pointee.fencingEpoch.load(ordering: .relaxed) }

  /// Puts a fencing epoch in force that is not below the one that is. One caller at a time, before the claim of the
  /// frame that tells of it: whoever claims behind that frame then sees the epoch once it has its claim.
  func raiseFence(to epoch: UInt64) {
    // Not `max`: this standard library's compares as if the words had signs.
    let isNew = epoch > fencingEpoch
    if isNew { unsafe words.header.pointee.fencingEpoch.store(epoch, ordering: .relaxed) }
    // ORDERING: release, pairs with the acquire of each claim that comes behind our next one: the claims of a chunk are
    // one chain of read-modify-writes of its word, and a chunk is opened by somebody who saw how the one before it ended.
    atomicMemoryFence(ordering: .releasing)
    // Who waits for room hears that it waits in vain.
    if isNew { changed.signal() }
  }

  /// Makes frames that cursors pass over of a claim that nobody may see: one for each of its sequences.
  ///
  ///     ┌───────────┬───────────┬─ … ─┬───────────────────────┐
  ///     │ abandoned │ abandoned │     │ abandoned             │    the last one takes what is left
  ///     └───────────┴───────────┴─ … ─┴───────────────────────┘
  ///
  /// Given in pieces: what is passed as a whole has to be put together in memory, by each append.
  func abandon(
    _ start: UnsafeMutableRawPointer,
    byteCount: Int,
    sequenceCount: Int,
    position: UInt64,
    salt: UInt64,
    timestamp: UInt64
  ) {
    // SAFETY: the claim owns its bytes until it is published; each of its records has a frame header at least. The first
    // word is left alone, since the committer may look at it; the rest may hold bytes of another queue.
    unsafe (start + 8).initializeMemory(as: UInt8.self, repeating: 0, count: byteCount - 8)
    for index in 0..<sequenceCount {
      let offset = index * FrameHeader.byteCount
      let room = index + 1 < sequenceCount ? FrameHeader.byteCount : byteCount - offset
      var header = FrameHeader(
        type: .abandoned,
        timestamp: timestamp,
        bodyByteCount: room - FrameHeader.byteCount
      )
      header.checksum = unsafe spate_crc32c_frame(header.bodyByteCount, timestamp, header.shape, start, 0)
      unsafe header.encodeWithoutStamp(into: start + offset)
      guard index > 0 else { continue }
      let stamp = Format.stamp(salt: salt, position: position &+ UInt64(offset))
      // ORDERING: plain: nobody looks at this stamp before the first one's release.
      unsafe (start + offset).storeBytes(of: stamp.littleEndian, as: UInt64.self)
    }
    unsafe publish(stamp: Format.stamp(salt: salt, position: position), at: start)
  }
}
