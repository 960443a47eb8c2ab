/// A range of a segment file, or of a copy of the log's end in memory, that holds whole frames of durable records, as the
/// format describes them.
///
/// For `sendfile`, `copy_file_range` and `pread`: the bytes at ``offset`` of ``fileDescriptor``, ``byteCount`` of
/// them, are final and do not change as long as the ``SegmentRanges`` that it came from are pinned. A record's frame
/// begins with 32 bytes of header, its payload comes next; chunk frames, padding and abandoned frames stand in
/// between. The bytes are as they are on the disk: who needs them to be whole checks the frames' checksums.
public struct SegmentRange: Sendable, Equatable {
  /// The file, open for reading. Belongs to the pinned ranges: not to be closed by others.
  public let fileDescriptor: Int32
  /// Where the range begins in the file, in bytes.
  public let offset: UInt64
  /// How many bytes it has; at least one frame.
  public let byteCount: UInt64
  /// The position of its first byte in the log, which the frames' stamps are made from.
  public let position: UInt64
  /// The salt of the stamps of its frames.
  public let salt: UInt64
  /// The sequences whose frames it holds; those of abandoned claims count.
  public let sequences: Range<UInt64>
}
