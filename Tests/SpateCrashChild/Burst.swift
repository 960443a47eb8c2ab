import Glibc
import Spate

/// Large writes in a row, all of them within the first segment.
enum Burst {
  static func run(_ arguments: ChildArguments) throws(SpateError) {
    let store = try Store.open(at: arguments.path, options: arguments.storeOptions)
    let queue = try store.queue(named: "a")
    for number in 1...20 {
      let payload = CrashRecord.payload(life: 1, producer: 0, number: UInt64(number), byteCount: 1_000)
      Output.write("a \(try queue.append(payload)) \(CrashRecord.hash(payload)) durable\n")
    }
    Output.write("open\n")
    var byte: UInt8 = 0
    _ = unsafe read(0, &byte, 1)
    for number in 21...120 {
      try queue.append(
        CrashRecord.payload(life: 1, producer: 0, number: UInt64(number), byteCount: 60_000),
        level: .published
      )
    }
    while true { pause() }
  }
}
