import ArgumentParser

/// How a command prints the facts that it found.
struct FactsOptions: ParsableArguments {
  @Flag(help: "Print JSON, one object, with stable field names.")
  var json = false

  /// Prints text, or JSON when that was asked for.
  func print(json value: @autoclosure () -> JSONValue, text: @autoclosure () -> String) throws {
    var output = OutputBuffer()
    try output.append(json ? value().text + "\n" : text())
    try output.flush()
  }
}
