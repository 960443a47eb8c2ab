import CSpate
import Glibc
import Synchronization

/// One thread or task that waits until a watermark covers a place. Pooled by its ``WaitList``.
///
/// INVARIANT: while a waiter stands in a heap, its list's lock guards it; whoever takes it out of the heap
/// completes it, once.
@safe
final class Waiter: @unchecked Sendable {
  // SAFETY: `target`, `failure` and `continuation` are written under the list's lock or by the one who took
  // the waiter out of the heap, and read by the waiting thread after `word` was seen set with acquire.
  var target: UInt64 = 0
  var failure: SpateError?
  var continuation: UnsafeContinuation<SpateError?, Never>?
  var isQueued = false
  /// 0 while the wait goes on, 1 when it was completed, 2 while its thread sleeps in the kernel.
  private let word: FutexWord

  init() {
    unsafe continuation = nil
    word = FutexWord()
  }

  deinit { word.destroy() }

  /// Makes the waiter ready for its next use.
  func reset(target: UInt64) {
    self.target = target
    failure = nil
    unsafe continuation = nil
    word.clear()
  }

  /// Ends the wait. Outside any lock; by whoever took the waiter out of the heap.
  func complete(with failure: SpateError?) {
    if let continuation = unsafe continuation {
      unsafe self.continuation = nil
      unsafe continuation.resume(returning: failure)
      return
    }
    self.failure = failure
    // ORDERING: release, pairs with the acquire in `sleep`: the failure is visible.
    if word.exchange(1) == 2 { _ = unsafe spate_futex_wake(word.address, 1) }
  }

  /// Sleeps until completed or until `deadline` (monotonic ns; negative: no limit). Returns whether it was
  /// completed.
  ///
  /// - Parameter spinNanoseconds: how long to look before going to sleep, which costs the waker a system call.
  func sleep(until deadline: Int64, spinNanoseconds: UInt64 = 0) -> Bool {
    spin(for: spinNanoseconds)
    // ORDERING: acquire and release: either the sleep is seen by who completes the wait, or the completion here.
    _ = word.exchange(0, to: 2)
    while word.load() != 1 {
      let result = unsafe spate_futex_wait(word.address, 2, deadline)
      if result == -ETIMEDOUT { return word.load() == 1 }
    }
    return true
  }

  /// Whether the wait is over.
  var isDone: Bool { word.load() == 1 }

  private func spin(for nanoseconds: UInt64) {
    for _ in 0..<64 {
      if word.load() != 0 { return }
      spate_cpu_pause()
    }
    guard nanoseconds > 0 else { return }
    let end = spate_now_monotonic_ns() &+ nanoseconds
    while spate_now_monotonic_ns() < end {
      for _ in 0..<16 {
        if word.load() != 0 { return }
        spate_cpu_pause()
      }
      // Whoever does the work may have been woken on this very processor.
      sched_yield()
    }
  }
}

/// A 32-bit word at a fixed address that threads can sleep on.
@safe
struct FutexWord: @unchecked Sendable {
  // SAFETY: allocated here, freed by `destroy`; all access is atomic.
  private let pointer: UnsafeMutablePointer<Atomic<UInt32>>

  init() {
    unsafe pointer = .allocate(capacity: 1)
    unsafe pointer.initialize(to: Atomic(0))
  }

  // ORDERING: each is named for what its callers need; their comments say why.
  @inline(__always)
  func load() -> UInt32 { unsafe pointer.pointee.load(ordering: .acquiring) }

  @inline(__always)
  func clear() { unsafe pointer.pointee.store(0, ordering: .relaxed) }

  @inline(__always)
  func set(_ value: UInt32) { unsafe pointer.pointee.store(value, ordering: .sequentiallyConsistent) }

  @inline(__always)
  func exchange(_ value: UInt32) -> UInt32 {
    unsafe pointer.pointee.exchange(value, ordering: .sequentiallyConsistent)
  }

  /// Sets the word if it is as expected; returns whether it was.
  @inline(__always)
  func exchange(_ expected: UInt32, to value: UInt32) -> Bool {
    unsafe pointer.pointee.compareExchange(
      expected: expected,
      desired: value,
      ordering: .acquiringAndReleasing
    ).exchanged
  }

  /// Its address, for the kernel.
  var address: UnsafePointer<UInt32> {
    unsafe UnsafePointer(UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: UInt32.self))
  }

  func destroy() {
    unsafe pointer.deinitialize(count: 1)
    unsafe pointer.deallocate()
  }
}
