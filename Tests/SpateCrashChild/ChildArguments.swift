import Spate

/// Arguments of the form `name=value`.
struct ChildArguments: Sendable {
  private var values: [String: String] = [:]

  init(_ arguments: some Sequence<String>) {
    for argument in arguments {
      let parts = argument.split(separator: "=", maxSplits: 1).map(String.init)
      if parts.count == 2 { values[parts[0]] = parts[1] }
    }
  }

  /// The store's directory.
  var path: String { values["path"] ?? "" }

  func number(_ name: String, otherwise: UInt64) -> UInt64 {
    values[name].flatMap { UInt64($0) } ?? otherwise
  }

  var storeOptions: StoreOptions {
    var options = StoreOptions()
    options.memoryBudgetByteCount = 8 << 20
    switch values["strategy"] {
    case "ioUring": options.ioStrategy = .ioUring
    case "systemCalls": options.ioStrategy = .systemCalls
    default: break
    }
    switch values["mode"] {
    case "direct": options.fileMode = .direct
    case "buffered": options.fileMode = .buffered
    default: break
    }
    let segment = number("segment", otherwise: 64 << 10)
    options.minimalSegmentByteCount = segment
    options.maximalSegmentByteCount = max(segment, number("largestSegment", otherwise: segment))
    options.maximalChunkByteCount = Int(number("chunk", otherwise: 64 << 10))
    options.claimDeadlineNanoseconds = 20_000_000
    return options
  }

  var queueOptions: QueueOptions {
    var options = QueueOptions()
    let retained = number("retain", otherwise: 0)
    if retained > 0 { options.retention.maximalByteCount = retained }
    let age = number("age", otherwise: 0)
    if age > 0 { options.retention.maximalAgeNanoseconds = age * 1_000_000_000 }
    return options
  }
}
