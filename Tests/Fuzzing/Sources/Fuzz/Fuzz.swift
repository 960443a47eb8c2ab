import CLibFuzzer
import Glibc

/// `Fuzz TARGET [libFuzzer's arguments]` looks for inputs that break a target; `Fuzz corpus DIRECTORY` makes the
/// inputs to begin with from real stores.
@main
enum Fuzz {
  /// What is fuzzed, chosen once before the fuzzer begins.
  nonisolated(unsafe) private static var target: FuzzTarget = .segments

  static func main() throws {
    let arguments = CommandLine.arguments
    if arguments.count == 3, arguments[1] == "corpus" {
      return try CorpusMaker(directory: arguments[2]).run()
    }
    guard arguments.count > 1, let chosen = FuzzTarget(rawValue: arguments[1]) else {
      let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: "|")
      print("usage: Fuzz \(names) [libFuzzer's arguments] | Fuzz corpus DIRECTORY")
      exit(2)
    }
    unsafe target = chosen
    var count = Int32(CommandLine.argc - 1)
    // SAFETY: the arguments live as long as the process; the target's name is in the place of the program's.
    var rest: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = unsafe CommandLine.unsafeArgv + 1
    exit(unsafe LLVMFuzzerRunDriver(&count, &rest, Self.body))
  }

  private static let body: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32 = { bytes, count in
    // SAFETY: libFuzzer lends the bytes for this call.
    let input = unsafe Array(UnsafeBufferPointer(start: bytes, count: count))
    unsafe target.run(input)
    return 0
  }
}

/// What can be fuzzed.
enum FuzzTarget: String, CaseIterable {
  /// Segment files, with all that recovery, cursors, verification and repair make of them.
  case segments
  /// The file with the places of named cursors, beside a sound log.
  case cursors
  /// Manifest and checkpoint, beside a sound log.
  case metadata
  /// What `spate import` reads.
  case archive

  func run(_ input: [UInt8]) {
    switch self {
    case .segments: StoreTarget(files: .segments).run(input)
    case .cursors: StoreTarget(files: .cursors).run(input)
    case .metadata: StoreTarget(files: .metadata).run(input)
    case .archive: ArchiveTarget.run(input)
    }
  }
}

/// Ends the process so that libFuzzer keeps the input: something does not hold.
func violated(_ promise: String) -> Never {
  fatalError("violated: " + promise)
}
