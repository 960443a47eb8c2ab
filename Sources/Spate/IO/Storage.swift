/// The file operations that the engine asks of a disk: the namespace, and blocking reads, writes and syncs.
///
/// The one way to files, so that a simulated disk can stand in for the real one. Paths are absolute, or
/// relative to the store's directory. Any thread may call any operation; the operations block. Failures are
/// thrown with the path, the errno and what to do; interrupted calls and short transfers are continued
/// inside.
protocol Storage: AnyObject, Sendable {
  /// Strategy, mode and block size, and why anything better was refused.
  var description: StorageDescription { get }

  /// The syncs of files and directories that failed so far.
  var failedSyncs: FailedSyncs { get }

  /// The unit of direct writes: a power of two, at least 4096, and no less than the file system asks of
  /// direct I/O.
  var blockByteCount: Int { get }

  /// Opens a file. Every file is closed on exec.
  func open(_ path: String, _ mode: OpenMode) throws(SpateError) -> StorageFile

  /// Closes a file and drops its lock. Nothing may be in flight on it.
  func close(_ file: StorageFile)

  /// The size of the file.
  func byteCount(of file: StorageFile) throws(SpateError) -> UInt64

  /// Reads until the buffer is full or the file ends; returns how many bytes were read.
  func read(
    _ file: StorageFile,
    into buffer: UnsafeMutableRawBufferPointer,
    at offset: UInt64
  ) throws(SpateError) -> Int

  /// Writes all the bytes. Memory, length and offset are whole blocks when the file is direct.
  func write(_ file: StorageFile, _ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(SpateError)

  /// Writes all the bytes; when it returns they, and the metadata to find them, are on the medium. Says
  /// nothing of other bytes of the file.
  func writeDurably(_ file: StorageFile, _ bytes: UnsafeRawBufferPointer, at offset: UInt64)
    throws(SpateError)

  /// Makes every write of the file that completed before durable. A failure is final: a later success proves
  /// nothing.
  func sync(_ file: StorageFile) throws(SpateError)

  /// Extends the file to `byteCount` and reserves the room where the file system can.
  func allocate(_ file: StorageFile, byteCount: UInt64) throws(SpateError)

  /// Gives a lock on a file back, also for copies of its descriptor that children of a fork hold.
  func unlock(_ file: StorageFile, _ lock: FileLock)

  /// Takes an open-file-description lock, without waiting; false when somebody else holds one that conflicts.
  /// Held until the last descriptor of this open, and the last write in flight on it, is gone.
  func tryLock(_ file: StorageFile, _ lock: FileLock) throws(SpateError) -> Bool

  /// The process that holds the file's ``FileLock/writing`` lock, if anybody does and the number is known: the kernel's, or the
  /// number that the owner wrote as text at the file's start.
  func lockHolder(_ file: StorageFile) -> Int32?

  /// Makes a directory; no failure when it is there already. Does not sync.
  func createDirectory(_ path: String) throws(SpateError)

  /// The names in a directory, without `.` and `..`, in no order.
  func contents(ofDirectory path: String) throws(SpateError) -> [String]

  /// What stands at the path; nil when nothing does.
  func kind(of path: String) throws(SpateError) -> FileKind?

  /// Renames, replacing what stands at `to`. Durable once the directory is synced.
  func rename(_ from: String, to: String) throws(SpateError)

  /// Removes a file or an empty directory. Durable once the directory is synced.
  func remove(_ path: String) throws(SpateError)

  /// Makes the names in a directory durable.
  func syncDirectory(_ path: String) throws(SpateError)

  /// How many bytes may still be written where the path is.
  func freeByteCount(at path: String) throws(SpateError) -> UInt64

  /// Maps a range read-only and brings in every page, so that a bad sector or a range beyond the end is a
  /// thrown error. `offset` is a multiple of the page size.
  func map(_ file: StorageFile, at offset: UInt64, byteCount: Int) throws(SpateError)
    -> UnsafeRawBufferPointer

  /// Ends a mapping that ``map(_:at:byteCount:)`` made.
  func unmap(_ region: UnsafeRawBufferPointer)

  /// Makes a queue for asynchronous writes; call it on the thread that will use the queue.
  func makeSubmissionQueue() throws(SpateError) -> any SubmissionQueue
}
