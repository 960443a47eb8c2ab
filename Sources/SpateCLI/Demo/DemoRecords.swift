/// Where the demo's records come from. What a producer's record with a number is made of is always the same, so both
/// processes know it.
enum DemoRecords: Sendable {
  case cards(CardTransactions)
  case lines(LineRecords)

  /// The lines of a file; generated card transactions when none is named.
  init(input path: String?) throws {
    self = try path.map { .lines(try LineRecords(path: $0)) } ?? .cards(CardTransactions())
  }

  /// About how long a record is.
  var meanByteCount: Int {
    switch self {
    case .cards: 150
    case .lines(let lines): lines.meanByteCount
    }
  }

  /// Puts a record's bytes behind those of `buffer`.
  @inline(__always)
  func append(producer: UInt64, number: UInt64, to buffer: inout [UInt8]) {
    switch self {
    case .cards(let cards): cards.append(producer: producer, number: number, to: &buffer)
    case .lines(let lines): lines.append(producer: producer, number: number, to: &buffer)
    }
  }
}
