import Glibc
import Spate

/// A host that takes more and more memory beside its producers, until the kernel kills it for that.
enum MemoryHog {
  static func run(_ arguments: ChildArguments) throws(SpateError) {
    startThread {
      // Some records first.
      usleep(300_000)
      while true {
        guard let block = unsafe malloc(1 << 20) else { Output.fail("malloc refused") }
        unsafe memset(block, 1, 1 << 20)
        usleep(1_000)
      }
    }
    try Producers(arguments).run()
  }
}
