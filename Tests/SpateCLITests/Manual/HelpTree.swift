import Foundation

/// What `spate --experimental-dump-help` says: the commands with their arguments.
struct HelpTree: Decodable {
  /// A command or a subcommand.
  struct Command: Decodable {
    var commandName: String
    var abstract: String?
    var discussion: String?
    var arguments: [Argument]?
    var subcommands: [Command]?
    var shouldDisplay: Bool
  }

  /// A positional argument, an option or a flag.
  struct Argument: Decodable {
    struct Name: Decodable {
      var kind: String
      var name: String

      /// As it is typed.
      var text: String { (kind == "short" ? "-" : "--") + name }
    }

    var kind: String
    var names: [Name]?
    var valueName: String?
    var abstract: String?
    var defaultValue: String?
    var allValues: [String]?
    var isOptional: Bool
    var isRepeating: Bool
    var shouldDisplay: Bool
  }

  var command: Command

  /// Decodes what the command prints.
  init(_ bytes: [UInt8]) throws {
    self = try JSONDecoder().decode(HelpTree.self, from: Data(bytes))
  }
}
