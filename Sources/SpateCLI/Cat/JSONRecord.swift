import Spate

/// A record as a line of JSON:
///
///     {"sequence":7,"timestamp":"2026-11-21T09:30:00.000000000Z","key":"k","headersBase64":"AAE=","payload":"text"}
///
/// A part that is no UTF-8 is in base64, and its name then ends in `Base64`. Key and headers are left out when
/// there are none.
enum JSONRecord {
  static func append(_ record: borrowing Record, to output: inout OutputBuffer) throws(CommandFailure) {
    try output.append("{\"sequence\":")
    try output.append(decimal: record.sequence)
    try output.append(",\"timestamp\":\"\(Timestamp.text(record.timestamp))\"")
    if !record.key.isEmpty { try append(record.key, named: "key", to: &output) }
    if !record.headers.isEmpty { try append(record.headers, named: "headers", to: &output) }
    try append(record.payload, named: "payload", to: &output)
    try output.append(UInt8(ascii: "}"))
  }

  private static func append(_ bytes: RawSpan, named name: String, to output: inout OutputBuffer)
    throws(CommandFailure)
  {
    let text = unsafe bytes.withUnsafeBytes { bytes in
      // SAFETY: the bytes are looked at in this closure only.
      unsafe String(validating: bytes, as: UTF8.self)
    }
    try output.append(",\"\(name)")
    guard let text else {
      try output.append("Base64\":\"")
      try output.append(base64: bytes)
      return try output.append(UInt8(ascii: "\""))
    }
    try output.append("\":")
    try output.append(JSONValue.string(text).text)
  }
}
