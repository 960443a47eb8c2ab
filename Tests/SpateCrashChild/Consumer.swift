import Glibc
import Spate

/// Named cursors that read and acknowledge beside a producer until the process is killed.
///
/// Prints `d name first end` before it acknowledges what it was delivered, and `a name end` after an acknowledgement
/// that was waited for.
final class Consumer {
  static let names = ["quick", "slow"]

  private let queue: Queue
  private let name: String
  private var state: UInt64

  init(queue: Queue, name: String, seed: UInt64) {
    self.queue = queue
    self.name = name
    state = seed | 1
  }

  static func run(_ arguments: ChildArguments) throws(SpateError) {
    let store = try Store.open(at: arguments.path, options: arguments.storeOptions)
    let queue = try store.queue(named: "events", options: arguments.queueOptions)
    let seed = arguments.number("seed", otherwise: 1)
    start(on: queue, seed: seed)
    Output.write("open\n")
    var number = seed
    while true {
      number &+= 1
      let payload = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: Int(number % 900))
      try queue.append(payload, level: number % 5 == 0 ? .durable : .published)
    }
  }

  /// Starts a thread for each cursor.
  static func start(on queue: Queue, seed: UInt64) {
    for (index, name) in names.enumerated() {
      let consumer = Consumer(queue: queue, name: name, seed: seed &+ 77 &* UInt64(index + 1))
      startThread { do { try consumer.consume() } catch { Output.fail("\(error)") } }
    }
  }

  private func random(_ bound: UInt64) -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state % bound
  }

  private func consume() throws(SpateError) {
    while true {
      var cursor = try queue.cursor(named: name)
      for _ in 0..<(1 + random(200)) {
        guard let batch = try cursor.nextBatch(maximalCount: Int(1 + random(40)), until: nil) else {
          continue
        }
        Output.write("d \(name) \(batch.firstSequence) \(batch.endSequence)\n")
        if name == "slow" { usleep(UInt32(random(2_000))) }
        if random(8) == 0 {
          try batch.acknowledge(waitingFor: .durable)
          Output.write("a \(name) \(batch.endSequence)\n")
        } else {
          try batch.acknowledge()
        }
      }
    }
  }
}
