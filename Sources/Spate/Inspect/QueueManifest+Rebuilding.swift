extension QueueManifest {
  /// What a queue's manifest must have said, from its segments' headers; nil when none of them can be read.
  ///
  /// The first sequence ever may be lower than it says, which nobody can tell once the segments of the
  /// beginning are trimmed.
  static func madeUp(from storage: any Storage, directory: String) throws(SpateError) -> QueueManifest? {
    let numbers = try storage.contents(ofDirectory: directory)
      .compactMap { Format.segmentNumber(inName: $0) }.sorted()
    let block = BlockBuffer(byteCount: Format.minimumBlockByteCount, alignment: Format.minimumBlockByteCount)
    var found: QueueManifest?
    for number in numbers {
      let file = try SegmentFile(storage: storage, path: directory + "/" + Format.segmentName(number))
      unsafe file.read(into: block.bytes, at: 0)
      let start = unsafe UnsafeRawPointer(block.bytes.baseAddress!)
      guard let identity = unsafe SegmentIdentity.decode(start).value, identity.segmentNumber == number else {
        continue
      }
      let use = unsafe SegmentUse.decode(start + Format.useSectorOffset).value
      let manifest = QueueManifest(
        baseSequence: use?.isUsed == true ? use?.baseSequence ?? 0 : 0,
        createdTimestamp: identity.createdTimestamp,
        queueIdentifier: identity.queueIdentifier
      )
      if use?.isUsed == true { return manifest }
      found = found ?? manifest
    }
    return found
  }
}
