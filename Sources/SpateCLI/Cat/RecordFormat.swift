import ArgumentParser

/// How a record is written out.
enum RecordFormat: String, CaseIterable, ExpressibleByArgument {
  /// Its bytes, as they were appended.
  case payload
  /// A line of JSON with sequence, time, key, headers and payload.
  case json
  /// Its bytes in hexadecimal digits.
  case hex
}
