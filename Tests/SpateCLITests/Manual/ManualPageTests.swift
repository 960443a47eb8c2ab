import Glibc
import Testing

/// The manual page in the repository is what the command's help says. To make it anew, run the tests with
/// `SPATE_UPDATE_MANUAL=1`.
@Suite struct ManualPageTests {
  private static let path =
    #filePath.split(separator: "/").dropLast(4).reduce("") { $0 + "/" + $1 } + "/Sources/SpateCLI/spate.1"

  @Test func theManualPageSaysWhatTheHelpSays() throws {
    let help = CLI.expect("--experimental-dump-help")
    let source = ManualPage(try HelpTree(help)).source()
    if unsafe getenv("SPATE_UPDATE_MANUAL") != nil { Files.write(Self.path, Array(source.utf8)) }
    let stored = String(decoding: Files.read(Self.path), as: UTF8.self)
    #expect(
      isEqual(stored, source),
      "Sources/SpateCLI/spate.1 is out of date: run SPATE_UPDATE_MANUAL=1 swift test --filter Manual"
    )

  }
}
