import Synchronization

/// Values that one thread puts and another takes, in order. Any thread.
final class Handover<Value: Sendable>: Sendable {
  private struct State {
    var values: [Value] = []
    var isClosed = false
  }

  private let state = Mutex(State())
  private let changed = Signal()

  /// Adds a value behind the others.
  func put(_ value: Value) {
    state.withLock { $0.values.append(value) }
    changed.signal()
  }

  /// Takes the first value, waiting for one. Nil once it is closed and empty.
  func take() -> Value? {
    while true {
      let seen = changed.count
      let (value, isClosed) = state.withLock { state in
        (state.values.isEmpty ? nil : state.values.removeFirst(), state.isClosed)
      }
      if let value { return value }
      if isClosed { return nil }
      changed.wait(from: seen)
    }
  }

  /// Takes all values that are there, waiting for one. Empty once it is closed and empty.
  func takeAll() -> [Value] {
    while true {
      let seen = changed.count
      let (values, isClosed) = state.withLock { state in
        defer { state.values = [] }
        return (state.values, state.isClosed)
      }
      if !values.isEmpty || isClosed { return values }
      changed.wait(from: seen)
    }
  }

  /// Says that nothing more will be put.
  func close() {
    state.withLock { $0.isClosed = true }
    changed.signal()
  }
}
