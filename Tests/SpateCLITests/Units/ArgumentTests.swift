import Testing

@testable import SpateCLI

@Suite struct ArgumentTests {
  @Test func byteCountsAreReadAsPeopleWriteThem() {
    for (text, count) in [
      ("0", 0), ("65536", 65536), ("64KiB", 65536), ("64k", 65536), ("64kB", 64000), ("1.5GiB", 3 << 29),
      ("2 MB", 2_000_000), ("1T", 1 << 40), ("10B", 10),
    ] as [(String, UInt64)] { #expect(ByteCount(argument: text)?.bytes == count, "\(text)") }
    for text in ["", "k", "-1", "1.5", "1X", "1KiBs", "9999999T", "1..5"] {
      #expect(ByteCount(argument: text) == nil, "\(text)")
    }
  }

  @Test func byteCountsAreShownInTheirLargestUnit() {
    for (count, text) in [
      (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (1 << 20, "1.0 MiB"),
      (357_892_096, "341 MiB"), (UInt64.max, "16384 PiB"),
    ] as [(UInt64, String)] { #expect(ByteCount.text(count) == text) }
  }

  @Test func separatorsKnowTheirEscapes() {
    #expect(KeySeparator(argument: ",")?.bytes == [44])
    #expect(KeySeparator(argument: "\\t")?.bytes == [9])
    #expect(KeySeparator(argument: "a\\0\\\\")?.bytes == [97, 0, 92])
    #expect(KeySeparator(argument: "") == nil)
    #expect(KeySeparator(argument: "\\x") == nil)
    #expect(KeySeparator(argument: "\\") == nil)
  }

  @Test func placesAreToldApart() {
    #expect(StartArgument(argument: "earliest") == .earliest)
    #expect(StartArgument(argument: "latest") == .latest)
    #expect(StartArgument(argument: "17") == .sequence(17))
    #expect(StartArgument(argument: "-17") == .last(17))
    #expect(StartArgument(argument: "@17") == .time(17_000_000_000))
    #expect(StartArgument(argument: "+17") == nil)
    #expect(EndArgument(argument: "end") == .end)
    #expect(EndArgument(argument: "-17") == nil)
    #expect(StartArgument.last(5).position(in: 10..<12) == .sequence(10))
    #expect(StartArgument.last(1).position(in: 10..<12) == .sequence(11))
  }

  @Test func theStoreOfTheEnvironmentStandsBehindTheCommand() {
    func inserted(_ words: String...) -> [String] { StoreArgument.inserted(into: words, environment: "/s") }
    #expect(inserted("cat", "q", "--count", "1") == ["cat", "/s", "q", "--count", "1"])
    #expect(inserted("list") == ["list", "/s"])
    #expect(inserted("--help") == ["--help"])
    #expect(inserted("help", "cat") == ["help", "cat"])
    #expect(inserted() == [])
    #expect(StoreArgument.inserted(into: ["list"], environment: "-s") == ["list", "./-s"])
    #expect(StoreArgument.inserted(into: ["list", "x"], environment: nil) == ["list", "x"])
  }

  @Test func checksumsAreThoseOfTheStandard() {
    func checksum(_ bytes: [UInt8]) -> UInt32 {
      var crc = CRC32C()
      unsafe bytes.withUnsafeBytes { unsafe crc.add($0) }
      return crc.value
    }
    // RFC 3720, appendix B.4.
    #expect(checksum([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(checksum([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
    #expect(checksum(Array(0..<32)) == 0x46DD_794E)
    #expect(checksum(Array("123456789".utf8)) == 0xE306_9283)
    #expect(checksum([]) == 0)
  }

  @Test func jsonIsQuotedAsItMustBe() {
    let value = JSONValue.object([
      ("a\"b", .string("\\ \n\r\t\u{1}ü")), ("n", .null), ("x", .array([.number(.max), .boolean(false)])),
    ])
    #expect(value.text == #"{"a\"b":"\\ \n\r\t\u0001ü","n":null,"x":[18446744073709551615,false]}"#)
  }
}
