/// How much a run may write and hold.
enum BenchScale: Sendable {
  /// For a verdict.
  case full
  /// For a first look.
  case quick
  /// For seeing that everything works.
  case tiny

  /// A size that the full run has, made smaller for the others.
  func bytes(_ full: UInt64) -> UInt64 {
    switch self {
    case .full: full
    case .quick: max(full / 4, min(full, 64 << 20))
    case .tiny: max(full / 512, min(full, 1 << 20))
    }
  }

  /// A number of things, made smaller likewise.
  func count(_ full: Int) -> Int {
    switch self {
    case .full: full
    case .quick: max(full / 4, 1)
    case .tiny: max(full / 128, 1)
    }
  }

  /// How long a part of the full run takes, likewise.
  func seconds(_ full: Double) -> Double {
    switch self {
    case .full: full
    case .quick: full / 4
    case .tiny: full / 50
    }
  }
}
