import CLimits
import Glibc

/// Monotonic time in nanoseconds.
@inline(__always)
func nanosecondsNow() -> UInt64 { climits_now() }

/// Seconds between two readings of ``nanosecondsNow()``.
func elapsedSeconds(from start: UInt64, to end: UInt64 = nanosecondsNow()) -> Double {
  Double(end &- start) / 1e9
}

/// Sleeps for a while, whatever signals come.
func pause(seconds: Double) {
  climits_sleep_until(nanosecondsNow() + UInt64(seconds * 1e9))
}

/// Sleeps until a reading of ``nanosecondsNow()``.
func pause(untilNanoseconds end: UInt64) { climits_sleep_until(end) }
