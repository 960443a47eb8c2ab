@testable import Spate

/// One file of a ``SimulatedDisk``: what reads see, what the medium has, and the writes that lie in between.
///
///     write ──► seen ──► unsynced ──(sync)──► medium
///                           │
///                           └──(cut)──► each sector of each write is on the medium, or is not
///
/// A sync covers the writes that had completed when it was asked for. A durable write covers its own bytes and
/// says nothing of others. After a failed sync the bytes are seen as before, but no later sync takes those to the medium
/// that went through the page cache. Those that went past it are in the device, and a later sync asks for them again.
final class SimulatedFile {
  private struct Write {
    var ordinal: UInt64
    var offset: Int
    var bytes: [UInt8]
    var isDurable: Bool
    var isDirect: Bool
  }

  /// What a power cut leaves of what was not synced.
  struct Tearing {
    /// The piece that is written as a whole: 512 or 4096 bytes.
    var grain: Int
    /// How many of a hundred pieces survive.
    var percent: Int
  }

  /// Tells files apart, in the trace too.
  let number: Int
  private(set) var seen = SimulatedBytes()
  private var medium = SimulatedBytes()
  private var unsynced: [Write] = []
  /// The number of the last write that completed.
  private(set) var lastOrdinal: UInt64 = 0
  /// Whether the process may still change the file by writes in flight, after its end.
  var orphanCount = 0

  init(number: Int) { self.number = number }

  var byteCount: Int { seen.count }

  /// How many bytes wait for a sync.
  var unsyncedByteCount: Int { unsynced.reduce(0) { $0 + $1.bytes.count } }

  /// Extends the file.
  func extend(to byteCount: Int) { seen.extend(to: byteCount) }

  /// A write that completed.
  ///
  /// SAFETY: `bytes` are readable.
  @unsafe
  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int, durably: Bool, isDirect: Bool) {
    lastOrdinal += 1
    unsafe seen.put(bytes, at: offset)
    if durably && unsynced.isEmpty { return unsafe medium.put(bytes, at: offset) }
    unsynced.append(
      Write(
        ordinal: lastOrdinal,
        offset: offset,
        bytes: unsafe Array(bytes),
        isDurable: durably,
        isDirect: isDirect
      )
    )
  }

  /// A sync that succeeded; it was asked for when `ordinal` was the last write that had completed.
  func sync(through ordinal: UInt64) {
    var count = 0
    for write in unsynced where write.ordinal <= ordinal {
      unsafe write.bytes.withUnsafeBytes { unsafe medium.put($0, at: write.offset) }
      count += 1
    }
    unsynced.removeFirst(count)
    if unsynced.isEmpty { medium.extend(to: seen.count) }
  }

  /// A sync that failed: of what it was to cover in the page cache some sectors are on the medium, and nothing else ever
  /// will be.
  func failSync(through ordinal: UInt64, _ random: SeededRandom) {
    let tearing = Tearing(grain: 512, percent: [0, 0, 50][random.below(3)])
    for write in unsynced where write.ordinal <= ordinal && !write.isDirect {
      settle(write, tearing, random)
    }
    unsynced.removeAll { $0.ordinal <= ordinal && !$0.isDirect }
  }

  /// The power went: what is not on the medium is gone, but for what had got there by chance.
  func cut(_ tearing: Tearing, _ random: SeededRandom) {
    for write in unsynced { settle(write, tearing, random) }
    unsynced.removeAll()
    if random.chance(50) { medium.extend(to: seen.count) }
    seen = SimulatedBytes(copying: medium)
  }

  private func settle(_ write: Write, _ tearing: Tearing, _ random: SeededRandom) {
    unsafe write.bytes.withUnsafeBytes { bytes in
      if write.isDurable || tearing.percent == 100 { return unsafe medium.put(bytes, at: write.offset) }
      guard tearing.percent > 0 else { return }
      var start = 0
      while start < bytes.count {
        let end = min(bytes.count, start + tearing.grain - (write.offset + start) % tearing.grain)
        if random.chance(tearing.percent) {
          unsafe medium.put(UnsafeRawBufferPointer(rebasing: bytes[start..<end]), at: write.offset + start)
        }
        start = end
      }
    }
  }

  /// A bit turns over at rest. Only while nothing is unsynced.
  func flip(bit: Int, at offset: Int) {
    guard offset < medium.count, offset < seen.count else { return }
    medium.flip(bit: bit, at: offset)
    seen.flip(bit: bit, at: offset)
  }
}
