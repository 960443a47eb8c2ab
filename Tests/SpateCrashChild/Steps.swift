import Spate

/// Appends as many records as each line of its input says, one after the other, prints what was acknowledged as
/// ``Producers`` do, and then `end` and the sequence of the first record that is kept.
enum Steps {
  static func run(_ arguments: ChildArguments) throws(SpateError) {
    let store = try Store.open(at: arguments.path, options: arguments.storeOptions)
    let queue = try store.queue(named: "a", options: arguments.queueOptions)
    var number: UInt64 = 0
    while let count = readLine().flatMap({ Int($0) }) {
      for _ in 0..<count {
        number += 1
        let payload = CrashRecord.payload(
          life: arguments.number("life", otherwise: 1),
          producer: 0,
          number: number,
          byteCount: 4_000
        )
        Output.write("a \(try queue.append(payload)) \(CrashRecord.hash(payload)) durable\n")
      }
      Output.write("end \(queue.statistics.firstSequence)\n")
    }
    try store.close()
  }
}
