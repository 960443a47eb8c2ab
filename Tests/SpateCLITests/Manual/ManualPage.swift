/// The manual page `spate.1`, made from the command's own help.
struct ManualPage {
  private let root: HelpTree.Command
  private var lines: [String] = []

  init(_ tree: HelpTree) { root = tree.command }

  /// The page's source, in the mdoc language.
  consuming func source() -> String {
    lines = [
      #".\" Made by the tests from the command's own help; see ManualPageTests."#, ".Dd $Mdocdate$",
      ".Dt SPATE 1",
      ".Os Spate", ".Sh NAME", ".Nm spate", ".Nd work with durable queues", ".Sh SYNOPSIS", ".Nm",
      ".Ar command",
      ".Ar store", ".Op Ar queue", ".Op Ar options", ".Sh DESCRIPTION",
    ]
    appendProse(root.discussion ?? "")
    lines.append(".Sh COMMANDS")
    for command in root.subcommands ?? [] where command.shouldDisplay && command.commandName != "help" {
      append(command, path: [])
    }
    lines += [
      ".Sh ENVIRONMENT", ".Bl -tag -width SPATE_STORE", ".It Ev SPATE_STORE",
      "The store's directory; it is then left out of every command.", ".El", ".Sh EXIT STATUS",
      ".Bl -tag -width 3n", ".It 0", "Done.", ".It 1",
      "Failed: one line on standard error says what, and what to do.",
      ".It 2", "Wrong usage.", ".It 3", "Something stored is damaged.", ".El",
    ]
    return lines.joined(separator: "\n") + "\n"
  }

  private mutating func append(_ command: HelpTree.Command, path: [String]) {
    let path = path + [command.commandName]
    lines.append(".Ss " + Self.escaped(path.joined(separator: " ")))
    let arguments = (command.arguments ?? []).filter {
      $0.shouldDisplay && !["help", "version"].contains($0.valueName)
    }
    lines.append(".Nm")
    lines.append(".Cm " + path.joined(separator: " "))
    for argument in arguments where argument.kind == "positional" {
      let name = (argument.valueName ?? "") + (argument.isRepeating ? " ..." : "")
      lines.append((argument.isOptional ? ".Op Ar " : ".Ar ") + name)
    }
    if arguments.contains(where: { $0.kind != "positional" }) { lines.append(".Op Ar options") }
    lines.append(".Pp")
    appendProse(command.abstract ?? "")
    appendProse(command.discussion ?? "", continues: true)
    if !arguments.isEmpty {
      lines += [".Pp", ".Bl -tag -width 8n"]
      for argument in arguments { append(argument) }
      lines.append(".El")
    }
    for subcommand in command.subcommands ?? [] { append(subcommand, path: path) }
  }

  private mutating func append(_ argument: HelpTree.Argument) {
    let value = argument.valueName ?? "value"
    switch argument.kind {
    case "positional": lines.append(".It Ar " + value)
    default:
      let names = (argument.names ?? []).map { "Fl " + $0.text.dropFirst() }
      lines.append(
        ".It " + names.joined(separator: " , ") + (argument.kind == "option" ? " Ar " + value : "")
      )
    }
    appendProse(argument.abstract ?? "")
    if let values = argument.allValues, !values.isEmpty {
      appendProse("Values: \(values.joined(separator: ", ")).")
    }
    if let standard = argument.defaultValue { appendProse("Default: \(standard).") }
  }

  /// Paragraphs, and examples as they stand: lines that begin with a space.
  private mutating func appendProse(_ text: String, continues: Bool = false) {
    var isFirst = !continues
    for paragraph in text.split(separator: "\n\n") {
      if !isFirst { lines.append(".Pp") }
      isFirst = false
      var isLiteral = false
      for line in paragraph.split(separator: "\n", omittingEmptySubsequences: false) {
        if line.hasPrefix(" ") != isLiteral {
          isLiteral.toggle()
          lines.append(isLiteral ? ".Bd -literal -offset indent" : ".Ed")
        }
        lines.append(Self.escaped(isLiteral ? String(line.drop { $0 == " " }) : String(line)))
      }
      if isLiteral { lines.append(".Ed") }
    }
  }

  private static func escaped(_ text: String) -> String {
    let escaped = text.replacing("\\", with: "\\e").replacing("-", with: "\\-")
    return escaped.hasPrefix(".") || escaped.hasPrefix("'") ? "\\&" + escaped : escaped
  }
}
