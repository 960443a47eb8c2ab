import Glibc
import Testing

@Suite(.timeLimit(.minutes(2)))
struct CursorsCommandTests {
  let scratch = Scratch()
  var store: String { scratch("store") }

  private func fill(_ range: Range<Int>) {
    CLI.expect("append", store, "q", input: range.flatMap { Array("\($0)\n".utf8) })
  }

  private func read(_ options: String...) -> [Int] {
    let child = ChildCommand([CLI.path, "cat", store, "q", "--cursor", "billing"] + options)
    let result = child.finish()
    #expect(result.status == .exited(0), "\(result.error)")
    return result.lines.compactMap { Int($0) }
  }

  @Test func aNamedCursorGoesOnBehindWhatWasWrittenOut() {
    fill(0..<10)
    #expect(read("--count", "4") == [0, 1, 2, 3])
    #expect(read("--count", "3") == [4, 5, 6])
    #expect(read("--from", "0") == [7, 8, 9])
    #expect(read() == [])
    fill(10..<12)
    #expect(read() == [10, 11])
  }

  @Test func listShowsPlacesAndLag() {
    fill(0..<10)
    _ = read("--count", "4")
    CLI.expect("cursors", "set", store, "q", "audit", "latest")
    let text = CLI.run("cursors", "list", store, "q", "--json").text
    #expect(text.contains(#"{"name":"audit","acknowledgedSequence":10,"lag":0}"#), "\(text)")
    #expect(text.contains(#"{"name":"billing","acknowledgedSequence":4,"lag":6}"#), "\(text)")
    #expect(CLI.run("cursors", "list", store, "q").lines.first?.hasPrefix("CURSOR") == true)
  }

  @Test func setMovesACursorAlsoBackwardsAndRemoveForgetsIt() {
    fill(0..<10)
    #expect(read().count == 10)
    CLI.expect("cursors", "set", store, "q", "billing", "7")
    #expect(read() == [7, 8, 9])
    CLI.expect("cursors", "set", store, "q", "billing", "--", "-2")
    #expect(read() == [8, 9])
    CLI.expect("cursors", "remove", store, "q", "billing")
    #expect(read("--from", "5") == [5, 6, 7, 8, 9])
    let missing = CLI.run("cursors", "remove", store, "q", "nobody")
    #expect(missing.status == .exited(1))
    #expect(missing.error.contains("nobody"))
    #expect(CLI.run("cursors", "set", store, "q", "billing", "99").status == .exited(1))
    #expect(CLI.run("cursors", "list", store, "none").status == .exited(1))
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func aSignalEndsFollowingWithEverythingWrittenAcknowledged(signal: Int32) {
    fill(0..<2000)
    let child = CLI.start("cat", store, "q", "--cursor", "billing", "--follow")
    #expect(child.waitForLines(2000).count == 2000)
    child.kill(signal)
    let result = child.finish()
    #expect(result.status == .killed(signal))
    #expect(result.error == "")
    #expect(read() == [])
  }

  @Test func anOwnerElsewhereIsNamed() {
    fill(0..<3)
    let owner = CLI.start("cat", store, "q", "--cursor", "one", "--follow")
    #expect(owner.waitForLines(3).count == 3)
    let second = CLI.run("cat", store, "q", "--cursor", "two")
    #expect(second.status == .exited(1))
    #expect(second.error.contains("process"), "\(second.error)")
    #expect(CLI.run("cat", store, "q").lines.count == 3)
    owner.kill(SIGTERM)
    _ = owner.finish()
  }
}
