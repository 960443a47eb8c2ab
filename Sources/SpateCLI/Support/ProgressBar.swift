import Glibc

/// What long work tells a person meanwhile: one line on standard error, drawn again ten times a second, when
/// that is a terminal; nothing otherwise. One thread.
struct ProgressBar: ~Copyable {
  private static let intervalNanoseconds: UInt64 = 100_000_000

  private let title: String
  private let total: UInt64?
  private let isShown: Bool
  private let begun: UInt64
  private var nextDraw: UInt64
  private var isDrawn = false

  /// A bar for work of `total` bytes; nil when nobody knows how much there is.
  init(_ title: String, total: UInt64?, isWanted: Bool = true) {
    self.title = title
    self.total = total
    isShown = isWanted && StandardError.isTerminal
    begun = MonotonicClock.now
    nextDraw = begun + Self.intervalNanoseconds
  }

  deinit { if isDrawn { Self.erase() } }

  /// Takes the line away, before other things are printed.
  mutating func clear() {
    if isDrawn { Self.erase() }
    isDrawn = false
  }

  private static func erase() { StandardError.write("\r\u{1B}[K") }

  /// Notes how far the work is.
  mutating func update(byteCount: UInt64, recordCount: UInt64? = nil) {
    guard isShown else { return }
    let now = MonotonicClock.now
    guard now >= nextDraw else { return }
    nextDraw = now + Self.intervalNanoseconds
    isDrawn = true
    StandardError.write("\r" + line(byteCount, recordCount, seconds: Double(now - begun) / 1e9) + "\u{1B}[K")
  }

  private func line(_ byteCount: UInt64, _ recordCount: UInt64?, seconds: Double) -> String {
    let rate = Double(byteCount) / max(seconds, 0.001)
    var facts = [ByteCount.text(byteCount), ByteCount.text(UInt64(rate)) + "/s"]
    if let recordCount {
      facts.append(Decimal.short(Double(recordCount) / max(seconds, 0.001)) + " records/s")
    }
    guard let total, total > 0 else { return title + "  " + facts.joined(separator: "  ") }
    let share = min(1, Double(byteCount) / Double(total))
    if rate > 0 {
      facts.append(Decimal.duration(seconds: Double(total - min(total, byteCount)) / rate) + " left")
    }
    let tail = "  \(Decimal.text(share * 100, digits: 0)) %  " + facts.joined(separator: "  ")
    let width = min(40, Terminal.width(of: STDERR_FILENO) - title.count - tail.count - 6)
    guard width >= 8 else { return title + tail }
    return title + "  " + Terminal.bar(share: share, width: width) + tail
  }
}
