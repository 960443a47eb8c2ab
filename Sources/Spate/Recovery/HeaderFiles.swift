/// Opens a queue's segment files, newest first, a few ahead of the one that is looked at: the disk reads their headers
/// together then, and not one after the other. One thread.
struct HeaderFiles {
  /// How many files are open ahead.
  private static var count: Int { 16 }

  private let storage: any Storage
  private let directory: String
  private let mayLock: Bool
  private var numbers: ArraySlice<UInt64>
  /// Opened, in the order in which they come.
  private var opened: [(number: UInt64, file: SegmentFile)] = []

  /// - Parameter numbers: those of the files, ascending.
  init(storage: any Storage, directory: String, mayLock: Bool, numbers: [UInt64]) {
    self.storage = storage
    self.directory = directory
    self.mayLock = mayLock
    self.numbers = numbers[...]
  }

  /// The next file, which is open; nil behind the last.
  mutating func next() throws(SpateError) -> (number: UInt64, file: SegmentFile)? {
    while opened.count < Self.count, let number = numbers.popLast() {
      let path = directory + "/" + Format.segmentName(number)
      let file = try SegmentFile(storage: storage, path: path, mayLock: mayLock)
      file.prefetch(at: 0, byteCount: Format.minimumBlockByteCount)
      opened.append((number, file))
    }
    return opened.isEmpty ? nil : opened.removeFirst()
  }
}
