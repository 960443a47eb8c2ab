import Glibc
import Spate

/// A host that forks with a store open. The child uses the store and closes it; prints what it gets: `child code`.
/// Then the parent appends, prints that as ``Producers`` do, prints `parent` and holds the store until its input ends.
enum ForkedHost {
  static func run(_ arguments: ChildArguments) throws(SpateError) {
    let store = try Store.open(at: arguments.path, options: arguments.storeOptions)
    let queue = try store.queue(named: "a")
    try append(1...50, to: queue)
    // Swift hides `fork`; a host written in C does not.
    guard let symbol = unsafe dlsym(nil, "fork") else { Output.fail("no fork") }
    // SAFETY: the C function of this type.
    let fork = unsafe unsafeBitCast(symbol, to: (@convention(c) () -> pid_t).self)
    let child = fork()
    if child == 0 {
      alarm(20)
      do throws(SpateError) {
        try queue.append([1, 2, 3])
        Output.write("child 0\n")
      } catch {
        Output.write("child \(error.code.rawValue)\n")
      }
      try store.close()
      _exit(0)
    }
    var status: Int32 = 0
    _ = unsafe waitpid(child, &status, 0)
    guard status == 0 else { Output.fail("the forked child ended with \(status)") }
    try append(51...100, to: queue)
    Output.write("parent\n")
    var byte: UInt8 = 0
    while unsafe read(0, &byte, 1) > 0 {}
    try store.close()
  }

  private static func append(_ numbers: ClosedRange<UInt64>, to queue: Queue) throws(SpateError) {
    for number in numbers {
      let payload = CrashRecord.payload(life: 1, producer: 0, number: number, byteCount: 3_000)
      Output.write("a \(try queue.append(payload)) \(CrashRecord.hash(payload)) durable\n")
    }
  }
}
