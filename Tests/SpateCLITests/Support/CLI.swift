import Glibc
import Testing

@testable import SpateCLI

/// The built command.
enum CLI {
  /// It stands beside the test program.
  static let path: String = {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = unsafe readlink("/proc/self/exe", &buffer, buffer.count - 1)
    let path = String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return (path.split(separator: "/").dropLast() + ["spate"]).reduce("") { $0 + "/" + $1 }
  }()

  /// Starts it.
  static func start(_ arguments: String..., environment: [String] = [], output: Int32? = nil) -> ChildCommand
  {
    ChildCommand([path] + arguments, environment: environment, output: output)
  }

  /// Runs it to its end.
  @discardableResult
  static func run(_ arguments: String..., input: [UInt8] = [], environment: [String] = [])
    -> ChildCommand.Result
  {
    let process = ChildCommand([path] + arguments, environment: environment)
    process.write(input)
    return process.finish()
  }

  /// Runs it, expects that it is done, and returns its output.
  @discardableResult
  static func expect(_ arguments: String..., input: [UInt8] = []) -> [UInt8] {
    let process = ChildCommand([path] + arguments)
    process.write(input)
    let result = process.finish()
    #expect(result.status == .exited(0), "\(arguments): \(result.error)")
    return result.output
  }
}

/// Whether two large things are the same: a failed expectation of this shows neither.
func isEqual<Value: Equatable>(_ first: Value, _ second: Value) -> Bool { first == second }

/// Bytes that are different each time the seed is.
struct Bytes: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
    return word ^ word >> 31
  }

  /// So many bytes.
  mutating func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
  }

  /// Lines of text, each of which names its number.
  mutating func lines(_ count: Int) -> [UInt8] {
    (0..<count).flatMap { number in
      Array("line \(number) \(String(next(), radix: 36))\n".utf8)
    }
  }
}
