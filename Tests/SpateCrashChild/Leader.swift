import Spate

/// The leader of a fencing epoch, which appends to queue `a` until the process is killed.
///
/// Prints `open`, `leads` when its epoch is in force, and what was acknowledged as ``Producers`` do; `refused code` when
/// somebody newer owns the log.
enum Leader {
  static func run(_ arguments: ChildArguments) throws(SpateError) {
    let epoch = arguments.number("epoch", otherwise: 1)
    let store = try Store.open(at: arguments.path, options: arguments.storeOptions)
    let queue = try store.queue(named: "a", options: arguments.queueOptions)
    Output.write("open\n")
    do throws(SpateError) {
      let leading = try queue.fenced(at: epoch)
      Output.write("leads\n")
      var number: UInt64 = 0
      while true {
        number += 1
        let payload = CrashRecord.payload(life: epoch, producer: 0, number: number, byteCount: 700)
        let level: DurabilityLevel = number % 4 == 0 ? .durable : .written
        Output.write("a \(try leading.append(payload, level: level)) \(CrashRecord.hash(payload)) \(level)\n")
      }
    } catch {
      guard error.code == .fenced else { throw error }
      Output.write("refused \(error.code.rawValue)\n")
      try store.close()
    }
  }
}
