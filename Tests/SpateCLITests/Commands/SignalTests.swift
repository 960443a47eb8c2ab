import Glibc
import Testing

@Suite(.timeLimit(.minutes(2)))
struct SignalTests {
  let scratch = Scratch()
  var store: String { scratch("store") }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
  func aSignalStopsAnAppendWithEverythingThatWasReadDurable(signal: Int32) {
    let child = CLI.start("append", store, "q", "--acks")
    for number in 0..<500 { child.write(Array("record \(number)\n".utf8)) }
    child.write(Array("not whole".utf8))
    #expect(child.waitForLines(500).count == 500)
    child.kill(signal)
    // The input stays open: only the signal ends it.
    #expect(child.wait { false } == false)
    let result = child.finish()
    #expect(result.status == .killed(signal))
    #expect(result.error == "")
    #expect(CLI.run("cat", store, "q").lines == (0..<500).map { "record \($0)" })
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func aSignalInTheMiddleOfAStreamLosesNothingThatWasAcknowledged(signal: Int32) {
    let child = CLI.start("append", store, "q", "--acks", "--producers", "2")
    let feeder = child.feed { block in
      (100 * block..<100 * (block + 1)).flatMap { Array("record \($0)\n".utf8) }
    }
    #expect(child.waitForLines(20_000).count >= 20_000)
    child.kill(signal)
    let hasEnded = child.wait { false } == false
    feeder.join()
    let result = child.finish()
    #expect(hasEnded)
    #expect(result.status == .killed(signal))
    let acknowledged = result.lines
    #expect(isEqual(acknowledged, (0..<acknowledged.count).map { "\($0)" }))
    let stored = Set(CLI.run("cat", store, "q").lines)
    #expect(stored.count == acknowledged.count)
    #expect(isEqual(stored, Set((0..<stored.count).map { "record \($0)" })))
  }

  @Test func aSignalEndsAPacedAppendBeforeItsTurn() {
    let child = CLI.start("append", store, "q", "--acks", "--rate", "0.01")
    child.write(Array("one\ntwo\nthree\n".utf8))
    #expect(child.waitForLines(1) == ["0"])
    child.kill(SIGTERM)
    #expect(child.wait { false } == false)
    #expect(child.finish().status == .killed(SIGTERM))
    #expect(CLI.run("cat", store, "q").lines == ["one"])
  }

  @Test func whoeverStopsReadingAcknowledgementsStopsTheAppend() {
    var ends: [Int32] = [0, 0]
    #expect(unsafe pipe(&ends) == 0)
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let child = CLI.start("append", store, "q", "--acks", output: ends[1])
    child.write(Array("one\n".utf8))
    var bytes: [UInt8] = [0, 0]
    #expect(unsafe read(ends[0], &bytes, 2) == 2)
    close(ends[0])
    child.write(Array("two\n".utf8))
    #expect(child.wait { false } == false)
    let result = child.finish()
    #expect(result.status == .exited(0))
    #expect(result.error == "")
    #expect(CLI.run("cat", store, "q").lines == ["one", "two"])
  }

  @Test func anInterruptedExportLeavesNoFile() {
    var random = Bytes(seed: 1)
    CLI.expect("append", store, "q", input: random.lines(1000))
    CLI.expect("export", store, "q", scratch("kept"))
    let before = Files.read(scratch("kept"))
    // A name that cannot be had: the target is a directory.
    unsafe mkdir(scratch("directory"), 0o755)
    #expect(CLI.run("export", store, "q", scratch("directory")).status == .exited(1))
    #expect(Files.names(in: scratch.path) == ["directory", "kept", "store"])
    #expect(Files.read(scratch("kept")) == before)
  }
}
