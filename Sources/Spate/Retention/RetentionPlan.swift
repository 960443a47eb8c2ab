/// Which of a queue's oldest segments may go now, and when to look again. Pure: what it is made from decides.
struct RetentionPlan: Equatable {
  /// How many of the oldest segments may be trimmed.
  var count = 0
  /// In how many nanoseconds time alone may allow more; nil when it cannot.
  var nextLookNanoseconds: UInt64?

  /// - Parameters:
  ///   - segments: all segments, oldest first; the last one is never trimmed.
  ///   - durable: how far the log is durable: a segment that was not sealed durably stays.
  ///   - acknowledged: what all named cursors have acknowledged; nil without named cursors.
  ///   - now: ns since 1970.
  init(
    segments: [SegmentDescription],
    durable: UInt64,
    acknowledged: UInt64?,
    options: RetentionOptions,
    now: UInt64
  ) {
    var byteCount = segments.reduce(0) { $0 + $1.byteCount }
    for (segment, next) in zip(segments, segments.dropFirst()) {
      guard let end = segment.endPosition, let endSequence = segment.endSequence, end <= durable else {
        return
      }
      let last = segment.lastTimestamp ?? next.baseTimestamp
      let age = now - min(last, now)
      let isOver =
        byteCount > options.maximalByteCount ?? .max || age > options.maximalAgeNanoseconds ?? .max
      let isNeeded = acknowledged.map { $0 < endSequence } ?? false
      byteCount -= segment.byteCount
      let isAllowed =
        isOver
        ? !isNeeded || options.evictsUnacknowledged
        : acknowledged != nil && !isNeeded && byteCount >= options.minimalByteCount
          && age >= options.minimalAgeNanoseconds
      guard isAllowed else {
        nextLookNanoseconds = Self.nextLook(age: age, isNeeded: isNeeded, acknowledged: acknowledged, options)
        return
      }
      count += 1
    }
  }

  /// When the age of a segment that stays for now may change that.
  private static func nextLook(
    age: UInt64,
    isNeeded: Bool,
    acknowledged: UInt64?,
    _ options: RetentionOptions
  ) -> UInt64? {
    var limits: [UInt64] = []
    if let maximum = options.maximalAgeNanoseconds, !isNeeded || options.evictsUnacknowledged {
      limits.append(maximum)
    }
    if acknowledged != nil, !isNeeded { limits.append(options.minimalAgeNanoseconds) }
    return limits.filter { $0 >= age }.map { $0 - age + 1_000_000 }.min()
  }
}
