import ArgumentParser

/// Where reading ends: before this.
enum EndArgument: ExpressibleByArgument, Equatable {
  /// At the end of what is durable when the reading begins.
  case end
  case sequence(UInt64)
  /// Nanoseconds since 1970.
  case time(UInt64)

  init?(argument: String) {
    if argument == "end" {
      self = .end
    } else if let sequence = UInt64(argument), argument.first != "+" {
      self = .sequence(sequence)
    } else if let time = Timestamp.parse(argument) {
      self = .time(time)
    } else {
      return nil
    }
  }
}
