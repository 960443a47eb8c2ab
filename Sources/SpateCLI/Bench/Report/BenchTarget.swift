/// A bound that a measure must keep.
struct BenchTarget: Sendable, Equatable {
  /// Which side of the bound is good.
  enum Direction: String, Sendable {
    case atLeast
    case atMost
  }

  /// What is compared with the bound.
  enum Subject: String, Sendable {
    case ratio
    case measured
  }

  var direction: Direction
  var bound: Double
  var subject: Subject

  /// The measure divided by its limit must be at least `bound`.
  static func ratio(atLeast bound: Double) -> BenchTarget {
    BenchTarget(direction: .atLeast, bound: bound, subject: .ratio)
  }

  /// The measure divided by its limit must be at most `bound`.
  static func ratio(atMost bound: Double) -> BenchTarget {
    BenchTarget(direction: .atMost, bound: bound, subject: .ratio)
  }

  /// The measure itself must be at most `bound`, in its own unit.
  static func measured(atMost bound: Double) -> BenchTarget {
    BenchTarget(direction: .atMost, bound: bound, subject: .measured)
  }

  /// Whether a median keeps the bound.
  func isReached(by value: Double) -> Bool {
    direction == .atLeast ? value >= bound : value <= bound
  }

  /// `≥ 1.20 ×` or `≤ 50.0 ms`.
  func text(unit: String) -> String {
    let sign = direction == .atLeast ? "≥" : "≤"
    return "\(sign) \(Decimal.adaptive(bound)) \(subject == .ratio ? "×" : unit)"
  }
}
