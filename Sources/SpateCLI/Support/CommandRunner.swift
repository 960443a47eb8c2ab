import ArgumentParser
import Glibc
import Spate

/// Parses the arguments, runs the command, and turns whatever comes of it into one line and an exit code.
enum CommandRunner {
  /// Returns the exit code, unless the command was interrupted: then the process ends by that signal.
  static func run(_ arguments: [String]) -> Int32 {
    var name = "spate"
    do {
      var command = try SpateCommand.parseAsRoot(StoreArgument.inserted(into: arguments))
      name = "spate " + type(of: command)._commandName
      try command.run()
      return 0
    } catch let error as CommandFailure {
      return end(error, of: name)
    } catch let error as SpateError {
      complain(name, error.description)
      return error.code == .corrupt ? CommandFailure.damageCode : CommandFailure.failureCode
    } catch {
      return endParsing(error)
    }
  }

  private static func end(_ failure: CommandFailure, of name: String) -> Int32 {
    if let message = failure.message { complain(name, message) }
    if let signal = failure.signal { Interruption.endProcess(by: signal) }
    return failure.exitCode
  }

  /// Help and versions go to standard output and are no failures; everything else is wrong usage.
  private static func endParsing(_ error: any Error) -> Int32 {
    let text = SpateCommand.fullMessage(for: error)
    guard !SpateCommand.exitCode(for: error).isSuccess else {
      print(text)
      return 0
    }
    StandardError.print(text)
    return CommandFailure.usageCode
  }

  private static func complain(_ name: String, _ message: String) {
    StandardError.print("\(name): \(message)")
  }
}
