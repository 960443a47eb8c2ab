import Glibc
import Testing

@Suite(.timeLimit(.minutes(2)))
struct DamageTests {
  let scratch = Scratch()
  var store: String { scratch("store") }

  private func fill() -> [String] {
    let lines = (0..<20_000).map { "record number \($0)" }
    CLI.expect(
      "append",
      store,
      "q",
      "--segment-size",
      "256KiB",
      input: Array(lines.joined(separator: "\n").utf8)
    )
    return lines
  }

  private func segment(_ number: Int) -> String {
    let digits = String(number, radix: 16)
    return store + "/queues/q/" + String(repeating: "0", count: 16 - digits.count) + digits + ".segment"
  }

  @Test func aFlippedBitIsFoundToldAndMendedWithOneRecordLost() throws {
    let lines = fill()
    Files.flip(segment(1), at: 100_000)
    let verified = CLI.run("verify", store, "--json")
    #expect(verified.status == .exited(3))
    #expect(verified.text.contains("\"kind\":\"records\",\"damage\":true,\"queue\":\"q\""))
    #expect(verified.text.contains("0000000000000001.segment"))
    let text = CLI.run("verify", store, "q").text
    let digits = try #require(text.split(separator: "record ").dropFirst().first?.prefix { $0.isNumber })
    let lost = try #require(Int(digits))

    let read = CLI.run("cat", store, "q")
    #expect(read.status == .exited(3))
    #expect(read.error.contains("records \(lost) to "))
    #expect(read.lines.count < lines.count - 1)
    #expect(CLI.run("dump", store, "q", "--segment", "1").status == .exited(3))
    #expect(CLI.run("dump", store, "q", "--segment", "0").status == .exited(0))
    #expect(CLI.run("export", store, "q", scratch("archive")).status == .exited(3))

    let repaired = CLI.run("repair", store)
    #expect(repaired.status == .exited(0))
    #expect(repaired.text.contains("LOST      queue q: record \(lost)\n"))
    #expect(Files.names(in: store + "/queues/q/aside").count == 1)
    #expect(CLI.run("verify", store).status == .exited(0))
    let mended = CLI.run("cat", store, "q")
    #expect(mended.status == .exited(0))
    #expect(isEqual(mended.lines, lines.enumerated().filter { $0.offset != lost }.map(\.element)))
    CLI.expect("append", store, "q", input: Array("after\n".utf8))
    #expect(CLI.run("cat", store, "q", "--from", "20000").text == "after\n")
    #expect(CLI.run("repair", store).text.hasSuffix("sound\n"))
  }

  @Test(arguments: [0, 1, 2])
  func aSegmentFileThatIsGoneIsFilledWithNothing(number: Int) throws {
    let lines = fill()
    let text = CLI.run("info", store, "q", "--json").text
    let places = text.split(separator: "\"baseSequence\":").dropFirst(2).compactMap {
      Int($0.prefix { $0.isNumber })
    }
    #expect(unsafe unlink(segment(number)) == 0)
    let verified = CLI.run("verify", store, "--json")
    #expect(verified.status == .exited(3), "\(verified.text)")
    let repaired = CLI.run("repair", store)
    #expect(repaired.status == .exited(0), "\(repaired.text)")
    #expect(CLI.run("verify", store).status == .exited(0))
    let rest = lines.enumerated().filter { $0.offset < places[number] || $0.offset >= places[number + 1] }
    let read = CLI.run("cat", store, "q")
    #expect(read.status == .exited(0))
    #expect(isEqual(read.lines, rest.map(\.element)))
    CLI.expect("append", store, "q", input: Array("after\n".utf8))
    #expect(CLI.run("cat", store, "q", "--from", "20000").text == "after\n")
  }

  @Test func damagedManifestsAreMended() {
    let lines = fill()
    Files.flip(store + "/spate.store", at: 9)
    Files.flip(store + "/spate.store", at: 300)
    Files.flip(store + "/queues/q/queue.manifest", at: 40)
    #expect(CLI.run("list", store).status == .exited(3))
    #expect(CLI.run("append", store, "q", input: []).status == .exited(3))
    let verified = CLI.run("verify", store, "--json")
    #expect(verified.status == .exited(3))
    #expect(verified.text.contains("storeManifest") && verified.text.contains("queueManifest"))
    #expect(CLI.run("repair", store).status == .exited(0))
    #expect(isEqual(CLI.run("cat", store, "q").lines, lines))
  }

  @Test func aSoundStoreIsLeftAsItIs() {
    _ = fill()
    let before = Files.names(in: store + "/queues/q").map { Files.read(store + "/queues/q/" + $0) }
    #expect(CLI.run("verify", store).text.hasSuffix(": sound\n"))
    #expect(CLI.run("repair", store, "--json").text.hasPrefix("{\"actions\":[],\"lost\":[],\"sound\":true"))
    let after = Files.names(in: store + "/queues/q").map { Files.read(store + "/queues/q/" + $0) }
    #expect(isEqual(before, after))
  }

  @Test func dumpShowsEachFrame() {
    CLI.expect("append", store, "q", "--key-separator", "=", input: Array("k=one\ntwo\u{1B}[31m\n".utf8))
    let text = CLI.run("dump", store, "q").text
    #expect(
      text.contains("segment 0") && text.contains("chunk") && text.contains("key(1) k")
        && text.contains("  one")
    )
    #expect(!text.contains("\u{1B}"))
    let lines = CLI.run("dump", store, "q", "--json").lines
    #expect(lines.count == 4)
    #expect(lines[0].hasPrefix("{\"kind\":\"segment\",\"number\":0,"))
    #expect(lines[3].contains("\"kind\":\"record\"") && lines[3].contains("\"sequence\":1,"))
    #expect(CLI.run("dump", store, "q", "--headers").text.split(separator: "\n").count <= 6)
    #expect(CLI.run("dump", store, "q", "--segment", "7").status == .exited(1))
  }
}
