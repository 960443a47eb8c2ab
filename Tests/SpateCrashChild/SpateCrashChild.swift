import Glibc
import Spate

/// The other process of the crash and lock tests: told by its arguments what to do, killed by its parent.
///
///     SpateCrashChild append path=… seed=… life=… [strategy=…] [mode=…] [segment=…] [retain=…] [producers=…]
///     SpateCrashChild consume path=… seed=… [strategy=…] [mode=…] [segment=…]
///     SpateCrashChild work path=… seed=… life=… [strategy=…] [mode=…] [segment=…]
///     SpateCrashChild hold path=…          opens the store, prints "held", and waits for the end of its input
///     SpateCrashChild burst path=…         opens the store, prints "open", waits for a line, publishes until it is killed
///     SpateCrashChild exhaust path=… producers=…  as append, and takes memory until it is killed for that
///     SpateCrashChild lead path=… epoch=… [strategy=…] [mode=…]  appends as the leader of that fencing epoch
///     SpateCrashChild steps path=… age=…   appends as many records as each line of its input says
///     SpateCrashChild fork path=…          uses the store on both sides of a fork
///     SpateCrashChild descriptors path=…   uses the store without and with descriptors to be had
///     SpateCrashChild open path=… user=…   opens the store as that user and prints the number of the error
@main
enum SpateCrashChild {
  static func main() {
    let arguments = ChildArguments(CommandLine.arguments.dropFirst(2))
    do {
      switch CommandLine.arguments.dropFirst().first {
      case "append": try Producers(arguments).run()
      case "consume": try Consumer.run(arguments)
      case "work": try Workload(arguments).run()
      case "burst": try Burst.run(arguments)
      case "exhaust": try MemoryHog.run(arguments)
      case "lead": try Leader.run(arguments)
      case "steps": try Steps.run(arguments)
      case "fork": try ForkedHost.run(arguments)
      case "descriptors": try UsedUpDescriptors.run(arguments)
      case "hold": try hold(arguments)
      case "open": try open(arguments)
      default: Output.fail("no such command")
      }
    } catch {
      Output.fail("\(error)")
    }
  }

  private static func hold(_ arguments: ChildArguments) throws(SpateError) {
    let store = try Store.open(at: arguments.path, options: arguments.storeOptions)
    Output.write("held\n")
    var byte: UInt8 = 0
    while unsafe read(0, &byte, 1) > 0 {}
    try store.close()
  }

  private static func open(_ arguments: ChildArguments) throws(SpateError) {
    guard setuid(uid_t(arguments.number("user", otherwise: 65_534))) == 0 else { Output.fail("setuid") }
    do throws(SpateError) {
      try Store.open(at: arguments.path, options: arguments.storeOptions).close()
      Output.write("0\n")
    } catch {
      Output.write("\(error.code.rawValue)\n")
    }
  }
}
