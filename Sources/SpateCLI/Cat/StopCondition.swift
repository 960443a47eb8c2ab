import Spate

/// Where reading ends, whichever comes first: a sequence, a time, or a number of records.
struct StopCondition {
  private var endSequence: UInt64
  private var endTime = UInt64.max
  private var left: UInt64
  private var isOver = false

  /// - Parameters:
  ///   - durableEnd: the sequence behind what is durable now.
  ///   - follows: whether reading goes on there unless `until` says otherwise.
  init(until: EndArgument?, count: UInt64?, durableEnd: UInt64, follows: Bool) {
    endSequence = follows && until != .end ? .max : durableEnd
    left = count ?? .max
    switch until {
    case .sequence(let sequence): endSequence = min(endSequence, sequence)
    case .time(let time): endTime = time
    case .end, nil: break
    }
  }

  /// Whether nothing at or behind `sequence` is wanted.
  func isReached(at sequence: UInt64) -> Bool { isOver || left == 0 || sequence >= endSequence }

  /// The sequence behind what was wanted, when reading ended at `sequence`.
  func endSequence(at sequence: UInt64) -> UInt64 { endTime == .max ? min(sequence, endSequence) : 0 }

  /// Counts a record; false when it is the first one that is not wanted.
  @inline(__always)
  mutating func admits(_ record: borrowing Record) -> Bool {
    guard left > 0, record.sequence < endSequence, endTime == .max || record.timestamp < endTime else {
      isOver = true
      return false
    }
    left -= 1
    return true
  }
}
