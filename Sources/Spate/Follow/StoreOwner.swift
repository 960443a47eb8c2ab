/// What the file of a store's lock says of the owner: text, so that a person can read it too.
///
///     1234 17 16045690984833335023
///      │    │   └ drawn by each owner, so that two of them are told apart
///      │    └ the descriptor of its ``SharedPage``, or -1
///      └ its process
struct StoreOwner: Equatable {
  /// The bytes that the text takes, filled up with spaces.
  private static let byteCount = 64

  /// The process.
  var process: Int32
  /// The descriptor of the shared page in that process; -1 when there is none.
  var pageDescriptor: Int32
  /// What tells this owner from others.
  var instance: UInt64

  /// Names an owner.
  init(process: Int32, pageDescriptor: Int32, instance: UInt64) {
    self.process = process
    self.pageDescriptor = pageDescriptor
    self.instance = instance
  }

  /// Reads what the last owner wrote into the open file of the lock; nil when that cannot be read.
  init?(readFrom file: StorageFile, storage: any Storage) {
    var bytes = [UInt8](repeating: 0, count: Self.byteCount)
    let count = unsafe bytes.withUnsafeMutableBytes { buffer in
      unsafe (try? storage.read(file, into: buffer, at: 0)) ?? 0
    }
    let line = bytes.prefix(count).prefix { $0 != UInt8(ascii: "\n") }
    let words = line.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
    guard words.count == 3, let process = Int32(words[0]), let descriptor = Int32(words[1]),
      let instance = UInt64(words[2])
    else { return nil }
    self.init(process: process, pageDescriptor: descriptor, instance: instance)
  }

  /// The text as it stands in the file.
  var encoded: [UInt8] {
    let text = Array("\(process) \(pageDescriptor) \(instance)\n".utf8)
    return text + [UInt8](repeating: UInt8(ascii: " "), count: Self.byteCount - text.count)
  }
}
