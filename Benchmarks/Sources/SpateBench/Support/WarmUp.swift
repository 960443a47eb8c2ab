import CLimits

/// Touches memory and disk, because the host of a virtual machine hands out both slowly at first.
enum WarmUp {
  /// Takes some seconds, mostly the first time.
  static func run(_ context: Context) throws {
    context.log("touching memory and disk")
    let start = nanosecondsNow()
    try BenchmarkError.check(climits_touch_memory(2 << 30), "touching memory")
    let path = context.scratch.path("warm-up")
    defer { ScratchDirectory.remove(path) }
    try BenchmarkError.check(unsafe climits_prewrite(path, 2 << 30), "writing \(path)")
    _ = try context.limits.durableBandwidth(seconds: 0.2)
    context.log("touched in \(NumberFormat.general.text(elapsedSeconds(from: start))) s")
  }
}
