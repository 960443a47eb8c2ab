import CSpate
import Glibc
import Synchronization

/// A futex word that counts events, so that a waiter between its check and its sleep misses none.
///
/// A waiter reads ``current``, checks its condition, then waits from what it read. Whoever changes the
/// condition calls ``signal()`` afterwards. Any thread may do either, and tasks may wait without blocking a
/// thread.
final class EventCount: Sendable {
  @safe
  private struct Suspended {
    // SAFETY: resumed once, by whoever takes it out of the list.
    let identifier: UInt64
    let continuation: UnsafeContinuation<Void, Never>
  }

  private struct Suspensions {
    var waiting: [Suspended] = []
    var nextIdentifier: UInt64 = 0
    var cancelled: Set<UInt64> = []
  }

  private let memory = EventMemory()
  private let suspensions = Mutex(Suspensions())

  deinit { memory.destroy() }

  /// The number of events so far.
  @inline(__always)
  var current: UInt32 {
    // ORDERING: sequentially consistent with `signal`: either this sees the event, or `signal` sees the
    // waiter.
    unsafe memory.words.pointee.count.load(ordering: .sequentiallyConsistent)
  }

  /// Sleeps until an event after `count`, or until `deadline` (monotonic ns; negative: no limit).
  /// Returns false when the deadline passed. May return early.
  @inline(never)
  func wait(from count: UInt32, until deadline: Int64) -> Bool {
    unsafe memory.words.pointee.waiterCount.wrappingAdd(1, ordering: .sequentiallyConsistent)
    defer { unsafe memory.words.pointee.waiterCount.wrappingSubtract(1, ordering: .relaxed) }
    guard current == count else { return true }
    let result = unsafe spate_futex_wait(memory.address, count, deadline)
    return result != -ETIMEDOUT
  }

  /// Suspends until an event after `count`. Returns at once, or early, when the task is cancelled.
  func wait(from count: UInt32) async {
    let identifier = suspensions.withLock { suspensions in
      suspensions.nextIdentifier += 1
      return suspensions.nextIdentifier
    }
    unsafe memory.words.pointee.waiterCount.wrappingAdd(1, ordering: .sequentiallyConsistent)
    await withTaskCancellationHandler {
      await unsafe withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
        let isOver = suspensions.withLock { suspensions in
          if suspensions.cancelled.remove(identifier) != nil || current != count { return true }
          unsafe suspensions.waiting.append(Suspended(identifier: identifier, continuation: continuation))
          return false
        }
        if isOver { unsafe continuation.resume() }
      }
    } onCancel: {
      let continuation: UnsafeContinuation<Void, Never>? = unsafe suspensions.withLock { suspensions in
        guard let index = suspensions.waiting.firstIndex(where: { $0.identifier == identifier }) else {
          suspensions.cancelled.insert(identifier)
          return nil
        }
        return unsafe suspensions.waiting.remove(at: index).continuation
      }
      unsafe continuation?.resume()
    }
    suspensions.withLock { _ = $0.cancelled.remove(identifier) }
    unsafe memory.words.pointee.waiterCount.wrappingSubtract(1, ordering: .relaxed)
  }

  /// Counts an event and wakes all who wait.
  @inline(__always)
  func signal() {
    unsafe memory.words.pointee.count.wrappingAdd(1, ordering: .sequentiallyConsistent)
    if unsafe memory.words.pointee.waiterCount.load(ordering: .sequentiallyConsistent) != 0 {
      wakeAll()
    }
  }

  @inline(never)
  private func wakeAll() {
    _ = unsafe spate_futex_wake(memory.address, Int32.max)
    let suspended = suspensions.withLock { suspensions in
      let all = suspensions.waiting
      suspensions.waiting.removeAll(keepingCapacity: true)
      return all
    }
    for waiter in suspended { unsafe waiter.continuation.resume() }
  }
}

/// The two words of an ``EventCount``, at an address that the kernel can be told.
@safe
private struct EventMemory: @unchecked Sendable {
  struct Words: ~Copyable {
    let count = Atomic<UInt32>(0)
    let waiterCount = Atomic<UInt32>(0)
  }

  // SAFETY: allocated with the event count and freed with it; all access is atomic.
  let words: UnsafeMutablePointer<Words>

  init() {
    unsafe words = UnsafeMutablePointer<Words>.allocate(capacity: 1)
    unsafe words.initialize(to: Words())
  }

  /// `count` is the first field, so the futex word stands at the start.
  var address: UnsafePointer<UInt32> {
    unsafe UnsafePointer(UnsafeMutableRawPointer(words).assumingMemoryBound(to: UInt32.self))
  }

  func destroy() {
    unsafe words.deinitialize(count: 1)
    unsafe words.deallocate()
  }
}
