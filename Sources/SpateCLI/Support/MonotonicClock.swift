import Glibc

/// The clock that all processes of the machine share and nobody sets.
enum MonotonicClock {
  /// Now, in nanoseconds.
  static var now: UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// Seconds from a moment until another, or until now.
  static func seconds(since start: UInt64, until end: UInt64 = now) -> Double { Double(end &- start) / 1e9 }

  /// Sleeps for a while.
  static func sleep(seconds: Double) { sleep(until: now + UInt64(seconds * 1e9)) }

  /// Sleeps until a moment; at once when it is past.
  static func sleep(until nanoseconds: UInt64) {
    var time = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
    while unsafe clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nil) == EINTR {}
  }
}
