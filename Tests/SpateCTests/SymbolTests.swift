import CSpateInterface
import Testing

/// What the library exports is what its header declares, by name. `scripts/test-library` compares the library that is
/// installed.
@Suite struct SymbolTests {
  @Test func whatIsDeclaredIsExportedAndNothingElse() throws {
    let exported = try InterfaceFiles.exportedNames()
    #expect(exported.count >= 50)
    #expect(exported == exported.sorted())
    #expect(try InterfaceFiles.declaredFunctions().sorted() == exported)
  }

  @Test func everyFunctionIsPromised() throws {
    let promised = try InterfaceFiles.text(of: "Tests/SpateC/abi.c")
      .matches(of: #/PROMISED\(\s*[\w *]+, (spate_\w+),/#).map { String($0.1) }
    #expect(try promised == InterfaceFiles.exportedNames())
  }

  @Test func everyConstantIsPromised() throws {
    let promised = try InterfaceFiles.text(of: "Tests/SpateC/abi.c").matches(
      of: #/VALUE\((SPATE_\w+), (-?\d+)\)/#
    )
    let values = Dictionary(uniqueKeysWithValues: promised.map { (String($0.1), Int($0.2)!) })
    #expect(try values == InterfaceFiles.constants())
  }

  @Test func theVersionIsOneNumberMadeOfItsParts() {
    #expect(spate_version() == UInt32(SPATE_VERSION))
    let parts = SPATE_VERSION_MAJOR << 16 | SPATE_VERSION_MINOR << 8 | SPATE_VERSION_PATCH
    #expect(SPATE_VERSION == parts)
  }
}
