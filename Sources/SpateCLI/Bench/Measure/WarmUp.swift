import CLimits

/// Touches memory and disk, because the host of a virtual machine hands out both slowly at first.
enum WarmUp {
  /// Takes some seconds, mostly the first time.
  static func run(_ context: BenchContext) throws {
    try context.step("touching memory and disk")
    let byteCount = byteCount(context.scale)
    try Limits.check(climits_touch_memory(Int(byteCount)), "touch memory", "")
    let path = context.path("warm-up")
    defer { TemporaryDirectory.remove(path) }
    try Limits.check(unsafe climits_prewrite(path, byteCount), "write", path)
    _ = try context.limits.durableBandwidth(seconds: 0.2)
  }

  /// Bytes that it takes on the disk for a moment.
  static func byteCount(_ scale: BenchScale) -> UInt64 { scale.bytes(1 << 30) }
}
