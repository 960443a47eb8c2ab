/// What the child tells the demo, through a pipe: eight 64-bit words each, so that a page of them is one whole write.
///
///     word   opened             acknowledged                     statistics
///        0   1                  2                                3
///        1   recovery ns        producer, bit 63: catching up    ring bytes
///        2   durable sequence   first number                     memory budget
///        3                      first sequence                   records a commit
///        4                      count                            bytes a commit
///        5                      due                              sync p50
///        6                      acknowledged                     sync p99
///        7                                                       peak memory
enum DemoMessage: Equatable {
  /// The store is open; how long that took, and how many records it held.
  case opened(nanoseconds: UInt64, durableSequence: UInt64)
  case acknowledged(DemoBatch)
  case statistics(DemoStatistics)

  static let byteCount = 64
  /// How many bytes of messages a pipe takes as a whole.
  static let atomicByteCount = 4096

  /// The message's words.
  var words: [UInt64] {
    switch self {
    case .opened(let nanoseconds, let sequence): [1, nanoseconds, sequence, 0, 0, 0, 0, 0]
    case .acknowledged(let batch):
      [
        2, batch.producer | (batch.isCatchingUp ? 1 << 63 : 0), batch.firstNumber, batch.firstSequence,
        batch.count,
        batch.due, batch.acknowledged, 0,
      ]
    case .statistics(let facts):
      [
        3, facts.ringByteCount, facts.memoryBudgetByteCount, facts.commitRecordCount, facts.commitByteCount,
        facts.syncP50Nanoseconds, facts.syncP99Nanoseconds, facts.peakMemoryByteCount,
      ]
    }
  }

  /// Nil for words that are no message.
  init?(words: [UInt64]) {
    guard words.count == 8 else { return nil }
    switch words[0] {
    case 1: self = .opened(nanoseconds: words[1], durableSequence: words[2])
    case 2:
      let producer = words[1] & ~(1 << 63)
      guard producer < DemoPlan.producerCount else { return nil }
      self = .acknowledged(
        DemoBatch(
          producer: producer,
          firstNumber: words[2],
          firstSequence: words[3],
          count: words[4],
          due: words[5],
          acknowledged: words[6],
          isCatchingUp: words[1] >> 63 == 1
        )
      )
    case 3:
      self = .statistics(
        DemoStatistics(
          ringByteCount: words[1],
          memoryBudgetByteCount: words[2],
          commitRecordCount: words[3],
          commitByteCount: words[4],
          syncP50Nanoseconds: words[5],
          syncP99Nanoseconds: words[6],
          peakMemoryByteCount: words[7]
        )
      )
    default: return nil
    }
  }
}
