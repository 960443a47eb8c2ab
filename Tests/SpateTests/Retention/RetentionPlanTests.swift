import Testing

@testable import Spate

/// What the plan allows to go, case by case.
@Suite struct RetentionPlanTests {
  /// Segments of 100 bytes and ten records; the last record of number n is n + 1 seconds old when `now` is 100 s.
  private func segments(_ count: Int) -> [SegmentDescription] {
    (0..<count).map { index in
      var segment = SegmentDescription(
        number: UInt64(index),
        path: "",
        byteCount: 100,
        footerOffset: 90,
        blockByteCount: 4096,
        use: SegmentUse(
          salt: 1,
          basePosition: UInt64(index * 4096),
          baseSequence: UInt64(index * 10),
          epoch: 1,
          baseTimestamp: 0
        )
      )
      if index < count - 1 {
        segment.endPosition = UInt64((index + 1) * 4096)
        segment.endSequence = UInt64((index + 1) * 10)
        segment.lastTimestamp = UInt64(100 - (count - 1 - index)) * 1_000_000_000
      }
      return segment
    }
  }

  private func plan(
    _ count: Int = 6,
    durable: UInt64 = .max,
    acknowledged: UInt64?,
    _ configure: (inout RetentionOptions) -> Void = { _ in }
  ) -> RetentionPlan {
    var options = RetentionOptions()
    configure(&options)
    return RetentionPlan(
      segments: segments(count),
      durable: durable,
      acknowledged: acknowledged,
      options: options,
      now: 100_000_000_000
    )
  }

  @Test func withoutNamedCursorsEverythingStaysUpToTheMaxima() {
    #expect(plan(acknowledged: nil).count == 0)
    #expect(plan(acknowledged: nil) { $0.maximalByteCount = 600 }.count == 0)
    #expect(plan(acknowledged: nil) { $0.maximalByteCount = 599 }.count == 1)
    #expect(plan(acknowledged: nil) { $0.maximalByteCount = 0 }.count == 5)
    #expect(plan(acknowledged: nil) { $0.maximalAgeNanoseconds = 2_500_000_000 }.count == 3)
    #expect(plan(1, acknowledged: nil) { $0.maximalByteCount = 0 }.count == 0)
  }

  @Test func whatAllCursorsAcknowledgedGoes() {
    #expect(plan(acknowledged: 0).count == 0)
    #expect(plan(acknowledged: 9).count == 0)
    #expect(plan(acknowledged: 10).count == 1)
    #expect(plan(acknowledged: 39).count == 3)
    #expect(plan(acknowledged: .max).count == 5)
    #expect(plan(durable: 4096 * 2, acknowledged: .max).count == 2)
    #expect(plan(durable: 4096 * 2 - 1, acknowledged: .max).count == 1)
  }

  @Test func minimaKeepWhatIsAcknowledged() {
    #expect(plan(acknowledged: .max) { $0.minimalByteCount = 350 }.count == 2)
    #expect(plan(acknowledged: .max) { $0.minimalAgeNanoseconds = 3_000_000_000 }.count == 3)
    #expect(
      plan(acknowledged: .max) {
        $0.minimalByteCount = 350
        $0.maximalByteCount = 450
      }.count == 2
    )
  }

  @Test func unacknowledgedRecordsGoOnlyWhenThatWasAskedFor() {
    #expect(plan(acknowledged: 15) { $0.maximalByteCount = 200 }.count == 1)
    #expect(
      plan(acknowledged: 15) {
        $0.maximalByteCount = 200
        $0.evictsUnacknowledged = true
      }.count == 4
    )
    #expect(
      plan(acknowledged: 0) {
        $0.maximalAgeNanoseconds = 1_500_000_000
        $0.evictsUnacknowledged = true
      }.count == 4
    )
  }

  @Test func timeThatWillAllowMoreIsTold() {
    #expect(plan(acknowledged: nil).nextLookNanoseconds == nil)
    #expect(plan(acknowledged: 5).nextLookNanoseconds == nil)
    #expect(
      plan(acknowledged: nil) { $0.maximalAgeNanoseconds = 2_500_000_000 }.nextLookNanoseconds == 501_000_000
    )
    #expect(
      plan(acknowledged: .max) { $0.minimalAgeNanoseconds = 7_000_000_000 }.nextLookNanoseconds
        == 2_001_000_000
    )
    #expect(plan(acknowledged: 5) { $0.maximalAgeNanoseconds = 7_000_000_000 }.nextLookNanoseconds == nil)
  }

  @Test func aMinimumAboveItsMaximumIsRefused() throws {
    let fixture = try CursorFixture()
    var options = QueueOptions()
    options.retention.minimalByteCount = 2 << 20
    options.retention.maximalByteCount = 1 << 20
    #expect(failure { try fixture.store.queue(named: "x", options: options) }?.code == .invalidArgument)
    options.retention = RetentionOptions()
    options.quotaByteCount = 100
    #expect(failure { try fixture.store.queue(named: "x", options: options) }?.code == .invalidArgument)
  }
}
