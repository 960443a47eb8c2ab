import Glibc

/// Counts that something changed, and lets threads wait for the next change. Any thread.
@safe
final class Signal: @unchecked Sendable {
  // SAFETY: both live as long as this object, at one address, and guard `value`.
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>
  private var value: UInt64 = 0

  init() {
    unsafe mutex = .allocate(capacity: 1)
    unsafe condition = .allocate(capacity: 1)
    unsafe pthread_mutex_init(mutex, nil)
    unsafe pthread_cond_init(condition, nil)
  }

  deinit {
    unsafe pthread_cond_destroy(condition)
    unsafe pthread_mutex_destroy(mutex)
    unsafe condition.deallocate()
    unsafe mutex.deallocate()
  }

  /// How often ``signal()`` was called. Read it before looking at what may change.
  var count: UInt64 {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    return value
  }

  /// Wakes everybody who waits.
  func signal() {
    unsafe pthread_mutex_lock(mutex)
    value += 1
    unsafe pthread_mutex_unlock(mutex)
    unsafe pthread_cond_broadcast(condition)
  }

  /// Waits until the count is no longer `seen`.
  func wait(from seen: UInt64) {
    unsafe pthread_mutex_lock(mutex)
    while value == seen { unsafe pthread_cond_wait(condition, mutex) }
    unsafe pthread_mutex_unlock(mutex)
  }
}
