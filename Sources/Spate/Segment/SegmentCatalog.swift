import Synchronization

/// The segments of one queue, in the order of the log, and the damage that is known. Any thread.
///
/// INVARIANT: base positions and numbers strictly ascend; base sequences never descend. A segment's records
/// end where the next one's `cutPosition` says.
final class SegmentCatalog: Sendable {
  private struct State {
    var segments: [SegmentDescription]
    var damages: [DamagedRange]

    /// Takes out the segments that begin at or beyond a position.
    mutating func drop(from position: UInt64) -> [SegmentDescription] {
      let kept = segments.firstIndex(beyond: { $0.basePosition < position })
      defer { segments.removeSubrange(kept...) }
      return Array(segments[kept...])
    }
  }

  private let state: Mutex<State>

  /// A catalog of segments in ascending order. Ends that follow from the next segment are filled in.
  init(segments: [SegmentDescription] = [], damages: [DamagedRange] = []) {
    var segments = segments
    for index in segments.indices.dropLast() { segments[index].close(before: segments[index + 1].use) }
    let damages = damages.sorted { $0.positions.lowerBound < $1.positions.lowerBound }
    state = Mutex(State(segments: segments, damages: damages))
  }

  /// All segments, oldest first.
  var segments: [SegmentDescription] { state.withLock { $0.segments } }
  /// The oldest segment.
  var first: SegmentDescription? { state.withLock { $0.segments.first } }
  /// The newest segment: the active one, or after a recovery the last sealed one.
  var last: SegmentDescription? { state.withLock { $0.segments.last } }
  /// How many segments there are.
  var count: Int { state.withLock { $0.segments.count } }
  /// The bytes of all segment files.
  var byteCount: UInt64 { state.withLock { $0.segments.reduce(0) { $0 + $1.byteCount } } }
  /// The damage that is known, in order.
  var damages: [DamagedRange] { state.withLock { $0.damages } }

  /// The segment whose piece of the log holds a position; the last one for positions at or beyond its base,
  /// nil below the first.
  ///
  /// - Complexity: O(log n).
  func segment(containing position: UInt64) -> SegmentDescription? {
    state.withLock { state in
      let index = state.segments.firstIndex(beyond: { $0.basePosition <= position })
      return index == 0 ? nil : state.segments[index - 1]
    }
  }

  /// The segment that holds a record, by its sequence; the last one for sequences at or beyond its base, nil
  /// below the first. Of several that begin with the same sequence it is the last.
  ///
  /// - Complexity: O(log n).
  func segment(containingSequence sequence: UInt64) -> SegmentDescription? {
    state.withLock { state in
      let index = state.segments.firstIndex(beyond: { $0.baseSequence <= sequence })
      return index == 0 ? nil : state.segments[index - 1]
    }
  }

  /// The segment from which to look for the first record at or after a time: the last that began at or before
  /// it, the first one when all began later. Times are the callers' and the clock's, so it is a hint.
  func segment(atTimestamp timestamp: UInt64) -> SegmentDescription? {
    state.withLock { state in
      let index = state.segments.firstIndex(beyond: { $0.baseTimestamp <= timestamp })
      return index == 0 ? state.segments.first : state.segments[index - 1]
    }
  }

  /// The segment after the one with a number, even if that one was trimmed meanwhile.
  func segment(after number: UInt64) -> SegmentDescription? {
    state.withLock { state in
      let index = state.segments.firstIndex(beyond: { $0.number <= number })
      return index < state.segments.count ? state.segments[index] : nil
    }
  }

  /// The known damage that a position lies in.
  func damage(at position: UInt64) -> DamagedRange? {
    state.withLock { $0.damages.first { $0.positions.contains(position) } }
  }

  /// Where the next known damage behind a position begins.
  func damageBegin(after position: UInt64) -> UInt64? {
    state.withLock { $0.damages.first { $0.positions.lowerBound > position }?.positions.lowerBound }
  }

  /// Adds damage that was found: by recovery, or by a cursor. Ranges that are known already are kept once.
  func add(_ damage: DamagedRange) {
    state.withLock { state in
      guard !state.damages.contains(damage) else { return }
      let index = state.damages.firstIndex(beyond: { $0.positions.lowerBound <= damage.positions.lowerBound })
      state.damages.insert(damage, at: index)
      for position in state.segments.indices where state.segments[position].number == damage.segmentNumber {
        state.segments[position].isDamaged = true
      }
    }
  }

  /// Takes in a new last segment, at a roll, after a recovery or for a truncation. Earlier segments end at
  /// its cut; those that begin at or beyond its base are dropped and returned: their files are for the caller
  /// to remove, once the new segment's use sector is durable.
  @discardableResult
  func append(_ segment: SegmentDescription) -> [SegmentDescription] {
    state.withLock { state in
      precondition(state.segments.allSatisfy { $0.number < segment.number }, "segment numbers ascend")
      let dropped = state.drop(from: segment.basePosition)
      if !state.segments.isEmpty { state.segments[state.segments.count - 1].close(before: segment.use) }
      state.damages.removeAll { $0.positions.lowerBound >= segment.use.cutPosition }
      state.segments.append(segment)
      return dropped
    }
  }

  /// Ends the log at `mark`, for a truncation: records beyond are not read any more. Returns the segments that lie beyond
  /// as a whole; their files are for the caller to remove, as with ``append(_:)``.
  func cut(at mark: LogMark) -> [SegmentDescription] {
    state.withLock { state in
      let dropped = state.drop(from: mark.position)
      if let last = state.segments.indices.last {
        state.segments[last].endPosition = min(state.segments[last].endPosition ?? .max, mark.position)
        state.segments[last].endSequence = min(state.segments[last].endSequence ?? .max, mark.sequence)
      }
      state.damages.removeAll { $0.positions.lowerBound >= mark.position }
      return dropped
    }
  }

  /// Notes where a segment's records end. No effect if it was trimmed.
  func seal(_ number: UInt64, endPosition: UInt64, endSequence: UInt64, lastTimestamp: UInt64?) {
    state.withLock { state in
      guard let index = state.segments.lastIndex(where: { $0.number == number }) else { return }
      state.segments[index].endPosition = endPosition
      state.segments[index].endSequence = endSequence
      if let lastTimestamp { state.segments[index].lastTimestamp = lastTimestamp }
    }
  }

  /// Drops the oldest segment, unless it is the only one, and returns it: its file is for the caller to
  /// recycle or remove, once a checkpoint with the new beginning is durable.
  func removeFirst() -> SegmentDescription? {
    state.withLock { state in
      guard state.segments.count > 1 else { return nil }
      let first = state.segments.removeFirst()
      let begin = state.segments[0].basePosition
      state.damages.removeAll { $0.positions.upperBound <= begin }
      return first
    }
  }
}

extension SegmentDescription {
  /// Ends the segment's records where the segment after it says.
  fileprivate mutating func close(before next: SegmentUse) {
    endPosition = min(endPosition ?? .max, next.cutPosition)
    endSequence = min(endSequence ?? .max, next.baseSequence)
  }
}

extension Array {
  /// The index of the first element for which an ascending property stops holding, by bisection.
  fileprivate func firstIndex(beyond holds: (Element) -> Bool) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if holds(self[middle]) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
