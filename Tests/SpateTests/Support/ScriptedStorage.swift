import Glibc
import Synchronization
import Testing

@testable import Spate

/// A disk in memory that remembers what is durable, and whose completions come when the test says so.
///
/// A write is seen once it completed, and durable once a sync that was enqueued after that completed, or when
/// it was durable itself; a durable write says nothing of other bytes. `afterPowerCut` is what a restart
/// finds. The engine's rules for memory in flight are checked as it goes: aligned, no overlap, unchanged until
/// the completion.
final class ScriptedStorage: ForwardingStorage {
  /// A write that completed, in order of completion.
  struct Write {
    var offset: Int
    var bytes: [UInt8]
    var isDurable: Bool
  }

  struct State {
    var writes: [String: [Write]] = [:]
    /// What was synced by blocking calls: prepared files, manifests.
    var bases: [String: [UInt8]] = [:]
    var lightWriteCount = 0
    var lightError: SpateError?
  }

  let seen = MemoryStorage()
  var base: any Storage { seen }
  let state = Mutex(State())
  private let queueBox = Mutex<ScriptedQueue?>(nil)
  let blockByteCount = 4096
  let failedSyncs = FailedSyncs()
  var description: StorageDescription {
    StorageDescription(strategy: .systemCalls, mode: .direct, blockByteCount: blockByteCount)
  }

  /// The committer's queue, once it began.
  var queue: ScriptedQueue { queueBox.withLock { $0! } }

  func makeSubmissionQueue() throws(SpateError) -> any SubmissionQueue {
    let made = ScriptedQueue(storage: self)
    queueBox.withLock { $0 = made }
    return made
  }

  func path(of file: StorageFile) -> String? { seen.state.withLock { $0.open[file.descriptor] } }

  /// Applies a completed write and remembers it.
  func apply(_ write: Write, to path: String) {
    seen.edit(path) { bytes in
      bytes.replaceSubrange(write.offset..<(write.offset + write.bytes.count), with: write.bytes)
    }
    state.withLock { $0.writes[path, default: []].append(write) }
  }

  /// The files as they are after the power went: what is durable, and of the rest the sectors that `survives`
  /// says.
  func afterPowerCut(survives: () -> Bool) -> MemoryStorage {
    let image = MemoryStorage()
    let (files, directories) = seen.state.withLock { ($0.files, $0.directories) }
    let (writes, bases) = state.withLock { ($0.writes, $0.bases) }
    var result: [String: [UInt8]] = [:]
    for (path, bytes) in files {
      guard path.hasSuffix(Format.segmentSuffix) else {
        result[path] = bytes
        continue
      }
      var content = bases[path] ?? [UInt8](repeating: 0, count: bytes.count)
      let inFlight = queueBox.withLock { $0?.pendingWrites(to: path) ?? [] }
      for write in (writes[path] ?? []) + inFlight {
        if write.isDurable {
          content.replaceSubrange(write.offset..<(write.offset + write.bytes.count), with: write.bytes)
        } else {
          for sector in stride(from: 0, to: write.bytes.count, by: 512) where survives() {
            let at = write.offset + sector
            content.replaceSubrange(at..<(at + 512), with: write.bytes[sector..<(sector + 512)])
          }
        }
      }
      result[path] = content
    }
    image.state.withLock {
      $0.files = result
      $0.directories = directories
    }
    return image
  }

  // MARK: What the committer asks directly

  func writeDurably(_ file: StorageFile, _ bytes: UnsafeRawBufferPointer, at offset: UInt64)
    throws(SpateError)
  {
    let error = state.withLock { state in
      state.lightWriteCount += 1
      return state.lightError
    }
    if let error { throw error }
    guard let path = path(of: file) else { throw SpateError(.ioFailed, "not open") }
    if bytes.count % 4096 != 0 || offset % 4096 != 0 { Issue.record("a light write is not aligned") }
    apply(Write(offset: Int(offset), bytes: unsafe Array(bytes), isDurable: true), to: path)
  }

  func sync(_ file: StorageFile) throws(SpateError) {
    guard let path = path(of: file) else { throw SpateError(.ioFailed, "not open") }
    state.withLock { $0.bases[path] = seen.bytes(path) }
  }

  func rename(_ from: String, to: String) throws(SpateError) {
    try seen.rename(from, to: to)
    state.withLock { $0.bases[to] = $0.bases.removeValue(forKey: from) }
  }

  func syncDirectory(_ path: String) throws(SpateError) {}

  func map(_ file: StorageFile, at offset: UInt64, byteCount: Int) throws(SpateError)
    -> UnsafeRawBufferPointer
  {
    throw SpateError(.unsupported, "memory is not mapped")
  }

  func unmap(_ region: UnsafeRawBufferPointer) {}
}

/// The committer's queue of a ``ScriptedStorage``: what was submitted waits for ``complete(_:error:)``. One
/// thread.
final class ScriptedQueue: SubmissionQueue, @unchecked Sendable {
  // SAFETY: the test and the committer it steps are one thread.
  struct Operation {
    var token: UInt64
    var path: String
    var offset: Int
    var isSync: Bool
    var isDurable: Bool
    var vectors: [(address: UInt, count: Int)]
    /// The bytes when it was submitted.
    var bytes: [UInt8]
    /// How many writes of the file had completed when a sync was enqueued.
    var coveredCount: Int
  }

  private let storage: ScriptedStorage
  private(set) var pending: [Operation] = []
  private var ready: [IOCompletion] = []
  private(set) var submittedWrites = 0
  private(set) var submittedSyncs = 0
  var submitError: Int32 = 0
  let capacity = 256

  init(storage: ScriptedStorage) { self.storage = storage }

  var inFlightCount: Int { pending.count + ready.count }

  /// The writes in flight, without the syncs.
  var pendingWriteIndices: [Int] { pending.indices.filter { !pending[$0].isSync } }

  func pendingWrites(to path: String) -> [ScriptedStorage.Write] {
    pending.filter { !$0.isSync && $0.path == path }
      .map { ScriptedStorage.Write(offset: $0.offset, bytes: $0.bytes, isDurable: false) }
  }

  func enqueueWrite(
    _ file: StorageFile,
    vectors: UnsafeBufferPointer<iovec>,
    at offset: UInt64,
    durably: Bool,
    token: UInt64
  ) {
    guard let path = storage.path(of: file) else {
      Issue.record("a write to a file that is closed")
      return
    }
    let pieces = unsafe vectors.map { unsafe (address: UInt(bitPattern: $0.iov_base), count: $0.iov_len) }
    if offset % 4096 != 0 || pieces.contains(where: { $0.address % 4096 != 0 || $0.count % 4096 != 0 }) {
      Issue.record("a write at \(offset) is not aligned")
    }
    let bytes = Self.gather(pieces)
    let range = Int(offset)..<(Int(offset) + bytes.count)
    for other in pending where !other.isSync && other.path == path {
      if range.overlaps(other.offset..<(other.offset + other.bytes.count)) {
        Issue.record("bytes at \(offset) are written again while a write of them is in flight")
      }
    }
    submittedWrites += 1
    pending.append(
      Operation(
        token: token,
        path: path,
        offset: Int(offset),
        isSync: false,
        isDurable: durably,
        vectors: pieces,
        bytes: bytes,
        coveredCount: 0
      )
    )
  }

  func enqueueSync(_ file: StorageFile, token: UInt64) {
    guard let path = storage.path(of: file) else {
      Issue.record("a sync of a file that is closed")
      return
    }
    submittedSyncs += 1
    pending.append(
      Operation(
        token: token,
        path: path,
        offset: 0,
        isSync: true,
        isDurable: true,
        vectors: [],
        bytes: [],
        coveredCount: storage.state.withLock { $0.writes[path]?.count ?? 0 }
      )
    )
  }

  /// Ends a pending operation, with an errno or 0.
  func complete(_ index: Int, error: Int32 = 0) {
    let operation = pending.remove(at: index)
    ready.append(IOCompletion(token: operation.token, error: error))
    if !operation.isSync, Self.gather(operation.vectors) != operation.bytes {
      Issue.record("the bytes of a write at \(operation.offset) changed while it was in flight")
    }
    guard error == 0 else { return }
    if operation.isSync {
      storage.state.withLock { state in
        for index in 0..<operation.coveredCount { state.writes[operation.path]![index].isDurable = true }
      }
    } else {
      storage.apply(
        ScriptedStorage.Write(
          offset: operation.offset,
          bytes: operation.bytes,
          isDurable: operation.isDurable
        ),
        to: operation.path
      )
    }
  }

  /// Ends the pending sync.
  func completeSync(error: Int32 = 0) {
    guard let index = pending.firstIndex(where: \.isSync) else {
      Issue.record("no sync is in flight")
      return
    }
    complete(index, error: error)
  }

  func submit() -> Int32 { submitError }

  func collect(into completions: UnsafeMutableBufferPointer<IOCompletion>, untilNanoseconds deadline: Int64)
    -> Int
  {
    let count = min(ready.count, completions.count)
    for index in 0..<count { unsafe completions[index] = ready[index] }
    ready.removeFirst(count)
    return count
  }

  func close() {}

  private static func gather(_ vectors: [(address: UInt, count: Int)]) -> [UInt8] {
    var bytes: [UInt8] = []
    for (address, count) in vectors {
      unsafe bytes.append(
        contentsOf: UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: address), count: count)
      )
    }
    return bytes
  }
}
