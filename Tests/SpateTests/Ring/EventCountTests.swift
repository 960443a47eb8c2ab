import CSpate
import Glibc
import Synchronization
import Testing

@testable import Spate

@Suite("Ring: the event count")
struct EventCountTests {
  private final class Shared: Sendable {
    let event = EventCount()
    let value = Atomic<Int>(0)
    let answer = Atomic<Int>(0)
  }

  @Test("Two threads that wait for each other's every step never sleep through one")
  func noLostWakeUpBetweenThreads() throws {
    let shared = Shared()
    let steps = 20_000
    let other = try EngineThread(name: "echo") {
      for step in 1...steps {
        while true {
          let seen = shared.event.current
          if shared.value.load(ordering: .acquiring) == step { break }
          _ = shared.event.wait(from: seen, until: -1)
        }
        shared.answer.store(step, ordering: .releasing)
        shared.event.signal()
      }
    }
    for step in 1...steps {
      shared.value.store(step, ordering: .releasing)
      shared.event.signal()
      while true {
        let seen = shared.event.current
        if shared.answer.load(ordering: .acquiring) == step { break }
        _ = shared.event.wait(from: seen, until: -1)
      }
    }
    other.join()
    #expect(shared.answer.load(ordering: .relaxed) == steps)
  }

  // The limit ends a wait for ever. Where other tests use all threads of the pool, a minute passes before it begins.
  @Test("Many tasks that wait for the same value all go on, at each of many steps", .timeLimit(.minutes(15)))
  func noLostWakeUpBetweenTasks() async {
    let shared = Shared()
    let steps = 1500
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<8 {
        group.addTask {
          for step in 1...steps {
            while true {
              let seen = shared.event.current
              if shared.value.load(ordering: .acquiring) >= step { break }
              // A cancelled wait returns at once.
              if Task.isCancelled { return }
              await shared.event.wait(from: seen)
            }
            shared.answer.wrappingAdd(1, ordering: .acquiringAndReleasing)
          }
        }
      }
      group.addTask {
        for step in 1...steps {
          shared.value.store(step, ordering: .releasing)
          shared.event.signal()
          // No later event may help who missed this one.
          while shared.answer.load(ordering: .acquiring) < 8 * step, !Task.isCancelled { await Task.yield() }
        }
      }
    }
    #expect(shared.answer.load(ordering: .relaxed) == 8 * steps)
  }

  @Test("A cancelled task's wait ends, before or after it began, and others wait on")
  func cancellation() async {
    let shared = Shared()
    let other = Task { await shared.event.wait(from: shared.event.current) }
    for round in 0..<200 {
      let waiting = Task { await shared.event.wait(from: shared.event.current) }
      for _ in 0..<(round % 5) { await Task.yield() }
      waiting.cancel()
      await waiting.value
    }
    while shared.value.load(ordering: .relaxed) == 0 {
      shared.value.store(1, ordering: .relaxed)
      shared.event.signal()
      // A second one for the task that had not begun when the first came.
      other.cancel()
    }
    await other.value
  }

  @Test("One event wakes everybody who waits: none is preferred")
  func wakesAll() throws {
    let event = EventCount()
    let seen = event.current
    let begun = Atomic<Int>(0)
    let woken = Atomic<Int>(0)
    let threads = try (0..<8).map { _ in
      try EngineThread(name: "waits") {
        begun.wrappingAdd(1, ordering: .relaxed)
        let limit = Int64(spate_now_monotonic_ns()) + 5_000_000_000
        if event.wait(from: seen, until: limit) { woken.wrappingAdd(1, ordering: .relaxed) }
      }
    }
    while begun.load(ordering: .relaxed) < 8 { usleep(1000) }
    // One that does not sleep yet needs nobody to wake it.
    usleep(100_000)
    event.signal()
    for thread in threads { thread.join() }
    #expect(woken.load(ordering: .relaxed) == 8)
  }

  @Test("A wait from an older count returns at once; a deadline that passed says so")
  func returnsAtOnce() async {
    let event = EventCount()
    let seen = event.current
    event.signal()
    #expect(event.wait(from: seen, until: -1))
    await event.wait(from: seen)
    #expect(!event.wait(from: event.current, until: 0))
  }
}
