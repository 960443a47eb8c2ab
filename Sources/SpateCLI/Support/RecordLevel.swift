import ArgumentParser
import Spate

/// How far a record must be before it counts as appended.
enum RecordLevel: String, CaseIterable, ExpressibleByArgument {
  /// A sync covered it: survives a power cut.
  case durable
  /// The kernel has it: survives the end of the process.
  case written
  /// It is in memory.
  case published

  /// The level as the library knows it.
  var level: DurabilityLevel {
    switch self {
    case .durable: .durable
    case .written: .written
    case .published: .published
    }
  }
}
