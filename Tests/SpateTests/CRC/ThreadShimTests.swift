import CSpate
import Glibc
import Synchronization
import Testing

/// Futexes, membarrier and clocks as the engine relies on them.
struct ThreadShimTests {
  @Test func futexWaitReturnsAtOnceWhenTheWordDiffers() {
    var word: UInt32 = 1
    #expect(unsafe spate_futex_wait(&word, 2, -1) == -EAGAIN)
  }

  @Test func futexWaitEndsAtItsDeadline() {
    var word: UInt32 = 1
    let deadline = Int64(spate_now_monotonic_ns()) + 2_000_000
    var result: Int32 = 0
    repeat { result = unsafe spate_futex_wait(&word, 1, deadline) } while result == 0 || result == -EINTR
    #expect(result == -ETIMEDOUT)
    #expect(Int64(spate_now_monotonic_ns()) >= deadline)
    #expect(unsafe spate_futex_wait(&word, 1, 0) == -ETIMEDOUT)
  }

  @Test func futexWakeWithoutSleepersWakesNobody() {
    var word: UInt32 = 0
    #expect(unsafe spate_futex_wake(&word, 1) == 0)
  }

  @Test func membarrierWorksOnceRegistered() {
    let registered = spate_membarrier_register()
    #expect(registered == 0 || registered == -ENOSYS || registered == -EPERM || registered == -EINVAL)
    if registered == 0 { #expect(spate_membarrier() == 0) }
  }

  @Test func clocksGoOn() {
    let first = spate_now_monotonic_ns()
    #expect(spate_now_monotonic_ns() >= first)
    // Some time after 2020.
    #expect(spate_now_realtime_ns() > 1_577_836_800_000_000_000)
    #expect(spate_now_realtime_coarse_ns() > 1_577_836_800_000_000_000)
  }
}
