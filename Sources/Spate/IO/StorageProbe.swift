import CSpate
import Glibc

/// Finds out what a directory can do, by doing it once to a file without a name.
struct StorageProbe {
  /// What to take for refused: tests force every fallback with it.
  struct Refusals: OptionSet, Sendable {
    let rawValue: Int
    /// io_uring cannot be set up.
    static let ioUring = Refusals(rawValue: 1)
    /// Files cannot be opened for direct I/O.
    static let direct = Refusals(rawValue: 2)
    /// Files without a name cannot be made.
    static let unnamedFiles = Refusals(rawValue: 4)
    /// `RWF_DSYNC` is not supported.
    static let durableWrites = Refusals(rawValue: 8)
  }

  /// What was found.
  struct Findings {
    var description: StorageDescription
    var limits = WriteLimits()
  }

  /// The path of the directory, for messages.
  let root: String
  /// The directory.
  let descriptor: Int32
  /// What to take for refused.
  let refusals: Refusals

  /// Tries what was asked for, or else the best first. Leaves nothing behind.
  func run(strategy: IOStrategy?, mode: FileMode?, readOnly: Bool) throws(SpateError) -> Findings {
    var found = Findings(
      description: StorageDescription(strategy: .systemCalls, mode: .buffered, blockByteCount: 4096)
    )
    if readOnly {
      found.description.strategy = strategy ?? .systemCalls
      found.description.mode = mode ?? readMode(&found)
      return found
    }
    // A lock on NFS says nothing about the writes that a dead client left behind.
    if spate_file_system_type(descriptor) == 0x6969 {
      throw SpateError(
        .unsupported,
        "The store is on NFS, which cannot own one: use a local file system.",
        path: root
      )
    }
    // One file for all steps: making one and letting it go takes as long as a write.
    var file: Int32 = -1
    defer { if file >= 0 { spate_close(file) } }
    found.description.modeReason =
      try mode == .buffered ? "buffered files were asked for" : directReason(&found, &file)
    if found.description.modeReason == nil { found.description.mode = .direct }
    if mode == .direct, let reason = found.description.modeReason {
      throw SpateError(
        .unsupported,
        "Direct files do not work here: \(reason). Use buffered ones.",
        path: root
      )
    }
    if found.description.mode == .buffered {
      if file >= 0 { spate_close(file) }
      file = -1
      file = try makeFile(flags: 0)
      if file < 0 { throw .system(-file, .open, path: root) }
    }
    found.limits.hasDurableWrites = try hasDurableWrites(found.description, file)
    found.description.strategyReason =
      strategy == .systemCalls ? "system calls were asked for" : ringReason(found, file)
    if found.description.strategyReason == nil { found.description.strategy = .ioUring }
    if strategy == .ioUring, let reason = found.description.strategyReason {
      throw SpateError(.unsupported, "io_uring does not work here: \(reason). Use system calls.", path: root)
    }
    return found
  }

  // MARK: - Steps

  /// How to read what an owner may be writing, tried on the store's manifest. Raises the block size to what
  /// direct reads need.
  private func readMode(_ found: inout Findings) -> FileMode {
    if refusals.contains(.direct) { return .buffered }
    let file = unsafe spate_openat(descriptor, StoreLayout.manifestName, UInt32(SPATE_OPEN_DIRECT))
    guard file >= 0 else { return .buffered }
    defer { spate_close(file) }
    return raiseBlock(&found, toNeedsOf: file) == nil ? .direct : .buffered
  }

  /// Why direct files do not work, or nil when a block was written to `file`, which is made here and closed by the caller.
  /// Raises the block size to what they need.
  private func directReason(_ found: inout Findings, _ file: inout Int32) throws(SpateError) -> String? {
    if refusals.contains(.direct) { return "refused for a test" }
    file = try makeFile(flags: UInt32(SPATE_OPEN_DIRECT))
    if file < 0 { return reason(-file, "opening a file with O_DIRECT failed") }
    if let reason = raiseBlock(&found, toNeedsOf: file) { return reason }
    let result = writeBlock(file, found.description.blockByteCount, durably: false)
    return result < 0 ? reason(-result, "writing a block failed") : nil
  }

  /// Takes the block that direct I/O on `file` needs; why there is no direct I/O, or nil.
  private func raiseBlock(_ found: inout Findings, toNeedsOf file: Int32) -> String? {
    var memory: UInt32 = 0
    var offset: UInt32 = 0
    guard unsafe spate_direct_alignment(file, &memory, &offset) == 1 else { return nil }
    if memory == 0 || offset == 0 { return "the file system says that it has none" }
    let needed = max(4096, Int(memory), Int(offset))
    var blockByteCount = 4096
    while blockByteCount < needed { blockByteCount *= 2 }
    if blockByteCount > 1 << 20 { return "it would need blocks of \(needed) bytes" }
    found.description.blockByteCount = blockByteCount
    return nil
  }

  /// Whether a durable write works; a failure of anything else is thrown.
  private func hasDurableWrites(_ description: StorageDescription, _ file: Int32) throws(SpateError) -> Bool {
    if refusals.contains(.durableWrites) { return false }
    let result = writeBlock(file, description.blockByteCount, durably: true)
    if result == -EOPNOTSUPP || result == -EINVAL || result == -ENOSYS { return false }
    // A full disk at this moment says nothing about what the file system can do.
    if result < 0, result != -ENOSPC, result != -EDQUOT { throw .system(-result, .write, path: root) }
    return true
  }

  /// Why io_uring does not work, or nil when it wrote and synced a block.
  private func ringReason(_ found: Findings, _ file: Int32) -> String? {
    if refusals.contains(.ioUring) { return "refused for a test" }
    let queue: UringSubmissionQueue
    do throws(SpateError) {
      queue = try UringSubmissionQueue(capacity: 4, limits: found.limits)
    } catch {
      return ringRemedy(error.systemErrorNumber)
    }
    defer { queue.close() }
    let blockByteCount = found.description.blockByteCount
    let error = unsafe withUnsafeTemporaryAllocation(byteCount: blockByteCount, alignment: blockByteCount) {
      block in
      unsafe block.initializeMemory(as: UInt8.self, repeating: 0)
      return unsafe withUnsafeTemporaryAllocation(of: iovec.self, capacity: 1) { vectors in
        // SAFETY: block and vector outlive the operations, which are waited for.
        unsafe vectors.initialize(repeating: iovec(iov_base: block.baseAddress, iov_len: block.count))
        let file = StorageFile(descriptor: file)
        unsafe queue.enqueueWrite(
          file,
          vectors: UnsafeBufferPointer(vectors),
          at: 0,
          durably: false,
          token: 1
        )
        let error = firstError(of: queue)
        if error != 0 { return error }
        queue.enqueueSync(file, token: 2)
        return firstError(of: queue)
      }
    }
    // A full disk at this moment says nothing about io_uring.
    return error == 0 || error == ENOSPC || error == EDQUOT ? nil : reason(error, "writing through it failed")
  }

  /// Waits for the one operation in flight; its error, or 0.
  private func firstError(of queue: UringSubmissionQueue) -> Int32 {
    let submitted = queue.submit()
    if submitted != 0 { return submitted }
    return unsafe withUnsafeTemporaryAllocation(of: IOCompletion.self, capacity: 1) { completions in
      unsafe completions.initialize(repeating: IOCompletion(token: 0, error: 0))
      // SAFETY: the one element is initialized.
      let count = unsafe queue.collect(into: completions, untilNanoseconds: .max)
      return unsafe count == 1 ? completions[0].error : EIO
    }
  }

  /// A file that vanishes when it is closed, or a negative errno. Throws when the directory takes no file at
  /// all.
  private func makeFile(flags: UInt32) throws(SpateError) -> Int32 {
    if !refusals.contains(.unnamedFiles) {
      let file = unsafe spate_openat(
        descriptor,
        ".",
        flags | UInt32(SPATE_OPEN_WRITE) | UInt32(SPATE_OPEN_TEMPORARY)
      )
      if file >= 0 { return file }
    }
    // Not every file system has files without a name: a named one loses its name at once.
    let name = ".spate-probe-\(getpid())-\(UInt32.random(in: 0 ... .max))"
    let file = unsafe spate_openat(
      descriptor,
      name,
      flags | UInt32(SPATE_OPEN_WRITE) | UInt32(SPATE_OPEN_CREATE)
    )
    // Some file systems refuse O_DIRECT after they made the file.
    _ = unsafe spate_unlinkat(descriptor, name, 0)
    if file < 0, [EACCES, EPERM, EROFS, EMFILE, ENFILE].contains(-file) {
      throw .system(-file, .open, path: root)
    }
    return file
  }

  /// Writes one aligned block of zeros: 0 or a negative errno.
  private func writeBlock(_ file: Int32, _ byteCount: Int, durably: Bool) -> Int32 {
    unsafe withUnsafeTemporaryAllocation(byteCount: byteCount, alignment: byteCount) { block in
      unsafe block.initializeMemory(as: UInt8.self, repeating: 0)
      var vector = unsafe iovec(iov_base: block.baseAddress, iov_len: block.count)
      while true {
        // SAFETY: vector and block outlive the call.
        let result = unsafe spate_pwritev(file, &vector, 1, 0, durably ? 1 : 0)
        if result != -Int64(EINTR) { return result < 0 ? Int32(result) : 0 }
      }
    }
  }

  /// A sentence for an errno.
  private func reason(_ number: Int32, _ what: String) -> String { "\(what) (errno \(number))" }

  /// Why a ring could not be made, and what would help.
  private func ringRemedy(_ number: Int32) -> String {
    switch number {
    case ENOSYS: "this kernel or sandbox has none (ENOSYS)"
    case EPERM, EACCES:
      "a sandbox or kernel.io_uring_disabled forbids it (errno \(number)); allow it to go faster"
    case ENOMEM: "not enough locked memory; raise RLIMIT_MEMLOCK (ENOMEM)"
    case EOPNOTSUPP: "this kernel lacks operations that Spate needs"
    default: "setting it up failed (errno \(number))"
    }
  }
}
