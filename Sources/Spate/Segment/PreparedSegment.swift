/// A segment file that is ready for use: allocated, its beginning zeroed, or recycled, its headers synced, its name durable.
///
/// The file is open for direct writing and holds the write lock; who takes the value closes it. Sendable: it
/// goes from the housekeeping thread to the committer.
struct PreparedSegment: Sendable {
  /// The running number.
  var number: UInt64
  /// The path, relative to the store's directory.
  var path: String
  /// The open, locked file.
  var file: StorageFile
  /// The bytes of the whole file.
  var byteCount: UInt64
  /// Where the data area ends.
  var footerOffset: UInt64
  /// The size of header block and blocks.
  var blockByteCount: Int
  /// How far the file was written to before. What lies behind is allocated and reads as zeros; the first write there
  /// changes metadata, which makes its sync more than twice as slow.
  var writtenByteCount: UInt64
  /// The bytes of the data area.
  var dataByteCount: UInt64 { footerOffset - UInt64(blockByteCount) }

  /// The catalog's view of this file in a use.
  func description(use: SegmentUse) -> SegmentDescription {
    SegmentDescription(
      number: number,
      path: path,
      byteCount: byteCount,
      footerOffset: footerOffset,
      blockByteCount: blockByteCount,
      use: use
    )
  }
}
