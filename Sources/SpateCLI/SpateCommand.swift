import ArgumentParser
import Glibc
import Spate

/// The command `spate`.
@main
struct SpateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "spate",
    abstract: "Work with durable queues: append, read, look inside, check, mend and move them.",
    discussion: """
      A STORE is a directory that holds queues. When the environment variable SPATE_STORE names one, STORE is left \
      out of every command.

      Standard output carries data only. Exit codes: 0 done, 1 failed (one line on standard error says what and what \
      to do), 2 wrong usage, 3 damage found. A command that SIGINT, SIGTERM or SIGHUP stopped ends by that signal, \
      which shells show as 130, 143 or 129, after making durable what it had appended.

      Example:
        journalctl -f | spate append logs journal
        spate cat logs journal --follow
      """,
    version: "spate 0.1.0",
    subcommands: [
      AppendCommand.self, CatCommand.self, ListCommand.self, InfoCommand.self,
      DumpCommand.self, VerifyCommand.self, RepairCommand.self, TrimCommand.self,
      CursorsCommand.self, DropCommand.self, ExportCommand.self, ImportCommand.self,
      BenchCommand.self, DemoCommand.self, DemoProducerCommand.self, BenchFillCommand.self,
      BenchMemoryCommand.self,
    ]
  )

  /// The commands that make a store of their own, so that none is named.
  static let commandsWithoutStore: [any ParsableCommand.Type] = [
    BenchCommand.self, DemoCommand.self, DemoProducerCommand.self, BenchFillCommand.self,
    BenchMemoryCommand.self,
  ]

  static func main() {
    // A pipe whose reader went away is an error of the write, not the end of the process.
    _ = signal(SIGPIPE, SIG_IGN)
    Glibc.exit(CommandRunner.run(Array(CommandLine.arguments.dropFirst())))
  }
}
