import Glibc
import Testing

/// The models of the ring, of parking and of waiting for a watermark, checked by spin where it is installed, for their short
/// sizes: `scripts/model` checks longer ones, too.
@Suite struct ModelTests {
  private static let script: String = {
    let path: StaticString = #filePath
    return String("\(path)".dropLast("Tests/SpateTests/Model/ModelTests.swift".utf8.count)) + "scripts/model"
  }()

  private static let isSpinThere =
    unsafe access("/usr/bin/spin", X_OK) == 0 || access("/usr/local/bin/spin", X_OK) == 0

  /// The model holds, and fails without any of the guards that it names.
  @Test(.enabled(if: isSpinThere, "spin is not installed"), arguments: ["waiter", "assist", "park", "ring"])
  func everyInterleavingHoldsAndEveryGuardIsNeeded(model: String) {
    var process = pid_t()
    let words: [String] = ["bash", Self.script, "--short", model]
    var arguments: [UnsafeMutablePointer<CChar>?] = unsafe words.map { unsafe strdup($0) } + [nil]
    defer { unsafe arguments.forEach { unsafe Glibc.free($0) } }
    #expect(unsafe posix_spawnp(&process, "bash", nil, nil, &arguments, environ) == 0)
    var status: Int32 = 0
    unsafe waitpid(process, &status, 0)
    #expect(status == 0, "scripts/model \(model) says what does not hold")
  }
}
