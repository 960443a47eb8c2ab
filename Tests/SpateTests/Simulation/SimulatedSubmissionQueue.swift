import CSpate
import Glibc

@testable import Spate

/// The committer's queue on a ``SimulatedDisk``: what was submitted ends when the simulation says so, in any order,
/// and a write in as many short pieces as it likes.
///
/// Goes on with short and interrupted calls as the real queues do, by the same ``IOSlot``. Checks the engine's rules
/// for memory in flight: aligned, unchanged until the completion, and no two writes of the same bytes.
final class SimulatedSubmissionQueue: SubmissionQueue {
  private struct Flight {
    var slot: Int
    var file: SimulatedFile
    var isDirect: Bool
    var range: Range<UInt64>
    var checksum: UInt32
    /// The last write that had completed when a sync was enqueued.
    var ordinal: UInt64
  }

  private unowned let storage: SimulatedStorage
  private var disk: SimulatedDisk { storage.disk }
  private let limits = WriteLimits()
  private var table = SlotTable(capacity: 256)
  private var queued: [Flight] = []
  private var flights: [Flight] = []
  private var finished = CompletionBuffer(capacity: 512)
  let writesAtOnce: Bool

  init(_ storage: SimulatedStorage) {
    self.storage = storage
    writesAtOnce = storage.description.mode == .buffered && storage.disk.random.chance(50)
  }

  deinit { table.deallocate() }

  var capacity: Int { table.capacity }
  var inFlightCount: Int { table.usedCount + finished.count }

  /// Whether the device has something to do.
  var isBusy: Bool { !flights.isEmpty }

  func enqueueWrite(
    _ file: StorageFile,
    vectors: UnsafeBufferPointer<iovec>,
    at offset: UInt64,
    durably: Bool,
    token: UInt64
  ) {
    guard let index = takeSlot(), let node = storage.file(file) else {
      return finished.append(IOCompletion(token: token, error: EIO))
    }
    unsafe table[index].beginWrite(file, vectors, at: offset, durably: durably, token: token, limits: limits)
    var byteCount: UInt64 = 0
    for index in 0..<vectors.count { unsafe byteCount += UInt64(vectors[index].iov_len) }
    let range = offset..<offset + byteCount
    if offset % 4096 != 0 || byteCount % 4096 != 0 { disk.violations.append("a write is not whole blocks") }
    if (queued + flights).contains(where: { $0.file === node && $0.range.overlaps(range) }) {
      disk.violations.append("two writes of the same bytes are in flight")
    }
    queued.append(
      Flight(
        slot: index,
        file: node,
        isDirect: storage.isDirect(file),
        range: range,
        checksum: unsafe Self.checksum(vectors),
        ordinal: 0
      )
    )
    if writesAtOnce, !durably { make(queued.removeLast()) }
  }

  func enqueueSync(_ file: StorageFile, token: UInt64) {
    guard let index = takeSlot(), let node = storage.file(file) else {
      return finished.append(IOCompletion(token: token, error: EIO))
    }
    table[index].beginSync(file, token: token)
    queued.append(
      Flight(
        slot: index,
        file: node,
        isDirect: storage.isDirect(file),
        range: 0..<0,
        checksum: 0,
        ordinal: node.lastOrdinal
      )
    )
  }

  func submit() -> Int32 {
    flights += queued
    queued.removeAll()
    return 0
  }

  func collect(into completions: UnsafeMutableBufferPointer<IOCompletion>, untilNanoseconds deadline: Int64)
    -> Int
  {
    if !queued.isEmpty { _ = submit() }
    while deadline > Int64(spate_now_monotonic_ns()), finished.count == 0, isBusy { progress() }
    return unsafe finished.move(into: completions)
  }

  func collectAtOnce(into completions: UnsafeMutableBufferPointer<IOCompletion>) -> Int {
    unsafe finished.move(into: completions)
  }

  func close() {
    _ = submit()
    while isBusy { progress() }
    finished.removeAll()
  }

  // MARK: The device

  /// Does one call of one of the operations in flight.
  func progress() {
    guard !flights.isEmpty else { return }
    let index = disk.random.below(flights.count)
    let flight = flights.remove(at: index)
    if !step(flight) { flights.append(flight) }
  }

  /// Does all calls of an operation.
  private func make(_ flight: Flight) { while !step(flight) {} }

  /// Does one call of an operation. Returns whether that was the last.
  private func step(_ flight: Flight) -> Bool {
    let result = table[flight.slot].immediateResult.map { -Int($0) } ?? call(flight)
    switch table[flight.slot].take(result, limits: limits) {
    case .again: return false
    case .ended(let error):
      finished.append(IOCompletion(token: table[flight.slot].token, error: error))
      table.free(flight.slot)
      return true
    }
  }

  /// The process ended: writes in flight may still come, wholly or in part; syncs do not matter any more.
  func orphan() {
    for flight in flights where table[flight.slot].step != .sync && disk.random.chance(70) {
      let offset = table[flight.slot].write.offset
      let vectors = unsafe table.vectors(flight.slot, limits)
      var bytes: [UInt8] = []
      for index in 0..<vectors.count {
        unsafe bytes += UnsafeRawBufferPointer(
          start: vectors[index].iov_base,
          count: vectors[index].iov_len
        )
      }
      if disk.random.chance(30) { bytes.removeLast(bytes.count / 1024 * 512) }
      disk.adopt(bytes, at: Int(offset), of: flight.file, isDirect: flight.isDirect)
    }
  }

  /// One system call: a byte count, or a negative errno.
  private func call(_ flight: Flight) -> Int {
    if disk.random.chance(disk.faults.interruptedPercent) {
      return disk.random.chance(50) ? -Int(EINTR) : -Int(EAGAIN)
    }
    if table[flight.slot].step == .sync { return sync(flight) }
    let offset = table[flight.slot].write.offset
    if offset == flight.range.lowerBound, storage.isAlive {
      let now = unsafe table.vectors(flight.slot, limits)
      if unsafe Self.checksum(now) != flight.checksum {
        disk.violations.append("the memory of a write changed in flight")
      }
    }
    let durably = table[flight.slot].isDurable
    if durably, disk.faults.failingSync == 0 {
      disk.faults.failingSync = nil
      disk.loseCache(of: flight.file, through: flight.file.lastOrdinal)
      return -Int(EIO)
    }
    let vectors = unsafe table.vectors(flight.slot, limits)
    var left = Int.max
    if disk.random.chance(disk.faults.shortPercent) {
      left = 512 * disk.random.within(1...max(1, Int(flight.range.upperBound - offset) / 512))
    }
    var written = 0
    let subject = SimulatedDisk.Trace(
      file: flight.file.number,
      offset: offset,
      count: left,
      checksum: unsafe Self.checksum(vectors)
    )
    let error = disk.perform(durably ? .durableWrite : .write, subject, of: storage) {
      for index in 0..<vectors.count where left > 0 {
        let count = unsafe min(left, vectors[index].iov_len)
        unsafe flight.file.write(
          UnsafeRawBufferPointer(start: vectors[index].iov_base, count: count),
          at: Int(offset) + written,
          durably: durably,
          isDirect: flight.isDirect
        )
        written += count
        left -= count
      }
    }
    return error == 0 ? written : -Int(error)
  }

  private func sync(_ flight: Flight) -> Int {
    let error = disk.perform(.sync, SimulatedDisk.Trace(file: flight.file.number), of: storage) {
      flight.file.sync(through: flight.ordinal)
    }
    if error != 0, storage.isAlive { disk.loseCache(of: flight.file, through: flight.ordinal) }
    return -Int(error)
  }

  private func takeSlot() -> Int? {
    while true {
      if let index = table.take() { return index }
      _ = submit()
      progress()
    }
  }

  private static func checksum(_ vectors: UnsafeBufferPointer<iovec>) -> UInt32 {
    var checksum: UInt32 = 0
    for index in 0..<vectors.count {
      if let base = unsafe vectors[index].iov_base {
        unsafe checksum = spate_crc32c(checksum, base, vectors[index].iov_len)
      }
    }
    return checksum
  }
}
