import Glibc
import Testing

/// A file system of a few MiB in memory.
final class SmallDisk {
  let path: String
  private let scratch = Scratch()

  init?(byteCount: Int) {
    path = scratch("disk")
    unsafe mkdir(path, 0o755)
    guard unsafe mount("tmpfs", path, "tmpfs", 0, "size=\(byteCount)") == 0 else { return nil }
  }

  deinit { _ = unsafe umount2(path, Int32(MNT_DETACH)) }

  /// Whether this process may mount.
  static var isAllowed: Bool { SmallDisk(byteCount: 1 << 20) != nil }
}

@Suite(.timeLimit(.minutes(2)))
struct FullDiskTests {
  @Test(.enabled(if: SmallDisk.isAllowed, "mounting is not allowed here"))
  func aFullDiskEndsAnAppendAndSaysHowMuchIsDurable() throws {
    let disk = try #require(SmallDisk(byteCount: 12 << 20))
    let store = disk.path + "/store"
    var random = Bytes(seed: 1)
    let child = CLI.start("append", store, "q", "--acks", "--segment-size", "1MiB")
    let input = random.lines(400_000)
    let feeder = child.feed { $0 == 0 ? input : nil }
    feeder.join()
    let result = child.finish()
    #expect(result.status == .exited(1))
    let acknowledged = result.lines.count
    #expect(result.error.contains("\(acknowledged) records of this input are durable"), "\(result.error)")
    #expect(result.error.split(separator: "\n").count == 1)
    let stored = CLI.run("cat", store, "q")
    #expect(stored.lines.count == acknowledged)
    #expect(isEqual(Array(input.prefix(stored.output.count)), stored.output))
    // Trimming makes room, and appending goes on.
    #expect(CLI.run("trim", store, "q", "--before", "\(acknowledged - 100)").status == .exited(0))
    CLI.expect("append", store, "q", input: Array("after\n".utf8))
    #expect(CLI.run("cat", store, "q", "--from", "-1").text == "after\n")
  }

  @Test(.enabled(if: unsafe access("/dev/full", W_OK) == 0, "there is no /dev/full"))
  func outputThatCannotBeWrittenFails() {
    let scratch = Scratch()
    CLI.expect("append", scratch("store"), "q", input: Array("one\n".utf8))
    let target = unsafe open("/dev/full", O_WRONLY | O_CLOEXEC)
    let result = CLI.start("cat", scratch("store"), "q", output: target).finish()
    #expect(result.status == .exited(1))
    #expect(result.error.contains("No space left"))
  }
}
