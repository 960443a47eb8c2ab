import Synchronization

@testable import Spate

/// What a ring asks of the store around it, answered by the test. Any thread.
final class FakeRingEnvironment: RingEnvironment, BufferWaiter {
  private struct State {
    var wanted: [UInt64] = []
    var attentionCount = 0
    var freedCount = 0
    var hint = RecoveryHint(durable: LogMark(position: 0, sequence: 0), statePosition: 0)
    var clock: UInt64 = 1_000_000_000
  }

  private let state = Mutex(State())

  var timestamp: UInt64 {
    // Far apart, so that chunks do not grow unless a test wants them to.
    state.withLock { state in
      state.clock += 10_000_000
      return state.clock
    }
  }
  var recoveryHint: RecoveryHint { state.withLock { $0.hint } }
  var bufferWaiter: any BufferWaiter { self }

  func prepareSegment(byteCount: UInt64, atLeast minimum: UInt64) {
    state.withLock { $0.wanted.append(byteCount) }
  }
  func buffersWereFreed() { state.withLock { $0.freedCount += 1 } }
  func memoryWasFreed() { state.withLock { $0.freedCount += 1 } }
  func attend(_ bits: UInt32) { state.withLock { $0.attentionCount += 1 } }
  func warmMemory() {}

  /// Sizes of the segments that were asked for since the last call.
  func takeWanted() -> [UInt64] {
    state.withLock { state in
      let all = state.wanted
      state.wanted.removeAll()
      return all
    }
  }

  var freedCount: Int { state.withLock { $0.freedCount } }
}

/// A ring without threads and disk: claims, publishes and reads go through the test. One thread unless said.
final class RingFixture: @unchecked Sendable {
  // SAFETY: constants, and types that guard themselves; `nextNumber` is behind a lock.
  static let block = 4096

  let environment = FakeRingEnvironment()
  let pool: BufferPool
  let ring: Ring
  private let nextNumber = Mutex<UInt64>(0)

  init(
    maximalChunk: Int = 4096,
    minimalChunk: Int = 4096,
    stride: Int = 32 << 10,
    segmentByteCount: UInt64 = 80 << 10,
    budget: Int = 4 << 20,
    end: LogMark = LogMark(position: 0, sequence: 0),
    pool: BufferPool? = nil
  ) throws {
    self.pool = try pool ?? BufferPool(budget: budget)
    ring = Ring(
      end: end,
      epoch: 3,
      fencingEpoch: 0,
      flags: [],
      pool: self.pool,
      configuration: RingConfiguration(
        blockByteCount: Self.block,
        dataOffset: UInt64(Self.block),
        strideByteCount: stride,
        minimalChunkByteCount: minimalChunk,
        maximalChunkByteCount: maximalChunk,
        minimalSegmentByteCount: segmentByteCount,
        maximalSegmentByteCount: segmentByteCount,
        maximalClaimByteCount: 1 << 20
      )
    )
    ring.attach(environment: environment)
  }

  /// Hands over what was asked for. Returns whether anything was.
  @discardableResult
  func provide() -> Bool {
    let wanted = environment.takeWanted()
    for byteCount in wanted {
      let number = nextNumber.withLock { number in
        number += 1
        return number
      }
      let footer = Format.footerOffset(segmentByteCount: byteCount, blockByteCount: Self.block)!
      _ = ring.provide(
        PreparedSegment(
          number: number,
          path: "none",
          file: StorageFile(descriptor: -1),
          byteCount: byteCount,
          footerOffset: footer,
          blockByteCount: Self.block,
          writtenByteCount: byteCount
        )
      )
    }
    return !wanted.isEmpty
  }

  /// Claims, providing segments as they are asked for; nil when there is no room or the ring refuses.
  func claim(_ byteCount: Int, count: Int = 1) -> Place? {
    while true {
      switch ring.claim(byteCount: byteCount, sequenceCount: count) {
      case .claimed(let claimed): return Place(claimed)
      case .backPressured: if !provide() { return nil }
      case .refused: return nil
      }
    }
  }

  /// Claims at an expected sequence, providing segments as they are asked for.
  func claim(_ byteCount: Int, at sequence: UInt64) -> (place: Place?, next: UInt64?) {
    while true {
      switch ring.claim(byteCount: byteCount, at: sequence) {
      case .claimed(let claimed): return (Place(claimed), nil)
      case .elsewhere(let next): return (nil, next)
      case .backPressured: if !provide() { return (nil, nil) }
      case .refused: return (nil, nil)
      }
    }
  }

  /// Fills a claim with bytes that follow from its sequence, and publishes it as one record.
  func publish(_ place: Place, tag: UInt64 = 0) {
    let body = place.byteCount - FrameHeader.byteCount
    var header = FrameHeader(type: .record, timestamp: tag, bodyByteCount: body)
    let start = unsafe place.start
    for index in 0..<body {
      unsafe start.storeBytes(of: Self.byte(place.sequence, index), toByteOffset: 32 + index, as: UInt8.self)
    }
    header.checksum = 7
    unsafe header.encodeWithoutStamp(into: start)
    unsafe ring.publish(stamp: Format.stamp(salt: place.salt, position: place.position), at: start)
  }

  /// Byte `index` of the record with a sequence.
  static func byte(_ sequence: UInt64, _ index: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: sequence &* 31 &+ UInt64(index) &* 7 &+ 1)
  }

  /// All chunks attached, oldest first.
  var chunks: [Chunk] {
    var all: [Chunk] = []
    var next = ring.oldestChunk
    while let chunk = next {
      all.append(chunk)
      next = chunk.next
    }
    return all
  }
}

/// A claim, copied out of its noncopyable type.
@safe
struct Place: @unchecked Sendable {
  // SAFETY: used while the claim is not published.
  let start: UnsafeMutableRawPointer
  let byteCount: Int
  let position: UInt64
  let sequence: UInt64
  let salt: UInt64
  let chunk: Chunk

  init(_ claimed: consuming Claimed) {
    unsafe start = claimed.start
    byteCount = claimed.byteCount
    position = claimed.position
    sequence = claimed.sequence
    salt = claimed.salt
    chunk = claimed.chunk
  }

  var end: UInt64 { position + UInt64(byteCount) }
}

/// What a walk over published frames found.
struct WalkedFrame: Equatable {
  var position: UInt64
  var sequence: UInt64
  var type: FrameType
  var byteCount: Int
  var tag: UInt64
}

/// Reads a chunk's frames in memory from its base on; stops at the first word that is no published frame.
///
/// Returns them, where they end (the chunk's end behind a padding word), and whether record bytes and padding
/// are right.
func walk(_ chunk: Chunk, checkingBytes: Bool = true) -> (frames: [WalkedFrame], end: LogMark, isRight: Bool)
{
  var frames: [WalkedFrame] = []
  var position = chunk.basePosition
  var sequence = chunk.baseSequence
  var isRight = true
  while position < chunk.basePosition + UInt64(chunk.capacity) {
    let at = unsafe UnsafeRawPointer(chunk.buffer) + Int(position - chunk.basePosition)
    let word = unsafe Ring.loadStamp(at: at)
    let stamp = Format.stamp(salt: chunk.salt, position: position)
    if word == stamp ^ Format.paddingMask {
      let end = Format.alignUp(position, to: RingFixture.block)
      for offset in 8..<max(8, Int(end - position)) {
        if unsafe at.load(fromByteOffset: offset, as: UInt8.self) != 0 { isRight = false }
      }
      position = end
      break
    }
    guard word == stamp else { break }
    let header = unsafe FrameHeader(decoding: at)
    frames.append(
      WalkedFrame(
        position: position,
        sequence: sequence,
        type: header.type,
        byteCount: header.frameByteCount,
        tag: header.timestamp
      )
    )
    if checkingBytes, header.type == .record {
      for index in 0..<Int(header.bodyByteCount) {
        if unsafe at.load(fromByteOffset: 32 + index, as: UInt8.self) != RingFixture.byte(sequence, index) {
          isRight = false
        }
      }
    }
    position += UInt64(header.frameByteCount)
    if header.type.takesSequence { sequence += 1 }
  }
  return (frames, LogMark(position: position, sequence: sequence), isRight)
}
