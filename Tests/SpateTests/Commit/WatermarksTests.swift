import CSpate
import Synchronization
import Testing

@testable import Spate

@Suite("Commit: watermarks")
struct WatermarksTests {
  private static let begin = LogMark(position: 4096, sequence: 10)

  private final class Counter: Sendable {
    let value = Atomic<Int>(0)
  }

  private static func mark(_ step: UInt64) -> LogMark {
    LogMark(position: 4096 + step * 100, sequence: 10 + step)
  }

  @Test("Tasks are woken when their own place is covered, not before", .timeLimit(.minutes(15)))
  func precise() async {
    let marks = Watermarks(at: Self.begin)
    let done = Counter()
    await withTaskGroup(of: Void.self) { group in
      for step in UInt64(1)...40 {
        group.addTask {
          let isWritten = step % 2 == 0
          let byPosition = step % 4 < 2
          let kind: Watermarks.Kind =
            isWritten
            ? (byPosition ? .writtenPosition : .writtenSequence)
            : (byPosition ? .durablePosition : .durableSequence)
          let target = Self.mark(step)
          try? await marks.wait(kind, for: byPosition ? target.position : target.sequence)
          let reached = isWritten ? marks.written : marks.durable
          #expect(reached.position >= target.position)
          done.value.wrappingAdd(1, ordering: .relaxed)
        }
      }
      var step: UInt64 = 0
      while done.value.load(ordering: .relaxed) < 40 {
        step = min(step + 1, 41)
        var covered: [Waiter] = []
        // The written mark runs ahead of the durable one.
        let (written, durable) = (Self.mark(min(step + 3, 41)), Self.mark(step))
        marks.advance(written: written, durable: durable, covered: &covered)
        for waiter in covered {
          #expect(waiter.target <= written.position)
          waiter.complete(with: nil)
        }
        await Task.yield()
      }
    }
    #expect(
      marks.durableSequence == marks.durable.sequence && marks.durablePosition == marks.durable.position
    )
  }

  @Test("What is covered already needs no wait, also after a failure; the rest gets the failure")
  func failure() async throws {
    let marks = Watermarks(at: Self.begin)
    var covered: [Waiter] = []
    marks.advance(written: Self.mark(5), durable: Self.mark(3), covered: &covered)
    let waiting = Task { () -> SpateError? in
      do throws(SpateError) {
        try await marks.wait(.durableSequence, for: Self.mark(4).sequence)
        return nil
      } catch {
        return error
      }
    }
    while !marks.isDurabilityAwaited { await Task.yield() }
    marks.fail(SpateError(.syncFailed, "lost"))
    #expect(await waiting.value?.code == .syncFailed)
    try await marks.wait(.durableSequence, for: Self.mark(3).sequence)
    try await marks.wait(.writtenPosition, for: Self.mark(5).position)
    await #expect(throws: SpateError.self) {
      try await marks.wait(.writtenPosition, for: Self.mark(6).position)
    }
    marks.fail(SpateError(.closed, "later"))
    #expect(marks.failure?.code == .syncFailed)
  }

  @Test("Cancelling ends the wait of that task only, before it began or while it waits")
  func cancellation() async {
    let marks = Watermarks(at: Self.begin)
    for round in 0..<100 {
      let waiting = Task { () -> SpateError.Code? in
        do throws(SpateError) {
          try await marks.wait(.durablePosition, for: .max)
          return nil
        } catch {
          return error.code
        }
      }
      for _ in 0..<(round % 4) { await Task.yield() }
      waiting.cancel()
      #expect(await waiting.value == .cancelled)
    }
    #expect(!marks.isDurabilityAwaited)
  }

  @Test("A wait that meets its deadline leaves nothing behind, whoever is faster")
  func deadlines() throws {
    let marks = Watermarks(at: Self.begin)
    let isDone = Counter()
    let threads = try (0..<3).map { index in
      try EngineThread(name: "wait") {
        var step: UInt64 = 1
        while isDone.value.load(ordering: .acquiring) == 0 {
          let target = Self.mark(step).sequence
          do throws(SpateError) {
            try marks.wait(.durableSequence, for: target, until: Int64(spate_now_monotonic_ns()) + 20_000)
            step += UInt64(index) + 1
          } catch {
            if error.code != .timedOut { Issue.record("\(error)") }
          }
        }
      }
    }
    for step in UInt64(1)...3000 {
      var covered: [Waiter] = []
      marks.advance(written: Self.mark(step), durable: Self.mark(step), covered: &covered)
      for waiter in covered {
        if waiter.target > Self.mark(step).sequence { Issue.record("woken too early") }
        waiter.complete(with: nil)
      }
      for _ in 0..<200 { spate_cpu_pause() }
    }
    isDone.value.store(1, ordering: .releasing)
    for thread in threads { thread.join() }
    #expect(!marks.isDurabilityAwaited)
  }
}
