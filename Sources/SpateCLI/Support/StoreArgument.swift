import ArgumentParser
import Glibc
import Spate

/// The store that a command works on, and the queue.
struct StoreArgument: ParsableArguments {
  @Argument(help: "The store's directory; left out when SPATE_STORE names it.", completion: .directory)
  var store: String

  /// Names of the environment variable and of the commands that it is for.
  static let variable = "SPATE_STORE"

  /// The arguments with the store that the environment names in its place: behind the command's name.
  ///
  /// With the variable set the store is always left out, so that no argument can be taken for another one.
  static func inserted(into arguments: [String], environment store: String? = environmentStore) -> [String] {
    guard let store, let first = arguments.first,
      let command = SpateCommand.configuration.subcommands.first(where: { $0._commandName == first }),
      !SpateCommand.commandsWithoutStore.contains(where: { $0 == command })
    else { return arguments }
    var count = 1
    let nested = command.configuration.subcommands
    if !nested.isEmpty {
      guard arguments.count > 1, nested.contains(where: { $0._commandName == arguments[1] }) else {
        return arguments
      }
      count = 2
    }
    var arguments = arguments
    // A path that begins with a hyphen would be taken for an option.
    arguments.insert(store.hasPrefix("-") ? "./" + store : store, at: count)
    return arguments
  }

  /// Completes a queue's name: `words` are those of the command line, the store is the first one behind the
  /// command that is no option, unless the environment names it.
  static let queueCompletion = CompletionKind.custom { words, _, _ in
    let behind = words.dropFirst(2).first { !$0.hasPrefix("-") }
    guard let store = environmentStore ?? behind, let inspector = try? StoreInspector(path: store) else {
      return []
    }
    return (try? inspector.queueNames) ?? []
  }

  /// What the environment says; an empty value counts as none.
  static var environmentStore: String? {
    guard let value = unsafe getenv(variable) else { return nil }
    let text = unsafe String(cString: value)
    return text.isEmpty ? nil : text
  }
}
