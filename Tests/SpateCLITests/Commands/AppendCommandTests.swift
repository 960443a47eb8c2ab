import Glibc
import Testing

@Suite(.timeLimit(.minutes(2)))
struct AppendCommandTests {
  let scratch = Scratch()
  var store: String { scratch("store") }

  @Test func linesComeBackAsTheyWere() {
    var random = Bytes(seed: 1)
    let input = random.lines(20_000)
    CLI.expect("append", store, "q", input: input)
    #expect(isEqual(CLI.expect("cat", store, "q"), input))
  }

  @Test(arguments: ["nul", "length-prefixed"])
  func binaryDataComesBackAsItWas(delimiter: String) {
    var random = Bytes(seed: 2)
    var input: [UInt8] = []
    for _ in 0..<2000 {
      let count = Int(random.next() % 3000)
      var record = random.bytes(count)
      if delimiter == "nul" {
        record = record.map { $0 == 0 ? 1 : $0 }
        input += record + [0]
      } else {
        input += [0, 0, UInt8(count >> 8), UInt8(count & 0xFF)] + record
      }
    }
    CLI.expect("append", store, "q", "--delimiter", delimiter, input: input)
    #expect(isEqual(CLI.expect("cat", store, "q", "--delimiter", delimiter), input))
  }

  @Test func emptyInputAppendsNothing() {
    CLI.expect("append", store, "q")
    #expect(CLI.expect("cat", store, "q") == [])
    #expect(CLI.run("list", store, "--json").text.contains("\"records\":0"))
  }

  @Test func emptyLinesAreRecordsAndAFinalNewlineIsNone() {
    CLI.expect("append", store, "q", input: Array("\n\na\n\n".utf8))
    #expect(CLI.run("cat", store, "q", "--format", "hex").lines == ["", "", "61", ""])
  }

  @Test func lastLineWithoutNewlineIsARecord() {
    CLI.expect("append", store, "q", input: Array("one\ntwo".utf8))
    #expect(CLI.run("cat", store, "q").text == "one\ntwo\n")
  }

  @Test func lineOf16MiBIsOneRecord() {
    var random = Bytes(seed: 3)
    let piece = random.bytes(1 << 12).map { $0 == 10 ? 11 : $0 }
    let line = Array(repeatElement(piece, count: 4096).joined())
    CLI.expect("append", store, "q", input: Array("a\n".utf8) + line + Array("\nb\n".utf8))
    let output = CLI.expect("cat", store, "q")
    #expect(isEqual(output, Array("a\n".utf8) + line + Array("\nb\n".utf8)))
    #expect(isEqual(CLI.run("cat", store, "q", "--from", "1", "--count", "1").output, line + [10]))
  }

  @Test func recordsOfSeveralFilesAreInTheirOrder() {
    let first = scratch.file("first", Array("1\n2\n".utf8))
    let second = scratch.file("second", Array("3\n4".utf8))
    CLI.expect("append", store, "q", first, "-", second, input: Array("x\n".utf8))
    #expect(CLI.run("cat", store, "q").lines == ["1", "2", "x", "3", "4"])
  }

  @Test(arguments: ["durable", "written", "published"], [1, 4])
  func everySequenceIsAcknowledgedOnceAndInOrder(level: String, producers: Int) {
    var random = Bytes(seed: 4)
    let input = random.lines(30_000)
    CLI.expect("append", store, "q", input: Array("before\n".utf8))
    let acks = CLI.expect(
      "append",
      store,
      "q",
      "--acks",
      "--level",
      level,
      "--producers",
      "\(producers)",
      input: input
    )
    #expect(isEqual(String(decoding: acks, as: UTF8.self), (1...30_000).map { "\($0)\n" }.joined()))
  }

  @Test func manyProducersLoseAndRepeatNothing() {
    var random = Bytes(seed: 5)
    let input = random.lines(50_000)
    CLI.expect("append", store, "q", "--producers", "4", input: input)
    let output = CLI.expect("cat", store, "q")
    func sorted(_ bytes: [UInt8]) -> [String] {
      String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init).sorted()
    }
    #expect(isEqual(sorted(output), sorted(input)))
  }

  @Test func acknowledgementsComeWhileTheInputIsOpen() {
    let process = CLI.start("append", store, "q", "--acks")
    process.write(Array("one\ntwo\n".utf8))
    #expect(process.waitForLines(2) == ["0", "1"])
    process.write(Array("thr".utf8))
    process.write(Array("ee\n".utf8))
    #expect(process.waitForLines(3) == ["0", "1", "2"])
    #expect(process.finish().status == .exited(0))
  }

  @Test(arguments: ["1", "3", "1000"])
  func windowHoldsNothingBack(window: String) {
    var random = Bytes(seed: 6)
    let input = random.lines(300)
    CLI.expect("append", store, "q", "--window", window, "--producers", "2", input: input)
    #expect(CLI.run("cat", store, "q").lines.count == 300)
  }

  @Test func whatComesBeforeTheSeparatorIsTheKey() {
    let input = Array("k1\tone\nno key\n\tempty key\nk2\ta\tb\n".utf8)
    CLI.expect("append", store, "q", "--key-separator", "\\t", input: input)
    let lines = CLI.run("cat", store, "q", "--format", "json").lines
    #expect(
      lines.map { $0.split(separator: "Z\",")[1] } == [
        #""key":"k1","payload":"one"}"#, #""payload":"no key"}"#, #""payload":"empty key"}"#,
        #""key":"k2","payload":"a\tb"}"#,
      ]
    )
    let output = CLI.run("cat", store, "q", "--key-separator", "\\t").text
    #expect(output == "k1\tone\nno key\nempty key\nk2\ta\tb\n")
  }

  @Test func rateSpreadsRecordsAndLosesNone() {
    var random = Bytes(seed: 7)
    let input = random.lines(200)
    CLI.expect("append", store, "q", "--rate", "2000", "--acks", input: input)
    #expect(isEqual(CLI.expect("cat", store, "q"), input))
  }

  @Test func noCreateMakesNothing() {
    let result = CLI.run("append", store, "q", "--no-create", input: [])
    #expect(result.status == .exited(1))
    #expect(result.error.contains("there is no store"))
    #expect(Files.names(in: scratch.path) == [])
  }

  @Test func optionsOfTheQueueAreTaken() {
    var random = Bytes(seed: 8)
    let input = random.lines(60_000)
    CLI.expect(
      "append",
      store,
      "q",
      "--base-sequence",
      "1000",
      "--segment-size",
      "64KiB",
      "--retain",
      "512KiB",
      "--memory",
      "8MiB",
      input: input
    )
    let info = CLI.run("info", store, "q", "--json").text
    #expect(info.contains("\"baseSequence\":1000"))
    #expect(info.contains("\"endSequence\":61000"))
    let kept = CLI.run("cat", store, "q").output
    #expect(kept.count < input.count && kept.count > 100_000)
    #expect(isEqual(Array(input.suffix(kept.count)), kept))
  }

  @Test func recordThatIsTooLargeFailsBehindThoseBeforeIt() {
    let input = Array("small\n".utf8) + [UInt8](repeating: 65, count: 5 << 20) + Array("\nlater\n".utf8)
    let result = CLI.run("append", store, "q", "--memory", "8MiB", input: input)
    #expect(result.status == .exited(1))
    #expect(result.error.contains("--memory"))
    #expect(result.error.split(separator: "\n").count == 1)
    #expect(CLI.run("cat", store, "q").text == "small\n")
  }

  @Test func lengthPrefixedInputThatIsCutOffFails() {
    let result = CLI.run(
      "append",
      store,
      "q",
      "--delimiter",
      "length-prefixed",
      input: [0, 0, 0, 1, 65, 0, 0, 0, 9, 66]
    )
    #expect(result.status == .exited(1))
    #expect(result.error.contains("ends inside a record"))
    #expect(CLI.run("cat", store, "q").text == "A\n")
  }

  @Test func fileThatIsMissingFailsBehindThoseBeforeIt() {
    let first = scratch.file("first", Array("1\n".utf8))
    let result = CLI.run("append", store, "q", first, scratch("none"))
    #expect(result.status == .exited(1))
    #expect(result.error.contains("No such file"))
    #expect(CLI.run("cat", store, "q").text == "1\n")
  }
}
