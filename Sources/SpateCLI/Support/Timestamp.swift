import Glibc

/// Times as people write them, in nanoseconds since 1970.
enum Timestamp {
  /// How a time may be written, for help texts.
  static let help = """
    A TIME is RFC 3339 (2026-11-21T09:30:00Z, 2026-11-21T10:30:00.5+01:00), a local date or time without a zone \
    (2026-11-21, 2026-11-21T09:30), a time before now (-30s, -5m, -2h, -7d, -1w), or @ and seconds since 1970 \
    (@1795253400, @1795253400.25).
    """

  /// Now.
  static var now: UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// What `text` means; nil when it is no time, or one before 1970.
  static func parse(_ text: String, now: UInt64 = Self.now) -> UInt64? {
    if text.hasPrefix("@") { return seconds(text.dropFirst()) }
    if text.hasPrefix("-") { return relative(text.dropFirst(), now: now) }
    return calendar(text)
  }

  /// A time as RFC 3339 in UTC, with nanoseconds.
  static func text(_ nanoseconds: UInt64) -> String {
    func padded(_ number: Int, _ width: Int) -> String {
      let digits = String(number)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    let seconds = Int(nanoseconds / 1_000_000_000)
    let (year, month, day) = CivilDate.date(ofDay: seconds / 86400)
    let clock = [seconds / 3600 % 24, seconds / 60 % 60, seconds % 60].map { padded($0, 2) }
    return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))T" + clock.joined(separator: ":")
      + ".\(padded(Int(nanoseconds % 1_000_000_000), 9))Z"
  }

  /// A time as RFC 3339 in UTC, with milliseconds: for people.
  static func shortText(_ nanoseconds: UInt64) -> String {
    let text = text(nanoseconds)
    return text.dropLast(7) + "Z"
  }

  // MARK: The forms

  /// `1795253400` or `1795253400.25`.
  private static func seconds(_ text: Substring) -> UInt64? {
    let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard let whole = parts.first.flatMap(digits), let fraction = fraction(parts.dropFirst().first) else {
      return nil
    }
    let (product, overflow) = whole.multipliedReportingOverflow(by: 1_000_000_000)
    return overflow ? nil : product.addingReportingOverflow(fraction).partialValue
  }

  /// `5m` and so on: the time before now.
  private static func relative(_ text: Substring, now: UInt64) -> UInt64? {
    let units: [(String, UInt64)] = [
      ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000),
      ("d", 86_400_000_000_000), ("w", 604_800_000_000_000),
    ]
    let count = text.prefix { $0.isASCII && $0.isNumber }
    guard let number = digits(count), let unit = units.first(where: { $0.0 == text.dropFirst(count.count) })
    else { return nil }
    let (product, overflow) = number.multipliedReportingOverflow(by: unit.1)
    return overflow || product > now ? 0 : now - product
  }

  /// `2026-11-21`, with or without a time of day, with or without a zone.
  private static func calendar(_ text: String) -> UInt64? {
    let text = text.replacing(" ", with: "T", maxReplacements: 1).uppercased()
    let halves = text.split(separator: "T", maxSplits: 1, omittingEmptySubsequences: false)
    let date = halves[0].split(separator: "-", omittingEmptySubsequences: false).map(digits)
    guard date.count == 3, let year = date[0], let month = date[1], let day = date[2],
      (1970...9999).contains(year), (1...12).contains(month), (1...31).contains(day)
    else { return nil }
    let midnight = CivilDate.day(year: Int(year), month: Int(month), day: Int(day)) * 86400
    guard halves.count == 2 else { return local(midnight, 0) }
    guard let (clock, zone) = split(clockAndZone: halves[1]) else { return nil }
    let fields = clock.split(separator: ":", omittingEmptySubsequences: false)
    guard (2...3).contains(fields.count), let hour = digits(fields[0]), let minute = digits(fields[1]),
      hour < 24, minute < 60
    else { return nil }
    var seconds = midnight + Int(hour * 3600 + minute * 60)
    var rest: UInt64 = 0
    if fields.count == 3 {
      let second = fields[2].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
      guard let whole = digits(second[0]), whole <= 60, let part = fraction(second.dropFirst().first) else {
        return nil
      }
      seconds += Int(whole)
      rest = part
    }
    guard let zone else { return local(seconds, rest) }
    return nanoseconds(seconds - zone, rest)
  }

  /// The time of day and the zone's seconds east of Greenwich; no zone is local time.
  private static func split(clockAndZone text: Substring) -> (Substring, Int?)? {
    if text.hasSuffix("Z") { return (text.dropLast(), 0) }
    guard let index = text.lastIndex(where: { $0 == "+" || $0 == "-" }) else { return (text, nil) }
    let fields = text[text.index(after: index)...].split(separator: ":", omittingEmptySubsequences: false)
    guard fields.count == 2, let hours = digits(fields[0]), let minutes = digits(fields[1]), hours < 24,
      minutes < 60
    else { return nil }
    let seconds = Int(hours * 3600 + minutes * 60)
    return (text[..<index], text[index] == "-" ? -seconds : seconds)
  }

  private static func digits(_ text: Substring) -> UInt64? {
    text.isEmpty || !text.allSatisfy { $0.isASCII && $0.isNumber } ? nil : UInt64(text)
  }

  /// Digits behind a point as nanoseconds; none are 0.
  private static func fraction(_ text: Substring?) -> UInt64? {
    guard let text else { return 0 }
    guard (1...9).contains(text.count) else { return nil }
    return digits(text + String(repeating: "0", count: 9 - text.count))
  }

  /// A local time, given as if it were in Greenwich: the zone's offset is that of the time itself.
  private static func local(_ seconds: Int, _ rest: UInt64) -> UInt64? {
    var moment = time_t(seconds)
    // The offset at about the time, then at the time that this gives: right but for the hour of a change.
    for _ in 0..<2 {
      var parts = unsafe tm()
      unsafe localtime_r(&moment, &parts)
      moment = unsafe time_t(seconds) - parts.tm_gmtoff
    }
    return nanoseconds(moment, rest)
  }

  private static func nanoseconds(_ seconds: Int, _ rest: UInt64) -> UInt64? {
    seconds < 0 || seconds > 18_000_000_000 ? nil : UInt64(seconds) * 1_000_000_000 + rest
  }
}
