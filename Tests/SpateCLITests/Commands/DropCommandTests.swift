import Testing

@Suite(.timeLimit(.minutes(1)))
struct DropCommandTests {
  let scratch = Scratch()
  var store: String { scratch("store") }

  @Test func aDroppedQueueIsGoneAndItsNameIsFree() {
    CLI.expect("append", store, "q", input: Array("one\n".utf8))
    CLI.expect("append", store, "other", input: Array("two\n".utf8))
    CLI.expect("drop", store, "q", "--yes")
    #expect(CLI.run("list", store, "--json").text.contains("\"name\":\"q\"") == false)
    #expect(CLI.run("cat", store, "q").status == .exited(1))
    CLI.expect("append", store, "q", input: Array("three\n".utf8))
    #expect(CLI.run("cat", store, "q", "--from", "0").text == "three\n")
    #expect(CLI.run("cat", store, "other").text == "two\n")
  }

  @Test func nothingIsDroppedUnasked() {
    CLI.expect("append", store, "q", input: Array("one\n".utf8))
    let result = CLI.run("drop", store, "q", input: Array("y\n".utf8))
    #expect(result.status == .exited(1))
    #expect(result.error.contains("--yes"))
    #expect(CLI.run("drop", store, "none", "--yes").status == .exited(1))
    #expect(CLI.run("cat", store, "q").text == "one\n")
  }

  @Test func aDamagedQueueCanBeDropped() {
    CLI.expect("append", store, "q", input: Array("one\n".utf8))
    Files.flip(store + "/queues/q/queue.manifest", at: 40)
    CLI.expect("drop", store, "q", "--yes")
    #expect(CLI.run("verify", store).status == .exited(0))
  }
}
