/// The directory `aside/` of a queue: where things go that nobody can read and nobody deletes.
struct Aside {
  private let storage: any Storage
  private let directory: String
  private let aside: String

  /// The aside directory within `directory`, made if it is not there.
  init(storage: any Storage, directory: String) throws(SpateError) {
    self.storage = storage
    self.directory = directory
    aside = directory == "." ? Format.asideName : directory + "/" + Format.asideName
    guard try storage.kind(of: aside) == nil else { return }
    try storage.createDirectory(aside)
    try storage.syncDirectory(directory)
  }

  /// Moves a file of the directory; returns its new path. Durable when it returns.
  func move(_ path: String) throws(SpateError) -> String {
    let target = try freePath(String(path.split(separator: "/").last ?? ""))
    try storage.rename(path, to: target)
    try storage.syncDirectory(aside)
    try storage.syncDirectory(directory)
    return target
  }

  /// Copies a part of a file; returns the copy's path: the file's name with the range behind it. Durable when it
  /// returns. Blocks that the medium does not give are zeros.
  func copy(_ range: Range<UInt64>, of file: SegmentFile) throws(SpateError) -> String {
    let name = file.path.split(separator: "/").last ?? ""
    let target = try freePath("\(name).\(range.lowerBound)-\(range.upperBound)")
    let copy = try storage.open(target, .createNewBuffered)
    defer { storage.close(copy) }
    let buffer = BlockBuffer(
      byteCount: min(1 << 20, max(1, Int(range.upperBound - range.lowerBound))),
      alignment: Format.minimumBlockByteCount
    )
    var offset = range.lowerBound
    while offset < range.upperBound {
      let count = min(buffer.byteCount, Int(range.upperBound - offset))
      let bytes = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<count])
      unsafe file.read(into: bytes, at: offset)
      unsafe try storage.write(copy, UnsafeRawBufferPointer(bytes), at: offset - range.lowerBound)
      offset += UInt64(count)
    }
    try storage.sync(copy)
    try storage.syncDirectory(aside)
    return target
  }

  /// A path that is not taken: the name, or with a number behind it.
  private func freePath(_ name: String) throws(SpateError) -> String {
    var path = aside + "/" + name
    var copy = 0
    while try storage.kind(of: path) != nil {
      copy += 1
      path = aside + "/" + name + ".\(copy)"
    }
    return path
  }
}
