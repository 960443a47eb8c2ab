import Glibc

/// What a benchmark tells a person meanwhile: one line on standard error, when that is a terminal. One thread.
final class BenchProgress {
  private let isShown: Bool
  private let begun = MonotonicClock.now
  private let expectedSeconds: Double?
  private var isDrawn = false
  /// The part that is measured now.
  var title = ""

  /// A line for work of about so many seconds; nil when nobody knows.
  init(isWanted: Bool, expectedSeconds: Double? = nil) {
    isShown = isWanted && StandardError.isTerminal
    self.expectedSeconds = expectedSeconds
  }

  deinit { clear() }

  /// Draws the line anew.
  func show(_ what: String) {
    guard isShown else { return }
    let seconds = MonotonicClock.seconds(since: begun)
    var line = "\(Int(seconds)) s"
    let width = Terminal.width(of: STDERR_FILENO)
    if let expectedSeconds {
      line += " of about \(Int(expectedSeconds))"
      // Full only at the end, however late that is.
      if width >= 60 {
        line = Terminal.bar(share: min(seconds / expectedSeconds, 0.99), width: 20) + "  " + line
      }
    }
    line += "  \(title)" + (what.isEmpty ? "" : ": \(what)")
    isDrawn = true
    StandardError.write("\r" + String(line.prefix(width - 1)) + "\u{1B}[K")
  }

  /// Takes the line away, before other things are printed.
  func clear() {
    if isDrawn { StandardError.write("\r\u{1B}[K") }
    isDrawn = false
  }
}
