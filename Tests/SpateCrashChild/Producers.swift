import Glibc
import Spate

/// Threads that append in all ways until the process is killed, and print what was acknowledged:
/// `queue sequence hash level`, one line a record, after the append returned.
struct Producers {
  private let arguments: ChildArguments

  init(_ arguments: ChildArguments) { self.arguments = arguments }

  func run() throws(SpateError) {
    let store = try Store.open(at: arguments.path, options: arguments.storeOptions)
    var queues: [Queue] = []
    for name in ["a", "b"] { queues.append(try store.queue(named: name, options: arguments.queueOptions)) }
    Output.write("open\n")
    let producers = arguments.number("producers", otherwise: 4)
    for producer in 0..<UInt32(producers) {
      let body = Producer(
        queue: queues[Int(producer) % 2],
        life: arguments.number("life", otherwise: 0),
        producer: producer,
        seed: arguments.number("seed", otherwise: 1) &+ UInt64(producer)
      )
      startThread { body.run() }
    }
    while true { pause() }
  }
}
