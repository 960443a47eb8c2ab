import CSpateInterface
import Spate
import Testing

/// The codes of the C interface are those of the Swift interface, negated, one for one.
@Suite struct CodeTests {
  /// The codes that the Swift interface declares, by number.
  private func swiftCodes() throws -> [Int] {
    try InterfaceFiles.text(of: "Sources/Spate/SpateError.swift")
      .matches(of: #/public static let \w+ = Code\(rawValue: (\d+)\)/#).map { Int($0.1)! }
  }

  /// The codes that the header declares, by name.
  private func headerCodes() throws -> [String: Int] {
    try InterfaceFiles.constants().filter { $0.value < 0 }
  }

  private func nameOf(_ code: Int32) -> String { unsafe String(cString: spate_code_name(code)) }

  @Test func everySwiftCodeHasOneOfTheInterface() throws {
    let codes = try swiftCodes()
    #expect(codes.count >= 25)
    #expect(try headerCodes().values.sorted() == codes.map { -$0 }.sorted())
  }

  @Test func everyCodeAndOutcomeHasItsOwnName() throws {
    let outcomes = ["SPATE_OK", "SPATE_ALREADY", "SPATE_GAP", "SPATE_END"]
    for (name, number) in try InterfaceFiles.constants() where number < 0 || outcomes.contains(name) {
      #expect(nameOf(Int32(number)) == name)
    }
    #expect(nameOf(-1000) == "SPATE_E?")
    #expect(nameOf(.min) == "SPATE_E?")
    #expect(nameOf(.max) == "SPATE_E?")
  }
}
