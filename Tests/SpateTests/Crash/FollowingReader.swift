import CSpate
import Synchronization

@testable import Spate
@testable import SpateCrashChild

/// A reader of a store whose owners come, go and are killed: notes all that it is shown.
///
/// What it saw is durable by promise, so every later look at the log must agree with it.
final class FollowingReader: Sendable {
  private struct State {
    var seen: [String: [UInt64: UInt64]] = [:]
    var complaints: [String] = []
  }

  private let store: ReadOnlyStore
  private let state = Mutex(State())
  private let isEnding = Atomic<Bool>(false)
  private let threads = Mutex<[EngineThread]>([])

  /// Follows these queues of a store that is there, each on a thread.
  init(path: String, queues: [String]) throws {
    store = try ReadOnlyStore.open(at: path)
    for name in queues {
      let queue = try store.queue(named: name)
      let thread = try EngineThread(name: "reader") { [unowned self] in read(queue) }
      threads.withLock { $0.append(thread) }
    }
  }

  deinit { end() }

  /// Ends the reading.
  func end() {
    isEnding.store(true, ordering: .releasing)
    let ended = threads.withLock { threads in
      defer { threads = [] }
      return threads
    }
    for thread in ended { thread.join() }
    store.close()
  }

  /// By sequence, the hash of what was seen in a queue since the last call; and what should not have happened.
  func take(_ queue: String) -> (seen: [UInt64: UInt64], complaints: [String]) {
    state.withLock { state in
      defer {
        state.seen[queue] = [:]
        state.complaints = []
      }
      return (state.seen[queue] ?? [:], state.complaints)
    }
  }

  /// The same, and nothing is forgotten.
  func peek(_ queue: String) -> (seen: [UInt64: UInt64], complaints: [String]) {
    state.withLock { ($0.seen[queue] ?? [:], $0.complaints) }
  }

  private func read(_ queue: ReadOnlyQueue) {
    guard var cursor = try? queue.cursor() else { return complain("\(queue.name): no cursor") }
    while !isEnding.load(ordering: .acquiring) {
      do throws(SpateError) {
        while let record = try cursor.next(until: .now + .milliseconds(20)) {
          let hash = CrashRecord.hash(CursorFixture.bytes(record.payload))
          let sequence = record.sequence
          state.withLock { $0.seen[queue.name, default: [:]][sequence] = hash }
          if isEnding.load(ordering: .acquiring) { return }
        }
      } catch {
        // Trimmed before it was read: what is kept comes next.
        guard error.code == .outOfRange, let next = error.sequence else {
          return complain("\(queue.name): \(error)")
        }
        try? cursor.seek(to: .sequence(next))
      }
    }
  }

  private func complain(_ text: String) { state.withLock { $0.complaints.append(text) } }
}
