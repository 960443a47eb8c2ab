import Spate
import Testing

@Suite(.timeLimit(.minutes(2)))
struct InfoCommandTests {
  let scratch = Scratch()

  @Test func infoShowsTheMetadataThatIsDurable() throws {
    let path = scratch("store")
    let store = try Store.open(at: path)
    let queue = try store.queue(named: "q")
    try set(queue, Array("leader 7".utf8), "term")
    try set(queue, [0xFF, 0x00, 0x01, 0x02], "digest")
    // While somebody owns the store, and after.
    for _ in 0..<2 {
      let json = CLI.run("info", path, "q", "--json").text
      #expect(
        json.contains(
          #""metadata":[{"name":"digest","valueBase64":"/wABAg=="},{"name":"term","value":"leader 7"}]"#
        ),
        "\(json)"
      )
      let lines = CLI.run("info", path, "q").lines
      #expect(lines.contains { $0.hasPrefix("METADATA") })
      #expect(lines.contains { $0.hasPrefix("digest") && $0.hasSuffix("/wABAg==") })
      #expect(lines.contains { $0.hasPrefix("term") && $0.hasSuffix("leader 7") })
      try store.close()
    }
  }

  /// A test may stand in an asynchronous context.
  private func set(_ queue: Queue, _ value: [UInt8], _ name: String) throws {
    try queue.setMetadata(value, named: name)
  }
}
