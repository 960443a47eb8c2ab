import Glibc
import Testing

@testable import SpateCLI

@Suite struct TimestampTests {
  private static let now: UInt64 = 1_795_253_400_000_000_000

  @Test func everyFormMeansItsMoment() {
    let expected: [(String, UInt64?)] = [
      ("1970-01-01T00:00:00Z", 0), ("2026-11-21T09:30:00Z", 1_795_253_400_000_000_000),
      ("2026-11-21t09:30:00z", 1_795_253_400_000_000_000), ("2026-11-21 09:30Z", 1_795_253_400_000_000_000),
      ("2026-11-21T10:30:00.5+01:00", 1_795_253_400_500_000_000),
      ("2026-11-21T04:00:00.000000001-05:30", 1_795_253_400_000_000_001),
      ("2024-02-29T23:59:59Z", 1_709_251_199_000_000_000), ("2000-03-01T00:00:00Z", 951_868_800_000_000_000),
      ("@1795253400", 1_795_253_400_000_000_000), ("@1.25", 1_250_000_000), ("@0", 0),
      ("-1ms", Self.now - 1_000_000), ("-30s", Self.now - 30_000_000_000),
      ("-5m", Self.now - 300_000_000_000),
      ("-2h", Self.now - 7_200_000_000_000), ("-1d", Self.now - 86_400_000_000_000),
      ("-1w", Self.now - 604_800_000_000_000), ("-99999999w", 0),
    ]
    for (text, time) in expected { #expect(Timestamp.parse(text, now: Self.now) == time, "\(text)") }
  }

  @Test func whatIsNoTimeIsRefused() {
    for text in [
      "", "@", "@-1", "@1.1234567890", "-5", "-m", "-5y", "5m", "2026", "2026-13-01", "2026-00-01",
      "2026-01-32",
      "2026-11-21T", "2026-11-21T24:00:00Z", "2026-11-21T09:60:00Z", "2026-11-21T09:30:61Z", "1969-12-31",
      "2026-11-21T09:30:00+1", "2026-11-21T09:30:00.Z", "tomorrow", "२०२६-११-२१",
    ] { #expect(Timestamp.parse(text, now: Self.now) == nil, "\(text)") }
  }

  @Test func textIsParsedBackToTheSameMoment() {
    var random = Bytes(seed: 1)
    for _ in 0..<1000 {
      let time = random.next() % 9_000_000_000_000_000_000
      #expect(Timestamp.parse(Timestamp.text(time)) == time)
    }
    #expect(Timestamp.text(1_795_253_400_000_000_001) == "2026-11-21T09:30:00.000000001Z")
    #expect(Timestamp.shortText(1_795_253_400_123_456_789) == "2026-11-21T09:30:00.123Z")
  }

  @Test func timesWithoutAZoneAreLocal() {
    let scratch = Scratch()
    CLI.expect("append", scratch("store"), "q", input: Array("now\n".utf8))
    // In a zone far enough to the west, what is now there was some hours ago.
    let local = Timestamp.text(Timestamp.now - 3_600_000_000_000).prefix(19)
    for (zone, count) in [("UTC", 1), ("<-03>3", 0), ("<+03>-3", 1)] {
      let result = CLI.run("cat", scratch("store"), "q", "--from", String(local), environment: ["TZ=" + zone])
      #expect(result.lines.count == count, "\(zone)")
    }
  }
}
