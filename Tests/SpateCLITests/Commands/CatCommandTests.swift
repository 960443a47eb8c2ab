import Glibc
import Testing

@Suite(.timeLimit(.minutes(2)))
struct CatCommandTests {
  let scratch = Scratch()
  var store: String { scratch("store") }

  private func fill(_ count: Int) {
    CLI.expect("append", store, "q", input: (0..<count).flatMap { Array("\($0)\n".utf8) })
  }

  private func numbers(_ options: String...) -> [Int] {
    let child = ChildCommand([CLI.path, "cat", store, "q"] + options)
    return child.finish().lines.compactMap { Int($0) }
  }

  @Test func readsFromAndUpToTheGivenPlaces() {
    fill(100)
    #expect(numbers() == Array(0..<100))
    #expect(numbers("--from", "90") == Array(90..<100))
    #expect(numbers("--from", "-3") == [97, 98, 99])
    #expect(numbers("--from", "-1000") == Array(0..<100))
    #expect(numbers("--from", "latest") == [])
    #expect(numbers("--from", "100") == [])
    #expect(numbers("--until", "4") == [0, 1, 2, 3])
    #expect(numbers("--from", "10", "--until", "12") == [10, 11])
    #expect(numbers("--from", "50", "--until", "40") == [])
    #expect(numbers("--count", "2", "--from", "7") == [7, 8])
    #expect(numbers("--count", "0") == [])
    #expect(numbers("--from", "-1h") == Array(0..<100))
    #expect(numbers("--until", "-1h") == [])
    #expect(numbers("--from", "@1", "--until", "2000-01-01T00:00:00Z") == [])
  }

  @Test func placesBeyondTheEndFail() {
    fill(3)
    let result = CLI.run("cat", store, "q", "--from", "4")
    #expect(result.status == .exited(1))
    #expect(result.error.contains("beyond the end"))
  }

  @Test func timesDivideTheRecords() {
    fill(5)
    let time = CLI.run("cat", store, "q", "--format", "json", "--from", "-1").lines[0]
      .split(separator: "\"timestamp\":\"")[1].split(separator: "\"")[0]
    usleep(2000)
    CLI.expect("append", store, "q", input: Array("5\n6\n".utf8))
    let next = CLI.run("cat", store, "q", "--format", "json", "--from", "5").lines[0]
      .split(separator: "\"timestamp\":\"")[1].split(separator: "\"")[0]
    #expect(time < next)
    #expect(numbers("--from", String(next)) == [5, 6])
    #expect(numbers("--until", String(next)) == [0, 1, 2, 3, 4])
  }

  @Test func jsonShowsTextAsTextAndOtherBytesInBase64() {
    CLI.expect("append", store, "q", input: Array("a\"\\\tü\u{1}\n".utf8) + [0xFF, 0, 0x41, 0x42, 10])
    let lines = CLI.run("cat", store, "q", "--format", "json").lines
    #expect(lines[0].hasPrefix("{\"sequence\":0,\"timestamp\":\"20"))
    #expect(lines[0].hasSuffix(#","payload":"a\"\\\tü\u0001"}"#))
    #expect(lines[1].hasSuffix(#","payloadBase64":"/wBBQg=="}"#))
    #expect(CLI.run("cat", store, "q", "--format", "hex", "--from", "1").lines == ["ff004142"])
  }

  @Test func followsWhatAnotherProcessAppends() {
    let owner = CLI.start("append", store, "q", "--acks")
    owner.write(Array("one\n".utf8))
    #expect(owner.waitForLines(1) == ["0"])
    let follower = CLI.start("cat", store, "q", "--follow")
    #expect(follower.waitForLines(1) == ["one"])
    owner.write(Array("two\nthree\n".utf8))
    #expect(follower.waitForLines(3) == ["one", "two", "three"])
    #expect(owner.finish().status == .exited(0))
    // Another owner goes on.
    CLI.expect("append", store, "q", input: Array("four\n".utf8))
    #expect(follower.waitForLines(4) == ["one", "two", "three", "four"])
    follower.kill(SIGINT)
    #expect(follower.finish().status == .killed(SIGINT))
  }

  @Test func followEndsAtWhatWasAskedFor() {
    fill(2)
    let follower = CLI.start("cat", store, "q", "--follow", "--until", "4")
    #expect(follower.waitForLines(2) == ["0", "1"])
    CLI.expect("append", store, "q", input: Array("2\n3\n4\n".utf8))
    let result = follower.finish()
    #expect(result.status == .exited(0))
    #expect(result.lines == ["0", "1", "2", "3"])
  }

  @Test func aReaderThatGoesAwayEndsItQuietly() {
    var random = Bytes(seed: 1)
    CLI.expect("append", store, "q", input: random.lines(100_000))
    var ends: [Int32] = [0, 0]
    #expect(unsafe pipe(&ends) == 0)
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let child = CLI.start("cat", store, "q", output: ends[1])
    var byte: UInt8 = 0
    #expect(unsafe read(ends[0], &byte, 1) == 1)
    close(ends[0])
    let result = child.finish()
    #expect(result.status == .exited(0))
    #expect(result.error == "")
  }

  @Test func whatIsNotThereFails() {
    fill(1)
    for (arguments, text) in [
      (["cat", scratch("none"), "q"], "there is no store"), (["cat", store, "none"], "no queue"),
      (["cat", store, "../q"], "queue's name"),
      (["cat", scratch.file("file", []), "q"], "a store is a directory"),
    ] {
      let result = ChildCommand([CLI.path] + arguments).finish()
      #expect(result.status == .exited(1))
      #expect(result.error.contains(text), "\(result.error)")
      #expect(result.error.split(separator: "\n").count == 1)
      #expect(result.output == [])
    }
  }
}
