import ArgumentParser
import Spate

/// Where reading begins.
enum StartArgument: ExpressibleByArgument, Equatable {
  case earliest
  case latest
  case sequence(UInt64)
  /// So many records before the end.
  case last(UInt64)
  /// Nanoseconds since 1970.
  case time(UInt64)

  init?(argument: String) {
    switch argument {
    case "earliest": self = .earliest
    case "latest": self = .latest
    default:
      if let sequence = UInt64(argument), argument.first != "+" {
        self = .sequence(sequence)
      } else if argument.hasPrefix("-"), let count = UInt64(argument.dropFirst()) {
        self = .last(count)
      } else if let time = Timestamp.parse(argument) {
        self = .time(time)
      } else {
        return nil
      }
    }
  }

  /// The place in a log of the sequences `range`.
  func position(in range: Range<UInt64>) -> StartPosition {
    switch self {
    case .earliest: .earliest
    case .latest: .latest
    case .sequence(let sequence): .sequence(sequence)
    case .last(let count): .sequence(range.upperBound - min(count, UInt64(range.count)))
    case .time(let time): .time(time)
    }
  }
}
