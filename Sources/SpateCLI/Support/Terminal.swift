import Glibc

/// What a terminal can show.
enum Terminal {
  /// How many columns there are; 80 when the terminal does not tell.
  static func width(of descriptor: Int32) -> Int {
    var size = winsize()
    return unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
  }

  /// Whether text on this descriptor may have colours: a terminal, that is not told otherwise by NO_COLOR or TERM.
  static func hasColours(_ descriptor: Int32) -> Bool {
    guard isatty(descriptor) == 1 else { return false }
    let refused = unsafe getenv("NO_COLOR").map { unsafe String(cString: $0) } ?? ""
    let terminal = unsafe getenv("TERM").map { unsafe String(cString: $0) } ?? ""
    return refused.isEmpty && terminal != "dumb"
  }

  /// A bar of blocks that is filled so far.
  static func bar(share: Double, width: Int) -> String {
    let filled = Int(min(1, max(0, share)) * Double(width))
    return String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
  }
}
