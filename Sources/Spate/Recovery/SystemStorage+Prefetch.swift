import Glibc

extension SystemStorage: PrefetchingStorage {
  func prefetch(_ file: StorageFile, at offset: UInt64, byteCount: Int) {
    // A hint: on a file system that does not know it, the reads are merely slower.
    _ = posix_fadvise(file.descriptor, off_t(offset), off_t(byteCount), POSIX_FADV_WILLNEED)
  }
}
