import Testing

/// What README.md says is so.
@Suite struct ReadmeTests {
  private static let root = #filePath.split(separator: "/").dropLast(4).reduce("") { $0 + "/" + $1 }

  private static func text(_ path: String) -> String {
    String(decoding: Files.read(root + "/" + path), as: UTF8.self)
  }

  /// The package builds Tests/ReadmeExample, so what stands in the README compiles.
  @Test func theExampleIsTheOneThatIsBuilt() {
    let example = Self.text("Tests/ReadmeExample/main.swift")
    #expect(!example.isEmpty)
    #expect(isEqual(Self.text("README.md").contains("```swift\n\(example)```\n"), true))
  }

  @Test func theScriptsAndFilesThatItNamesAreThere() {
    let readme = Self.text("README.md")
    let names = [
      "scripts/demo", "scripts/test", "scripts/install", "Sources/Spate/Spate.docc/Guarantees.md",
      "Sources/Spate/Spate.docc/Format.md", "Sources/Spate/Spate.docc/Resources/spike.svg",
    ]
    for name in names {
      #expect(readme.contains(name))
      #expect(!Files.read(Self.root + "/" + name).isEmpty, "\(name)")
    }
  }
}
