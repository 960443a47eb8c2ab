import ArgumentParser
import Testing

@testable import SpateCLI

@Suite(.timeLimit(.minutes(1)))
struct UsageTests {
  let scratch = Scratch()

  static let commands = SpateCommand.configuration.subcommands.filter { $0.configuration.shouldDisplay }
    .map { $0._commandName }

  @Test(arguments: commands)
  func everyCommandHasHelpWithAnExample(command: String) {
    let result = CLI.run(command, "--help")
    #expect(result.status == .exited(0))
    #expect(result.text.contains("Example"))
    #expect(result.text.contains("spate \(command) "))
    #expect(result.error == "")
  }

  @Test(arguments: commands)
  func unknownOptionsAndMissingArgumentsAreWrongUsage(command: String) {
    // The demo has a store of its own: without arguments it runs.
    let isComplete = SpateCommand.commandsWithoutStore.contains { $0._commandName == command }
    for arguments in [[command, "store", "queue", "--no-such-option"]] + (isComplete ? [] : [[command]]) {
      let result = ChildCommand([CLI.path] + arguments).finish()
      #expect(result.status == .exited(2), "\(arguments)")
      #expect(result.output == [])
      #expect(result.error.contains("Usage: spate \(command)"))
    }
  }

  @Test func valuesOutOfRangeAreWrongUsage() {
    for arguments in [
      ["append", "s", "q", "--producers", "0"], ["append", "s", "q", "--window", "0"],
      ["append", "s", "q", "--rate", "0"], ["append", "s", "q", "--delimiter", "tab"],
      ["append", "s", "q", "--key-separator", ""], ["append", "s", "q", "--retain", "1XB"],
      ["cat", "s", "q", "--from", "soon"], ["cat", "s", "q", "--until", "latest"], ["nonsense"],
      ["demo", "--seconds", "1"], ["demo", "--rate", "0"], ["demo", "store"],
      ["demo-producer", "--next", "0"],
    ] {
      #expect(ChildCommand([CLI.path] + arguments).finish().status == .exited(2), "\(arguments)")
    }
    #expect(Files.names(in: scratch.path) == [])
  }

  @Test func theEnvironmentCanNameTheStore() {
    let environment = ["SPATE_STORE=" + scratch("store")]
    #expect(CLI.run("append", "q", input: Array("one\n".utf8), environment: environment).status == .exited(0))
    let file = scratch.file("file", Array("two\n".utf8))
    #expect(CLI.run("append", "q", file, environment: environment).status == .exited(0))
    #expect(CLI.run("cat", "q", "--from", "0", environment: environment).text == "one\ntwo\n")
    #expect(CLI.run("list", environment: environment).text.contains("q"))
    #expect(CLI.run("info", environment: environment).text.contains(scratch("store")))
    #expect(CLI.run("cat", "--help", environment: environment).status == .exited(0))
    #expect(CLI.run("--version", environment: environment).text.hasPrefix("spate "))
  }

  @Test(arguments: ["bash", "zsh", "fish"])
  func completionsNameEveryCommand(shell: String) {
    let result = CLI.run("--generate-completion-script", shell)
    #expect(result.status == .exited(0))
    for command in Self.commands { #expect(result.text.contains(command)) }
  }
}
