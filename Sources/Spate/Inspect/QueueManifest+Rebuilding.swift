extension QueueManifest {
  /// A queue's manifest, or, where it is missing or damaged, what can be made up for it, and why it was.
  ///
  /// - Throws: `notFound` when there is no such queue; `unsupportedFormat`; what the disk says.
  static func loadOrMakeUp(
    from storage: any Storage,
    directory: String
  ) throws(SpateError) -> (manifest: QueueManifest?, damage: SpateError?) {
    do throws(SpateError) {
      return (try load(from: storage, directory: directory), nil)
    } catch {
      guard try storage.kind(of: directory) != nil else {
        throw SpateError(.notFound, "there is no such queue; check the name", path: directory)
      }
      guard error.code == .corrupt || error.code == .notFound else { throw error }
      return (try madeUp(from: storage, directory: directory), error)
    }
  }

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
