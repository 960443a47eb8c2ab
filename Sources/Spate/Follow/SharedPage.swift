import CSpate
import Glibc
import Synchronization

/// Memory that the owner of a store shares with readers in other processes: how far each queue is durable, and
/// a word to sleep on.
///
///     offset   size  field
///          0     64  header           see SharedPageHeader
///         64  128×n  slots            one for each open queue, see SharedSlot
///
/// A file in memory, without a name: a reader opens it through the owner's entry in /proc, so nothing is left
/// behind by an owner that dies, and no page of it is ever written to a disk that may stall the committer. It
/// is sparse: only slots in use take memory.
@safe
final class SharedPage: @unchecked Sendable {
  // SAFETY: the mapping stays until deinit; every word of it is accessed atomically.
  private let address: UnsafeMutableRawPointer
  /// The descriptor, which readers open through /proc.
  let descriptor: Int32

  /// How many queues a page has room for. Those beyond are followed by reading the disk.
  static let slotLimit = 1 << 17
  private static let slotOffset = 64
  private static let byteCount = slotOffset + slotLimit * MemoryLayout<SharedSlot.Words>.stride
  private static let magic: UInt64 = 0x4547_4150_5445_5053

  /// Makes the page of a store whose directory is `root`; nil where the kernel gives none: readers then read
  /// the disk.
  init?(makingFor root: Int32) {
    let made = unsafe spate_page_make("spate", Self.byteCount)
    guard made >= 0 else { return nil }
    guard let mapped = unsafe Self.map(made) else {
      spate_close(made)
      return nil
    }
    unsafe address = mapped
    descriptor = made
    var device: UInt64 = 0
    var number: UInt64 = 0
    guard unsafe spate_identity(root, &device, &number) == 0 else { return nil }
    unsafe header.pointee.device.store(device, ordering: .relaxed)
    unsafe header.pointee.number.store(number, ordering: .relaxed)
    // ORDERING: release, pairs with the acquire in `isOfStore`.
    unsafe header.pointee.magic.store(Self.magic, ordering: .releasing)
  }

  /// Opens the page of the store whose directory is `root` that `process` has as `number`; nil when it cannot be
  /// reached from here, or is something else.
  init?(of process: Int32, descriptor number: Int32, root: Int32) {
    let opened = spate_page_open(process, number)
    guard opened >= 0 else { return nil }
    guard let mapped = unsafe Self.map(opened) else {
      spate_close(opened)
      return nil
    }
    unsafe address = mapped
    descriptor = opened
    guard isOfStore(root) else { return nil }
  }

  deinit {
    unsafe spate_page_unmap(address, Self.byteCount)
    spate_close(descriptor)
  }

  private static func map(_ descriptor: Int32) -> UnsafeMutableRawPointer? {
    var mapped: UnsafeMutableRawPointer?
    return unsafe spate_page_map(descriptor, byteCount, &mapped) == 0 ? mapped : nil
  }

  private func isOfStore(_ root: Int32) -> Bool {
    var device: UInt64 = 0
    var number: UInt64 = 0
    return unsafe header.pointee.magic.load(ordering: .acquiring) == Self.magic
      && spate_identity(root, &device, &number) == 0
      && header.pointee.device.load(ordering: .relaxed) == device
      && header.pointee.number.load(ordering: .relaxed) == number
  }

  private var header: UnsafeMutablePointer<SharedPageHeader> {
    unsafe address.assumingMemoryBound(to: SharedPageHeader.self)
  }

  private func words(_ index: Int) -> UnsafeMutablePointer<SharedSlot.Words> {
    // SAFETY: callers keep `index` below the limit that the mapping has room for.
    unsafe (address + Self.slotOffset).assumingMemoryBound(to: SharedSlot.Words.self) + index
  }

  // MARK: The owner

  /// Takes a slot for a queue that is durable up to a mark; nil when there is none left. One thread at a time.
  func makeSlot(
    _ identifier: QueueIdentifier,
    durable: LogMark,
    segmentNumber: UInt64
  ) -> SharedSlot? {
    let count = unsafe Int(header.pointee.slotCount.load(ordering: .relaxed))
    guard count < Self.slotLimit else { return nil }
    let slot = unsafe SharedSlot(page: self, words: words(count))
    slot.identify(identifier)
    slot.publish(durable: durable, segmentNumber: segmentNumber)
    // ORDERING: release, pairs with the acquire in `slot(of:)`: identifier and mark are there.
    unsafe header.pointee.slotCount.store(UInt32(count + 1), ordering: .releasing)
    return slot
  }

  /// Tells the readers that watermarks moved. Once a round of commits; two atomic operations while none of
  /// them sleeps.
  func signal() {
    unsafe header.pointee.eventCount.wrappingAdd(1, ordering: .sequentiallyConsistent)
    // ORDERING: sequentially consistent with `wait`: either it sees the event, or we see that it sleeps.
    guard unsafe header.pointee.isAwaited.load(ordering: .sequentiallyConsistent) != 0 else { return }
    unsafe header.pointee.isAwaited.store(0, ordering: .sequentiallyConsistent)
    unsafe spate_page_wake(eventWord)
  }

  // MARK: Readers

  /// How often watermarks moved.
  var eventCount: UInt32 { unsafe header.pointee.eventCount.load(ordering: .sequentiallyConsistent) }

  /// Sleeps until there were more than `seen` events, or until `deadline` (monotonic ns). May return early.
  func wait(from seen: UInt32, until deadline: Int64) {
    unsafe header.pointee.isAwaited.store(1, ordering: .sequentiallyConsistent)
    guard eventCount == seen else { return }
    _ = unsafe spate_page_wait(eventWord, seen, deadline)
  }

  /// The slot of a queue, if the owner has it open.
  ///
  /// - Complexity: O(queues)
  func slot(of identifier: QueueIdentifier) -> SharedSlot? {
    let count = unsafe Int(header.pointee.slotCount.load(ordering: .acquiring))
    for index in 0..<min(count, Self.slotLimit) {
      let slot = unsafe SharedSlot(page: self, words: words(index))
      if slot.identifier == identifier { return slot }
    }
    return nil
  }

  private var eventWord: UnsafePointer<UInt32> {
    // SAFETY: the futex word is the header's field of 4 bytes at offset 32.
    unsafe UnsafePointer((address + 32).assumingMemoryBound(to: UInt32.self))
  }
}

/// The first line of a ``SharedPage``.
struct SharedPageHeader: ~Copyable {
  let magic: Atomic<UInt64>
  /// Device and number of the store's directory.
  let device: Atomic<UInt64>
  let number: Atomic<UInt64>
  private let zero: Atomic<UInt64>
  /// The futex word.
  let eventCount: Atomic<UInt32>
  /// 1 while a reader sleeps, or is about to.
  let isAwaited: Atomic<UInt32>
  /// How many slots have an identifier.
  let slotCount: Atomic<UInt32>
}
