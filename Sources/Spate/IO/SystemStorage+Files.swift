import CSpate
import Glibc

extension SystemStorage {
  func open(_ path: String, _ mode: OpenMode) throws(SpateError) -> StorageFile {
    let direct = description.mode == .direct ? UInt32(SPATE_OPEN_DIRECT) : 0
    let flags =
      switch mode {
      case .read: UInt32(0)
      case .readDirect: direct
      case .readWrite: UInt32(SPATE_OPEN_WRITE) | direct
      case .createNew: UInt32(SPATE_OPEN_WRITE) | UInt32(SPATE_OPEN_CREATE) | direct
      case .readWriteBuffered: UInt32(SPATE_OPEN_WRITE)
      case .createNewBuffered: UInt32(SPATE_OPEN_WRITE) | UInt32(SPATE_OPEN_CREATE)
      }
    let descriptor = unsafe spate_openat(rootDescriptor, path, flags)
    if descriptor < 0 { throw .system(-descriptor, .open, path: path) }
    return StorageFile(descriptor: descriptor)
  }

  func close(_ file: StorageFile) {
    spate_close(file.descriptor)
  }

  func byteCount(of file: StorageFile) throws(SpateError) -> UInt64 {
    let result = spate_byte_count(file.descriptor)
    if result < 0 { throw failure(Int32(-result), .inspect, file) }
    return UInt64(result)
  }

  func read(
    _ file: StorageFile,
    into buffer: UnsafeMutableRawBufferPointer,
    at offset: UInt64
  ) throws(SpateError) -> Int {
    var done = 0
    while done < buffer.count {
      // SAFETY: `done` is less than the buffer's count, so the address and the rest are within it.
      let result = unsafe spate_pread(
        file.descriptor,
        buffer.baseAddress.unsafelyUnwrapped + done,
        min(buffer.count - done, limits.byteCount),
        offset + UInt64(done)
      )
      if result == 0 { break }
      if result > 0 {
        done += Int(result)
      } else if done > 0, result == -Int64(EINVAL) {
        // A direct file that ends inside a block: the next read would start unaligned, and there is nothing
        // more.
        break
      } else if result != -Int64(EINTR) {
        throw failure(Int32(-result), .read, file)
      }
    }
    return done
  }

  func write(_ file: StorageFile, _ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(SpateError) {
    try unsafe write(file, bytes, at: offset, durably: false)
  }

  func writeDurably(
    _ file: StorageFile,
    _ bytes: UnsafeRawBufferPointer,
    at offset: UInt64
  ) throws(SpateError) {
    try unsafe write(file, bytes, at: offset, durably: true)
  }

  func sync(_ file: StorageFile) throws(SpateError) {
    try failedSyncs.counting { () throws(SpateError) in
      let result = spate_fdatasync(file.descriptor)
      if result < 0 { throw failure(-result, .sync, file) }
    }
  }

  func allocate(_ file: StorageFile, byteCount: UInt64) throws(SpateError) {
    var result = spate_fallocate(file.descriptor, byteCount)
    if result == -EOPNOTSUPP || result == -ENOSYS { result = spate_extend(file.descriptor, byteCount) }
    if result < 0 { throw failure(-result, .allocate, file) }
  }

  func unlock(_ file: StorageFile, _ lock: FileLock) { spate_ofd_unlock(file.descriptor, lock.offset) }

  func tryLock(_ file: StorageFile, _ lock: FileLock) throws(SpateError) -> Bool {
    let result = spate_ofd_lock(file.descriptor, lock.offset, lock.isExclusive ? 1 : 0)
    if result < 0 { throw failure(-result, .lock, file) }
    return result == 1
  }

  func lockHolder(_ file: StorageFile) -> Int32? {
    let result = spate_ofd_lock_holder(file.descriptor, FileLock.writing.offset)
    if result > 0 { return result }
    guard result == -1 else { return nil }
    // The kernel names no process for open-file-description locks; the owner wrote its number into the file.
    var number: Int32?
    unsafe withUnsafeTemporaryAllocation(byteCount: 16, alignment: 1) { buffer in
      // SAFETY: the buffer has the length that is passed, and only bytes that were read are looked at.
      let got = unsafe spate_pread(file.descriptor, buffer.baseAddress, buffer.count, 0)
      for index in 0..<max(0, Int(got)) {
        let byte = unsafe buffer[index]
        guard byte >= 48, byte <= 57 else { break }
        let (tens, overflow) = (number ?? 0).multipliedReportingOverflow(by: 10)
        if overflow { return number = nil }
        number = tens &+ Int32(byte - 48)
      }
    }
    return number
  }

  func map(
    _ file: StorageFile,
    at offset: UInt64,
    byteCount: Int
  ) throws(SpateError) -> UnsafeRawBufferPointer {
    var address: UnsafeRawPointer?
    // SAFETY: the mapping is fresh and has `byteCount` bytes; it is read only, and stays until `unmap`.
    var result = unsafe spate_map(file.descriptor, offset, byteCount, &address)
    if result < 0 { throw failure(-result, .map, file) }
    result = unsafe spate_populate(address, byteCount)
    if result == -EINVAL { result = probe(file, at: offset, byteCount: byteCount) }
    if result < 0 {
      unsafe spate_unmap(address, byteCount)
      throw failure(-result, .map, file)
    }
    return unsafe UnsafeRawBufferPointer(start: address, count: byteCount)
  }

  func unmap(_ region: UnsafeRawBufferPointer) {
    unsafe spate_unmap(region.baseAddress, region.count)
  }

  /// Reads the range through the page cache, for kernels that cannot populate a mapping: 0 or a negative
  /// errno.
  private func probe(_ file: StorageFile, at offset: UInt64, byteCount: Int) -> Int32 {
    unsafe withUnsafeTemporaryAllocation(byteCount: 65536, alignment: 4096) { buffer in
      var done = 0
      while done < byteCount {
        let length = min(buffer.count, byteCount - done)
        // SAFETY: the buffer has at least `length` bytes.
        let got = unsafe spate_pread(file.descriptor, buffer.baseAddress, length, offset + UInt64(done))
        if got == -Int64(EINTR) { continue }
        if got < 0 { return Int32(got) }
        if got == 0 { return -EFAULT }
        done += Int(got)
      }
      return 0
    }
  }

  /// Writes all the bytes, with or without a sync of them.
  private func write(
    _ file: StorageFile,
    _ bytes: UnsafeRawBufferPointer,
    at offset: UInt64,
    durably: Bool
  ) throws(SpateError) {
    guard let start = bytes.baseAddress, bytes.count > 0 else { return }
    var slot = IOSlot()
    let error = unsafe withUnsafeTemporaryAllocation(of: iovec.self, capacity: 2) { vectors in
      // SAFETY: both vectors and the bytes outlive the loop; the kernel only reads the bytes. The first
      // vector is what is to be written, the second what is left of it.
      unsafe vectors.initialize(repeating: iovec())
      unsafe vectors[0] = iovec(iov_base: UnsafeMutableRawPointer(mutating: start), iov_len: bytes.count)
      let whole = unsafe UnsafeBufferPointer(rebasing: vectors[..<1])
      unsafe slot.beginWrite(file, whole, at: offset, durably: durably, token: 0, limits: limits)
      if let result = slot.immediateResult { return result }
      while true {
        let result =
          slot.step == .sync
          ? Int(spate_fdatasync(file.descriptor))
          : unsafe writeOnce(slot, remainder: vectors.baseAddress.unsafelyUnwrapped + 1)
        switch slot.take(result, limits: limits) {
        case .ended(let error): return error
        case .again: if result == -Int(EAGAIN) { sched_yield() }
        }
      }
    }
    // A durable write that the device failed is a failed sync.
    let wasSync = slot.step == .sync || (durably && error == EIO)
    if error != 0 { throw failure(error, wasSync ? .sync : .write, file) }
  }

  /// One call of a write: a byte count, or a negative errno.
  private func writeOnce(_ slot: IOSlot, remainder: UnsafeMutablePointer<iovec>) -> Int {
    // SAFETY: what the slot names and `remainder` outlive the call.
    let vectors = unsafe slot.write.next(
      remainder: remainder,
      vectorLimit: limits.vectorCount,
      byteLimit: limits.byteCount
    )
    return unsafe Int(
      spate_pwritev(
        slot.descriptor,
        vectors.baseAddress,
        Int32(vectors.count),
        slot.write.offset,
        slot.isDurable ? 1 : 0
      )
    )
  }
}
