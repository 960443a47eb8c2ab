import Glibc

/// Reads an archive that a fuzzer made: no trap, no hang, and whatever is read is exactly what stands there.
enum ArchiveTarget {
  /// A file in memory without a name.
  private static let descriptor: Int32 = {
    var template = Array("/dev/shm/spate-fuzz-XXXXXX".utf8CString)
    return unsafe template.withUnsafeMutableBufferPointer { name in
      let descriptor = unsafe mkstemp(name.baseAddress!)
      unsafe unlink(name.baseAddress!)
      return descriptor
    }
  }()

  /// The first byte says which checksums are mended; the others are the archive.
  static func run(_ input: [UInt8]) {
    guard let control = input.first else { return }
    var archive = Array(input.dropFirst())
    if control & 1 == 0 { ArchiveMender.mend(&archive, mendsTrailer: control & 2 == 0) }
    guard ftruncate(descriptor, 0) == 0 else { exit(2) }
    lseek(descriptor, 0, SEEK_SET)
    unsafe archive.withUnsafeBytes { bytes in
      guard unsafe write(descriptor, bytes.baseAddress, bytes.count) == bytes.count else { exit(2) }
    }
    lseek(descriptor, 0, SEEK_SET)
    do { try read(archive) } catch let failure as CommandFailure {
      if failure.message == nil { violated("a failure says what is wrong") }
    } catch {
      violated("a failure of another kind: \(error)")
    }
  }

  private static func read(_ archive: [UInt8]) throws {
    var reader = try ArchiveReader(descriptor: descriptor, path: "archive")
    var offset = ArchiveFormat.headByteCount + reader.queueByteCount + 4
    var next = reader.baseSequence
    while let entry = try reader.next() {
      if entry.sequence < next { violated("sequences ascend") }
      next = entry.sequence &+ 1
      offset += ArchiveFormat.recordHeadByteCount
      // SAFETY: lent until the next entry.
      unsafe [entry.payload, entry.key, entry.headers].forEach { part in
        guard unsafe part.elementsEqual(archive[offset..<(offset + part.count)]) else {
          violated("a record is what stands in the archive")
        }
        offset += part.count
      }
    }
    guard let end = reader.endSequence else { violated("an end without a trailer") }
    if end < next { violated("the end is behind the records") }
    if offset + ArchiveFormat.trailerByteCount != archive.count { violated("all of the archive was read") }
  }
}

extension ArchiveReader {
  /// How many bytes the queue's name has in the header.
  fileprivate var queueByteCount: Int { Int(byteCount) - ArchiveFormat.headByteCount - 4 }
}
