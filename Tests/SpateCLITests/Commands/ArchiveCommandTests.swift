import Testing

@testable import SpateCLI

@Suite(.timeLimit(.minutes(2)))
struct ArchiveCommandTests {
  let scratch = Scratch()
  var store: String { scratch("store") }

  private func fill(_ count: Int = 5000) {
    var random = Bytes(seed: 1)
    let input = (0..<count).flatMap {
      Array("key\($0 % 7)=".utf8) + random.bytes(50).map { $0 == 10 ? 11 : $0 } + [10]
    }
    CLI.expect("append", store, "q", "--key-separator", "=", "--base-sequence", "100", input: input)
  }

  @Test func importGivesBackWhatExportTook() {
    fill()
    CLI.expect("export", store, "q", scratch("archive"))
    CLI.expect("import", scratch("other"), "copy", scratch("archive"))
    let original = CLI.expect("cat", store, "q", "--format", "json")
    #expect(isEqual(CLI.expect("cat", scratch("other"), "copy", "--format", "json"), original))
    // The same through a pipe.
    CLI.expect("import", scratch("other"), "piped", input: CLI.expect("export", store, "q"))
    #expect(isEqual(CLI.expect("cat", scratch("other"), "piped", "--format", "json"), original))
    // Exported again, it is the same but for the time and the name in the header.
    let again = CLI.expect("export", scratch("other"), "copy")
    #expect(again.count == Files.read(scratch("archive")).count + 3)
  }

  @Test func anEmptyQueueKeepsItsPlace() {
    CLI.expect("append", store, "q", "--base-sequence", "42")
    CLI.expect("import", store, "copy", input: CLI.expect("export", store, "q"))
    CLI.expect("append", store, "copy", input: Array("x\n".utf8))
    #expect(CLI.run("cat", store, "copy", "--format", "json").text.hasPrefix("{\"sequence\":42,"))
  }

  @Test func sequencesThatAreMissingStayMissing() {
    fill(3000)
    Files.flip(store + "/queues/q/0000000000000000.segment", at: 20_000)
    #expect(CLI.run("repair", store).status == .exited(0))
    let original = CLI.expect("cat", store, "q", "--format", "json")
    CLI.expect("import", store, "copy", input: CLI.expect("export", store, "q"))
    #expect(isEqual(CLI.expect("cat", store, "copy", "--format", "json"), original))
  }

  @Test func aQueueThatExistsIsLeftAlone() {
    fill(10)
    let archive = CLI.expect("export", store, "q")
    let result = CLI.run("import", store, "q", input: archive)
    #expect(result.status == .exited(1))
    #expect(result.error.contains("already"))
    CLI.expect("import", store, "q", "--append", input: archive)
    let lines = CLI.run("cat", store, "q", "--format", "json").lines
    #expect(lines.count == 20)
    #expect(lines[10].hasPrefix("{\"sequence\":110,"))
  }

  @Test func aCutFileIsToldFromAWholeOne() {
    fill()
    let archive = CLI.expect("export", store, "q")
    for count in [archive.count - 1, archive.count - 48, archive.count - 49, archive.count / 2, 53, 49] {
      let file = scratch.file("cut", Array(archive.prefix(count)))
      let refused = CLI.run("import", store, "file", file)
      #expect(refused.status == .exited(3), "\(count): \(refused.error)")
      #expect(!CLI.run("list", store, "--json").text.contains("\"file\""))
      let piped = CLI.run("import", store, "piped\(count)", input: Array(archive.prefix(count)))
      #expect(piped.status == .exited(3), "\(count): \(piped.error)")
      #expect(piped.error.contains("cut off") || piped.error.contains("its header"))
    }
    #expect(CLI.run("import", store, "piped", input: archive + [0]).status == .exited(3))
    #expect(
      CLI.run(
        "import",
        store,
        "text",
        input: Array("some text that is no archive, long enough for a header".utf8)
      ).status == .exited(1)
    )
    #expect(CLI.run("import", store, "nothing").status == .exited(1))
  }

  @Test func aRecordOfAnotherArchiveIsFound() {
    let archives = ["one\ntwo\n", "six\nten\n"].enumerated().map { index, text in
      CLI.expect("append", scratch("store\(index)"), "q", input: Array(text.utf8))
      return CLI.expect("export", scratch("store\(index)"), "q")
    }
    // The second record, whole and with its own checksum.
    let place = archives[0].count - 48 - 35..<archives[0].count - 48
    var mixed = archives[0]
    mixed.replaceSubrange(place, with: archives[1][place])
    let result = CLI.run("import", store, "q", input: mixed)
    #expect(result.status == .exited(3))
    #expect(result.error.contains("its trailer"))
  }

  /// With its own checksum right: a sequence that no queue can have, and that has none behind it.
  @Test(arguments: [UInt64(1) << 62 + 1, UInt64.max])
  func aSequenceBeyondAllIsDamage(sequence: UInt64) throws {
    fill(3)
    var archive = CLI.expect("export", store, "q")
    let start = ArchiveFormat.headByteCount + 1 + 4
    let first = start..<start + ArchiveFormat.recordHeadByteCount + 50 + 4
    var record = FieldBytes(byteCount: first.count)
    for (index, byte) in archive[first].enumerated() { record.put(byte, at: index) }
    #expect(record.checksum(4..<first.count) == UInt32(littleEndianBytes: archive[first.prefix(4)]))
    record.put(sequence, at: 8)
    record.put(record.checksum(4..<first.count), at: 0)
    archive.replaceSubrange(first, with: record.bytes)
    let result = CLI.run("import", store, "copy", input: archive)
    #expect(result.status == .exited(3), "\(result.error)")
    #expect(result.error.contains("is damaged"), "\(result.error)")
  }

  @Test func everyFlippedByteIsFound() {
    fill(3)
    let archive = CLI.expect("export", store, "q")
    var random = Bytes(seed: 9)
    for _ in 0..<40 {
      var damaged = archive
      let offset = Int(random.next() % UInt64(archive.count))
      damaged[offset] ^= UInt8(1 << (random.next() % 8))
      let result = CLI.run("import", store, "q\(offset)-\(random.next())", input: damaged)
      #expect(result.status == .exited(3) || result.status == .exited(1), "offset \(offset)")
    }
  }
}

extension UInt32 {
  /// The number that four bytes stand for.
  fileprivate init(littleEndianBytes bytes: ArraySlice<UInt8>) {
    self = bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }
}
