import Glibc
import Spate

/// A host that has used up its file descriptors, and has some again later. Prints what was acknowledged as
/// ``Producers`` do, `refused code` for an append that failed meanwhile, and `again` when descriptors are to be had.
enum UsedUpDescriptors {
  static func run(_ arguments: ChildArguments) throws(SpateError) {
    let store = try Store.open(at: arguments.path, options: arguments.storeOptions)
    let queue = try store.queue(named: "a")
    var number: UInt64 = 0
    func append() throws(SpateError) {
      number += 1
      let payload = CrashRecord.payload(life: 1, producer: 0, number: number, byteCount: 5_000)
      let sequence = try unsafe queue.append(
        payload.span.bytes,
        key: RawSpan(),
        level: .durable,
        until: .now + .milliseconds(500)
      )
      Output.write("a \(sequence) \(CrashRecord.hash(payload)) durable\n")
    }
    for _ in 0..<40 { try append() }
    var taken: [Int32] = []
    func takeAll() {
      while case let descriptor = unsafe open("/dev/null", O_RDONLY), descriptor >= 0 {
        taken.append(descriptor)
      }
    }
    // More than the segments that are ready hold.
    for _ in 0..<100 {
      // Also what the engine gives back.
      takeAll()
      do throws(SpateError) {
        try append()
      } catch {
        Output.write("refused \(error.code.rawValue)\n")
        break
      }
    }
    takeAll()
    do throws(SpateError) {
      _ = try store.queue(named: "another")
      Output.write("opened\n")
    } catch {
      Output.write("refused \(error.code.rawValue)\n")
    }
    for descriptor in taken { close(descriptor) }
    Output.write("again\n")
    for _ in 0..<20 {
      do throws(SpateError) {
        try append()
        break
      } catch {
        Output.write("refused \(error.code.rawValue)\n")
      }
    }
    for _ in 0..<100 { try append() }
    _ = try store.queue(named: "another")
    try store.close()
    Output.write("end\n")
  }
}
