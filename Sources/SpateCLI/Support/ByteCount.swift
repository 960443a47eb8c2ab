import ArgumentParser

/// A number of bytes as people write it: `65536`, `64KiB`, `1.5GiB`, `2GB`, `64M`.
struct ByteCount: ExpressibleByArgument, Equatable {
  var bytes: UInt64

  init(bytes: UInt64) { self.bytes = bytes }

  /// How `--help` shows a default.
  var defaultValueDescription: String { Self.short(bytes) }

  /// A number, then nothing, `B`, or one of k, M, G, T with `iB` or nothing for powers of 1024, with `B` for
  /// powers of 1000.
  init?(argument: String) {
    let digits = argument.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    guard let number = Double(digits), let factor = Self.factor(of: argument.dropFirst(digits.count)) else {
      return nil
    }
    let bytes = number * Double(factor)
    guard bytes < 0x1p63, factor > 1 || bytes == bytes.rounded() else { return nil }
    self.bytes = UInt64(bytes)
  }

  private static func factor(of unit: Substring) -> UInt64? {
    let unit = unit.drop { $0 == " " }.lowercased()
    if unit.isEmpty || unit == "b" { return 1 }
    guard let power = ["k", "m", "g", "t"].firstIndex(of: unit.prefix(1)) else { return nil }
    let base: UInt64
    switch unit.dropFirst() {
    case "", "ib": base = 1024
    case "b": base = 1000
    default: return nil
    }
    return (0...power).reduce(1) { factor, _ in factor * base }
  }

  /// As ``text(_:)``, without a zero behind the point.
  static func short(_ bytes: UInt64) -> String { text(bytes).replacing(".0 ", with: " ") }

  /// `bytes` in the largest unit of 1024 that leaves a whole part, with a digit behind the point where it
  /// is small.
  static func text(_ bytes: UInt64) -> String {
    guard bytes >= 1024 else { return "\(bytes) B" }
    var value = Double(bytes)
    var unit = 0
    while value >= 1023.95, unit < 5 {
      value /= 1024
      unit += 1
    }
    let name = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"][unit]
    return "\(Decimal.text(value, digits: value < 99.95 ? 1 : 0)) \(name)"
  }
}

/// Numbers for people.
enum Decimal {
  /// A number with so many digits behind the point.
  static func text(_ value: Double, digits: Int) -> String {
    guard value.isFinite, abs(value) < 1e15 else { return "-" }
    let scale = (0..<digits).reduce(1.0) { scale, _ in scale * 10 }
    let scaled = Int64((abs(value) * scale).rounded())
    let sign = value < 0 && scaled != 0 ? "-" : ""
    guard digits > 0 else { return sign + "\(scaled)" }
    let fraction = String(scaled % Int64(scale))
    return sign + "\(scaled / Int64(scale))." + String(repeating: "0", count: digits - fraction.count)
      + fraction
  }

  /// A number with as many decimals as its size deserves: `1234`, `56.7`, `3.21`, `0.0123`.
  static func adaptive(_ value: Double) -> String {
    let magnitude = abs(value)
    if magnitude >= 99.95 { return text(value, digits: 0) }
    if magnitude >= 9.995 { return text(value, digits: 1) }
    return text(value, digits: magnitude >= 0.0995 || value == 0 ? 2 : 4)
  }

  /// A count with a unit of thousands: `950`, `12.3 k`, `11 M`.
  static func short(_ count: Double) -> String {
    var value = count
    var unit = 0
    while value >= 999.5, unit < 4 {
      value /= 1000
      unit += 1
    }
    let text = self.text(value, digits: unit > 0 && value < 99.95 ? 1 : 0)
    return unit == 0 ? text : text + " " + ["", "k", "M", "G", "T"][unit]
  }

  /// A duration as `4 s`, `2:05` or `1:02:05`.
  static func duration(seconds: Double) -> String {
    guard seconds.isFinite, seconds < 360_000 else { return "-" }
    let whole = Int(seconds.rounded(.up))
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return "\(whole / 60):\(two(whole % 60))" }
    return "\(whole / 3600):\(two(whole / 60 % 60)):\(two(whole % 60))"
  }
}
