import CSpate
import Glibc

@testable import Spate

/// One process's view of a ``SimulatedDisk``: its descriptors, locks and mappings. One thread.
///
/// Once the process has ended, by a kill or with the power, every operation fails and changes nothing.
final class SimulatedStorage: Storage, @unchecked Sendable {
  // SAFETY: the simulation is one thread.
  private struct OpenFile {
    var path: String
    var file: SimulatedFile
    /// Whether writes go past the page cache.
    var isDirect: Bool
  }

  let disk: SimulatedDisk
  let description: StorageDescription
  let failedSyncs = FailedSyncs()
  let blockByteCount = 4096
  /// Whether the process is still there.
  private(set) var isAlive = true
  private var open: [Int32: OpenFile] = [:]
  /// The memory of mappings, by address.
  private var mappings: [UInt: (block: SimulatedBytes.Block, count: Int)] = [:]
  private(set) var queue: SimulatedSubmissionQueue?

  /// A process that comes up; whether its files bypass the page cache is left to chance.
  init(_ disk: SimulatedDisk) {
    self.disk = disk
    let mode: FileMode = disk.random.chance(50) ? .direct : .buffered
    description = StorageDescription(strategy: .ioUring, mode: mode, blockByteCount: blockByteCount)
  }

  /// The process ends. Its writes in flight may come later, and hold their files' locks until then.
  func end() {
    guard isAlive else { return }
    isAlive = false
    queue?.orphan()
    disk.locks.removeAll { lock in open[lock.holder] != nil }
  }

  func file(_ file: StorageFile) -> SimulatedFile? { open[file.descriptor]?.file }

  func isDirect(_ file: StorageFile) -> Bool { open[file.descriptor]?.isDirect == true }

  private func opened(_ file: StorageFile, _ operation: SpateError.SystemOperation) throws(SpateError)
    -> OpenFile
  {
    guard isAlive, let found = open[file.descriptor] else { throw .system(EIO, operation) }
    return found
  }

  private func check(_ error: Int32, _ operation: SpateError.SystemOperation, _ path: String)
    throws(SpateError)
  {
    if error != 0 { throw .system(error, operation, path: path) }
  }

  // MARK: Files

  func open(_ path: String, _ mode: OpenMode) throws(SpateError) -> StorageFile {
    guard isAlive else { throw .system(EIO, .open, path: path) }
    var found: SimulatedFile?
    switch mode {
    case .createNew, .createNewBuffered:
      guard disk.node(path) == nil else { throw .system(EEXIST, .open, path: path) }
      let error = disk.perform(.create, SimulatedDisk.Trace(path: path), of: self) {
        guard let place = disk.place(path) else { return }
        let made = disk.makeFile()
        SimulatedDirectory.change([.set(place.directory, place.name, .file(made))])
        found = made
      }
      try check(error, .open, path)
    default:
      switch disk.node(path) {
      case .file(let file): found = file
      case .directory: throw .system(EISDIR, .open, path: path)
      case nil: break
      }
    }
    guard let found else { throw .system(ENOENT, .open, path: path) }
    disk.nextDescriptor += 1
    let isDirect =
      switch mode {
      case .readWrite, .createNew: description.mode == .direct
      case .read, .readDirect, .readWriteBuffered, .createNewBuffered: false
      }
    open[disk.nextDescriptor] = OpenFile(path: path, file: found, isDirect: isDirect)
    return StorageFile(descriptor: disk.nextDescriptor)
  }

  func close(_ file: StorageFile) {
    disk.locks.removeAll { $0.holder == file.descriptor }
    open[file.descriptor] = nil
  }

  func byteCount(of file: StorageFile) throws(SpateError) -> UInt64 {
    UInt64(try opened(file, .inspect).file.byteCount)
  }

  func read(
    _ file: StorageFile,
    into buffer: UnsafeMutableRawBufferPointer,
    at offset: UInt64
  ) throws(SpateError) -> Int {
    let content = try opened(file, .read).file.seen
    let start = min(Int(clamping: offset), content.count)
    let count = min(buffer.count, content.count - start)
    if count > 0 { unsafe buffer.copyMemory(from: content.region(start..<(start + count))) }
    return count
  }

  func write(_ file: StorageFile, _ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(SpateError) {
    try unsafe write(file, bytes, at: offset, .write)
  }

  func writeDurably(_ file: StorageFile, _ bytes: UnsafeRawBufferPointer, at offset: UInt64)
    throws(SpateError)
  {
    try unsafe write(file, bytes, at: offset, .durableWrite)
  }

  private func write(
    _ file: StorageFile,
    _ bytes: UnsafeRawBufferPointer,
    at offset: UInt64,
    _ operation: SimulatedDisk.Operation
  ) throws(SpateError) {
    let opened = try opened(file, .write)
    let isSync = operation == .durableWrite && disk.faults.failingSync == 0
    var error: Int32 = 0
    if isSync { disk.faults.failingSync = nil }
    error = disk.perform(operation, unsafe trace(opened, bytes, offset), of: self) {
      unsafe opened.file.write(
        bytes,
        at: Int(offset),
        durably: operation == .durableWrite && !isSync,
        isDirect: opened.isDirect
      )
    }
    if isSync, error == 0 {
      disk.loseCache(of: opened.file, through: opened.file.lastOrdinal)
      error = EIO
    }
    try check(error, operation == .durableWrite && error == EIO ? .sync : .write, opened.path)
  }

  private func trace(_ opened: OpenFile, _ bytes: UnsafeRawBufferPointer, _ offset: UInt64)
    -> SimulatedDisk.Trace
  {
    let checksum = unsafe bytes.baseAddress.map { unsafe spate_crc32c(0, $0, bytes.count) } ?? 0
    return SimulatedDisk.Trace(
      path: opened.path,
      file: opened.file.number,
      offset: offset,
      count: bytes.count,
      checksum: checksum
    )
  }

  func sync(_ file: StorageFile) throws(SpateError) {
    let opened = try opened(file, .sync)
    let ordinal = opened.file.lastOrdinal
    let error = disk.perform(
      .sync,
      SimulatedDisk.Trace(path: opened.path, file: opened.file.number),
      of: self
    ) {
      opened.file.sync(through: ordinal)
    }
    if error != 0, isAlive { disk.loseCache(of: opened.file, through: ordinal) }
    try failedSyncs.counting { () throws(SpateError) in try check(error, .sync, opened.path) }
  }

  func allocate(_ file: StorageFile, byteCount: UInt64) throws(SpateError) {
    let opened = try opened(file, .allocate)
    let trace = SimulatedDisk.Trace(path: opened.path, file: opened.file.number, count: Int(byteCount))
    let error = disk.perform(.allocate, trace, of: self) { opened.file.extend(to: Int(byteCount)) }
    try check(error, .allocate, opened.path)
  }

  // MARK: Locks

  func tryLock(_ file: StorageFile, _ lock: FileLock) throws(SpateError) -> Bool {
    let opened = try opened(file, .lock)
    // Writes of a dead process in flight hold its lock.
    if lock == .writing, opened.file.orphanCount > 0 { return false }
    let others = disk.locks.filter {
      $0.file == opened.file.number && $0.byte == lock.offset && $0.holder != file.descriptor
    }
    if others.contains(where: { $0.isExclusive || lock.isExclusive }) { return false }
    disk.locks.append(
      SimulatedDisk.Lock(
        file: opened.file.number,
        byte: lock.offset,
        holder: file.descriptor,
        isExclusive: lock.isExclusive
      )
    )
    return true
  }

  func unlock(_ file: StorageFile, _ lock: FileLock) {
    disk.locks.removeAll { $0.holder == file.descriptor && $0.byte == lock.offset }
  }

  func lockHolder(_ file: StorageFile) -> Int32? { nil }

  // MARK: Names

  func createDirectory(_ path: String) throws(SpateError) {
    guard isAlive else { throw .system(EIO, .createDirectory, path: path) }
    if case .directory = disk.node(path) { return }
    guard let place = disk.place(path), place.directory[place.name] == nil else {
      throw .system(EEXIST, .createDirectory, path: path)
    }
    let error = disk.perform(.createDirectory, SimulatedDisk.Trace(path: path), of: self) {
      SimulatedDirectory.change([.set(place.directory, place.name, .directory(disk.makeDirectory()))])
    }
    try check(error, .createDirectory, path)
  }

  func contents(ofDirectory path: String) throws(SpateError) -> [String] {
    guard isAlive, case .directory(let directory) = disk.node(path) else {
      throw .system(isAlive ? ENOENT : EIO, .list, path: path)
    }
    return directory.names.keys.sorted().shuffled(using: &self.chance)
  }

  private var chance: SeededRandom {
    get { disk.random }
    set { _ = newValue }
  }

  func kind(of path: String) throws(SpateError) -> FileKind? {
    guard isAlive else { throw .system(EIO, .inspect, path: path) }
    switch disk.node(path) {
    case .file: return .file
    case .directory: return .directory
    case nil: return nil
    }
  }

  func rename(_ from: String, to: String) throws(SpateError) {
    guard isAlive, let source = disk.place(from), let node = source.directory[source.name],
      let target = disk.place(to)
    else { throw .system(isAlive ? ENOENT : EIO, .rename, path: from) }
    let error = disk.perform(.rename, SimulatedDisk.Trace(path: from), of: self) {
      SimulatedDirectory.change([
        .clear(source.directory, source.name), .set(target.directory, target.name, node),
      ])
    }
    try check(error, .rename, from)
  }

  func remove(_ path: String) throws(SpateError) {
    guard isAlive, let place = disk.place(path), let node = place.directory[place.name] else {
      throw .system(isAlive ? ENOENT : EIO, .remove, path: path)
    }
    if case .directory(let directory) = node, !directory.names.isEmpty {
      throw .system(ENOTEMPTY, .remove, path: path)
    }
    let error = disk.perform(.remove, SimulatedDisk.Trace(path: path), of: self) {
      SimulatedDirectory.change([.clear(place.directory, place.name)])
    }
    try check(error, .remove, path)
  }

  func syncDirectory(_ path: String) throws(SpateError) {
    guard isAlive, case .directory(let directory) = disk.node(path) else {
      throw .system(isAlive ? ENOENT : EIO, .openDirectory, path: path)
    }
    let error = disk.perform(.syncDirectory, SimulatedDisk.Trace(path: path), of: self) { directory.sync() }
    if error != 0, isAlive, disk.faults.losesWholeCache { disk.loseCache(of: nil, through: 0) }
    try failedSyncs.counting { () throws(SpateError) in try check(error, .syncDirectory, path) }
  }

  func freeByteCount(at path: String) throws(SpateError) -> UInt64 { 1 << 40 }

  // MARK: Mapping

  func map(_ file: StorageFile, at offset: UInt64, byteCount: Int) throws(SpateError)
    -> UnsafeRawBufferPointer
  {
    let opened = try opened(file, .map)
    disk.yield()
    let start = Int(offset)
    guard isAlive, byteCount > 0, start + byteCount <= Format.alignUp(opened.file.byteCount, to: 4096) else {
      throw .system(EFAULT, .map, path: opened.path)
    }
    // Shared with the file, as a real mapping is: bytes that are written again are seen to change.
    let block = opened.file.seen.block
    let address = unsafe UnsafeRawPointer(block.address + start)
    let key = UInt(bitPattern: address)
    mappings[key] = (block, (mappings[key]?.count ?? 0) + 1)
    return unsafe UnsafeRawBufferPointer(start: address, count: byteCount)
  }

  func unmap(_ region: UnsafeRawBufferPointer) {
    let key = UInt(bitPattern: region.baseAddress)
    guard let mapping = mappings[key] else { return disk.violations.append("unmapped what was not mapped") }
    mappings[key] = mapping.count > 1 ? (mapping.block, mapping.count - 1) : nil
  }

  func makeSubmissionQueue() throws(SpateError) -> any SubmissionQueue {
    let made = SimulatedSubmissionQueue(self)
    queue = made
    return made
  }
}
