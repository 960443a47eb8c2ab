import Glibc
import Testing

@Suite(.timeLimit(.minutes(2)))
struct OwnershipTests {
  let scratch = Scratch()
  var store: String { scratch("store") }

  @Test func whatNeedsTheStoreForItselfNamesTheOwner() {
    let owner = CLI.start("append", store, "q", "--acks")
    owner.write(Array("one\n".utf8))
    #expect(owner.waitForLines(1) == ["0"])
    for arguments in [
      ["append", store, "q"], ["trim", store, "q", "--before", "1"], ["repair", store],
      ["drop", store, "q", "--yes"],
      ["import", store, "new", archive()],
    ] {
      let result = ChildCommand([CLI.path] + arguments).finish()
      #expect(result.status == .exited(1), "\(arguments)")
      #expect(result.error.contains("process \(owner.identifier)"), "\(result.error)")
      #expect(result.error.split(separator: "\n").count == 1)
    }
    #expect(CLI.run("info", store).text.contains("process \(owner.identifier)"))
    #expect(CLI.run("info", store, "--json").text.contains("\"ownerProcess\":\(owner.identifier),"))
    #expect(CLI.run("list", store, "--json").text.contains("\"records\":1,"))
    #expect(CLI.run("verify", store).status == .exited(0))
    #expect(CLI.run("dump", store, "q").status == .exited(0))
    #expect(CLI.run("cat", store, "q").text == "one\n")
    #expect(owner.finish().status == .exited(0))
    #expect(CLI.run("info", store).text.contains("nobody"))
  }

  private func archive() -> String {
    CLI.expect("append", scratch("other"), "q", input: Array("x\n".utf8))
    CLI.expect("export", scratch("other"), "q", scratch("archive"))
    return scratch("archive")
  }
}
