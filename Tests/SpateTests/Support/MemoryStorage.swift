import Synchronization

@testable import Spate

/// A store's directory in memory: names, bytes and locks, for tests that need no real disk. Any thread.
///
/// Syncs only count. `fail` makes chosen operations throw; `unreadable` blocks make reads throw as a bad sector does.
final class MemoryStorage: Storage {
  struct State {
    var files: [String: [UInt8]] = [:]
    var directories: Set<String> = [""]
    var open: [Int32: String] = [:]
    /// By path, then by the locked byte.
    var locks: [String: [UInt64: Int32]] = [:]
    var nextDescriptor: Int32 = 1000
    var unreadable: [String: Set<UInt64>] = [:]
    var readByteCount: UInt64 = 0
    var operations: [String] = []
    /// No file grows larger.
    var maximalFileByteCount = Int.max
    var fail: (@Sendable (String) -> SpateError?)?
  }

  let state: Mutex<State>
  let blockByteCount = 4096

  var description: StorageDescription {
    StorageDescription(strategy: .systemCalls, mode: .direct, blockByteCount: blockByteCount)
  }
  let failedSyncs = FailedSyncs()

  init() { state = Mutex(State()) }

  /// A copy that shares nothing, so that one store can be damaged in many ways.
  func copy() -> MemoryStorage {
    let copy = MemoryStorage()
    let (files, directories) = state.withLock { ($0.files, $0.directories) }
    copy.state.withLock {
      $0.files = files
      $0.directories = directories
    }
    return copy
  }

  /// The bytes of a file.
  func bytes(_ path: String) -> [UInt8]? { state.withLock { $0.files[path] } }

  /// Changes the bytes of a file behind everybody's back.
  func edit(_ path: String, _ body: (inout [UInt8]) -> Void) {
    state.withLock { body(&$0.files[path]!) }
  }

  private func note(_ operation: String) throws(SpateError) {
    let fail = state.withLock { state in
      state.operations.append(operation)
      return state.fail
    }
    if let error = fail?(operation) { throw error }
  }

  private func checkRoom(for byteCount: UInt64, _ path: String) throws(SpateError) {
    guard state.withLock({ byteCount <= UInt64($0.maximalFileByteCount) }) else {
      throw SpateError(.diskFull, "too large", systemErrorNumber: 28, path: path)
    }
  }

  private func path(of file: StorageFile) -> String { state.withLock { $0.open[file.descriptor]! } }

  func open(_ path: String, _ mode: OpenMode) throws(SpateError) -> StorageFile {
    try note("open \(path)")
    return try state.withLock { state throws(SpateError) in
      switch mode {
      case .createNew, .createNewBuffered:
        guard state.files[path] == nil else { throw SpateError(.ioFailed, "exists", path: path) }
        state.files[path] = []
      default:
        guard state.files[path] != nil else { throw SpateError(.notFound, "missing", path: path) }
      }
      state.nextDescriptor += 1
      state.open[state.nextDescriptor] = path
      return StorageFile(descriptor: state.nextDescriptor)
    }
  }

  func close(_ file: StorageFile) {
    state.withLock { state in
      state.open[file.descriptor] = nil
      state.locks = state.locks.mapValues { $0.filter { $0.value != file.descriptor } }
    }
  }

  func byteCount(of file: StorageFile) throws(SpateError) -> UInt64 {
    state.withLock { UInt64($0.files[$0.open[file.descriptor]!]?.count ?? 0) }
  }

  func read(
    _ file: StorageFile,
    into buffer: UnsafeMutableRawBufferPointer,
    at offset: UInt64
  ) throws(SpateError) -> Int {
    let path = path(of: file)
    let piece = state.withLock { state -> [UInt8]? in
      state.readByteCount += UInt64(buffer.count)
      let bytes = state.files[path] ?? []
      let start = min(bytes.count, Int(offset))
      let end = min(bytes.count, start + buffer.count)
      let blocks = state.unreadable[path] ?? []
      if end > start, (UInt64(start) / 4096...UInt64(end - 1) / 4096).contains(where: blocks.contains) {
        return nil
      }
      return Array(bytes[start..<end])
    }
    guard let piece else { throw SpateError(.ioFailed, "bad sector", systemErrorNumber: 5, path: path) }
    unsafe buffer.copyBytes(from: piece)
    return piece.count
  }

  func write(_ file: StorageFile, _ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(SpateError) {
    let path = path(of: file)
    try note("write \(path)")
    try checkRoom(for: offset + UInt64(bytes.count), path)
    let piece = unsafe Array(bytes)
    state.withLock { state in
      let end = Int(offset) + piece.count
      if state.files[path]!.count < end {
        state.files[path]!.append(contentsOf: repeatElement(0, count: end - state.files[path]!.count))
      }
      state.files[path]!.replaceSubrange(Int(offset)..<end, with: piece)
    }
  }

  func writeDurably(_ file: StorageFile, _ bytes: UnsafeRawBufferPointer, at offset: UInt64)
    throws(SpateError)
  {
    unsafe try write(file, bytes, at: offset)
  }

  func sync(_ file: StorageFile) throws(SpateError) { try note("sync \(path(of: file))") }

  func allocate(_ file: StorageFile, byteCount: UInt64) throws(SpateError) {
    let path = path(of: file)
    try note("allocate \(path)")
    try checkRoom(for: byteCount, path)
    state.withLock { state in
      let count = state.files[path]!.count
      if count < Int(byteCount) {
        state.files[path]!.append(contentsOf: repeatElement(0, count: Int(byteCount) - count))
      }
    }
  }

  func tryLock(_ file: StorageFile, _ lock: FileLock) throws(SpateError) -> Bool {
    state.withLock { state in
      let path = state.open[file.descriptor]!
      if let holder = state.locks[path]?[lock.offset], holder != file.descriptor { return false }
      state.locks[path, default: [:]][lock.offset] = file.descriptor
      return true
    }
  }

  func unlock(_ file: StorageFile, _ lock: FileLock) {
    state.withLock { state in
      guard let path = state.open[file.descriptor] else { return }
      state.locks[path]?[lock.offset] = nil
    }
  }

  func lockHolder(_ file: StorageFile) -> Int32? { nil }

  func createDirectory(_ path: String) throws(SpateError) {
    state.withLock { _ = $0.directories.insert(path) }
  }

  func contents(ofDirectory path: String) throws(SpateError) -> [String] {
    state.withLock { state in
      (Array(state.files.keys) + Array(state.directories)).compactMap { name in
        guard name.hasPrefix(path + "/") else { return nil }
        let rest = String(name.dropFirst(path.utf8.count + 1))
        return rest.contains("/") || rest.isEmpty ? nil : rest
      }
    }
  }

  func kind(of path: String) throws(SpateError) -> FileKind? {
    state.withLock { state in
      if state.files[path] != nil { return .file }
      return state.directories.contains(path) ? .directory : nil
    }
  }

  func rename(_ from: String, to: String) throws(SpateError) {
    try note("rename \(from) \(to)")
    try state.withLock { state throws(SpateError) in
      guard let bytes = state.files.removeValue(forKey: from) else {
        throw SpateError(.notFound, "missing", path: from)
      }
      state.files[to] = bytes
      for (descriptor, path) in state.open where path == from { state.open[descriptor] = to }
      if let holder = state.locks.removeValue(forKey: from) { state.locks[to] = holder }
    }
  }

  func remove(_ path: String) throws(SpateError) {
    try note("remove \(path)")
    try state.withLock { state throws(SpateError) in
      guard state.files.removeValue(forKey: path) != nil else {
        throw SpateError(.notFound, "missing", path: path)
      }
    }
  }

  func syncDirectory(_ path: String) throws(SpateError) { try note("syncDirectory \(path)") }
  func freeByteCount(at path: String) throws(SpateError) -> UInt64 { 1 << 40 }

  func map(
    _ file: StorageFile,
    at offset: UInt64,
    byteCount: Int
  ) throws(SpateError) -> UnsafeRawBufferPointer {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 4096)
    let count = (try? unsafe read(file, into: copy, at: offset)) ?? -1
    guard count > 0 || byteCount == 0, Format.alignUp(count, to: 4096) >= byteCount else {
      unsafe copy.deallocate()
      throw SpateError(
        .ioFailed,
        "bad sector, or beyond the end",
        systemErrorNumber: 14,
        path: path(of: file)
      )
    }
    // What a mapping shows behind the end of the file in its last page.
    unsafe UnsafeMutableRawBufferPointer(rebasing: copy[count...]).initializeMemory(
      as: UInt8.self,
      repeating: 0
    )
    return UnsafeRawBufferPointer(copy)
  }

  func unmap(_ region: UnsafeRawBufferPointer) { unsafe region.deallocate() }

  func makeSubmissionQueue() throws(SpateError) -> any SubmissionQueue {
    throw SpateError(.unsupported, "no submission queue")
  }
}
