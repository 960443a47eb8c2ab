/// Card transactions in JSON, each made from its producer and number alone: whoever knows these two knows every byte.
struct CardTransactions: Sendable {
  /// What follows amount and number; many records share one, so that making a record is mostly copying.
  private let tails: [[UInt8]]

  init() {
    let merchants = [
      "Bäckerei Huber", "Nordic Rail", "Café Central", "Kiosk am Tor", "Harbour Books", "Librería Sol",
      "Corner Garage", "Flower Lane", "City Cinema", "Lake Pharmacy", "Tram Tickets", "Old Mill Inn",
    ]
    let cities = [("Wien", "EUR"), ("Oslo", "NOK"), ("Porto", "EUR"), ("Leeds", "GBP"), ("Basel", "CHF")]
    tails = (0..<1024).map { number in
      let word = Self.mixed(UInt64(number))
      let city = cities[Int(word % 5)]
      let card = String(word >> 16 % 10_000 + 10_000).dropFirst()
      return Array(
        """
        ,"currency":"\(city.1)","card":"**** **** **** \(card)",\
        "merchant":"\(merchants[Int(word >> 40 % 12)])","city":"\(city.0)","approved":\(word >> 60 != 0)}
        """.utf8
      )
    }
  }

  /// Puts a record's bytes behind those of `buffer`.
  func append(producer: UInt64, number: UInt64, to buffer: inout [UInt8]) {
    let word = Self.mixed(number << 8 | producer)
    buffer.append(contentsOf: Self.head)
    Self.append(producer, width: 2, to: &buffer)
    buffer.append(UInt8(ascii: "-"))
    Self.append(number, width: 12, to: &buffer)
    buffer.append(contentsOf: Self.amount)
    Self.append(word >> 10 % 900 + 1, width: 1, to: &buffer)
    buffer.append(UInt8(ascii: "."))
    Self.append(word >> 30 % 100, width: 2, to: &buffer)
    buffer.append(contentsOf: tails[Int(word % 1024)])
  }

  private static let head = Array(#"{"id":""#.utf8)
  private static let amount = Array(#"","amount":"#.utf8)

  /// A number in decimal digits, with zeros before it.
  @inline(__always)
  private static func append(_ number: UInt64, width: Int, to buffer: inout [UInt8]) {
    var rest = number
    var divisor: UInt64 = 1
    for _ in 1..<max(width, 1) { divisor *= 10 }
    while rest / divisor >= 10 { divisor *= 10 }
    while divisor > 0 {
      buffer.append(UInt8(ascii: "0") + UInt8(rest / divisor))
      rest %= divisor
      divisor /= 10
    }
  }

  /// SplitMix64: neighbours give words that have nothing in common.
  private static func mixed(_ word: UInt64) -> UInt64 {
    var word = word &+ 0x9E37_79B9_7F4A_7C15
    word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
    return word ^ word >> 31
  }
}
