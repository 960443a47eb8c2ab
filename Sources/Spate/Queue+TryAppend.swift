extension Queue {
  /// Appends one record with a key and headers if there is room now. As ``tryAppend(_:policy:)``.
  ///
  /// - Parameters:
  ///   - key: up to 65,535 bytes; empty for none.
  ///   - headers: bytes whose meaning is the caller's; empty for none.
  ///   - timestamp: ns since 1970; nil takes the store's clock.
  public func tryAppend(
    _ payload: RawSpan,
    key: RawSpan,
    headers: RawSpan = RawSpan(),
    timestamp: UInt64? = nil,
    policy: BackPressurePolicy = .refuse
  ) throws(SpateError) -> AppendOutcome {
    try RecordBody.check(key: key.byteCount)
    return try unsafe payload.withUnsafeBytes { (payload) throws(SpateError) in
      try unsafe key.withUnsafeBytes { (key) throws(SpateError) in
        try unsafe headers.withUnsafeBytes { (headers) throws(SpateError) in
          let body = unsafe RecordBody(payload: payload, key: key, headers: headers, timestamp: timestamp)
          return try publishSlowly(body, policy: policy)
        }
      }
    }
  }
}
