import Glibc

@testable import Spate

/// Makes the inputs that a fuzzer begins with, from stores that the engine wrote.
struct CorpusMaker {
  /// Where the inputs go: a directory for each target.
  let directory: String

  func run() throws {
    for target in FuzzTarget.allCases { unsafe mkdir(directory + "/" + target.rawValue, 0o777) }
    for (name, fill) in Self.stores { try makeStore(name, fill) }
  }

  private typealias Fill = @Sendable (Store, Queue) throws -> Void

  private static let stores: [(String, Fill)] = [
    ("empty", { _, _ in }),
    ("one-record", { _, queue in try queue.append([7]) }),
    (
      "keys-and-headers",
      { _, queue in
        for index in 0..<6 { try append(queue, index, key: 3 * index, headers: 5 * index) }
      }
    ),
    ("rolls", { _, queue in for index in 0..<12 { try queue.append(sparse(1800, index)) } }),
    (
      "batches",
      { _, queue in
        for index in 1..<5 {
          var batch = RecordBatch()
          for member in 0..<index { try batch.append(bytes(9 * member, index)) }
          try queue.append(batch)
        }
      }
    ),
    (
      "abandoned",
      { _, queue in
        for index in 0..<4 {
          try queue.claim(byteCount: 30 * index).abandon()
          try queue.append(bytes(10, index))
        }
      }
    ),
    (
      "cursors",
      { _, queue in
        for name in ["billing", "audit"] {
          let cursor = try queue.cursor(named: name)
          for index in 0..<8 { try queue.append(bytes(20, index)) }
          try cursor.acknowledge(through: 3)
        }
      }
    ),
    (
      "transactions",
      { _, queue in
        let cursor = try queue.cursor(named: "billing")
        for index in 0..<6 { try queue.append(bytes(20, index)) }
        for index in 0..<3 {
          var transaction = Transaction()
          for member in 0..<index { try transaction.append(bytes(9 * member, index)) }
          try transaction.acknowledge(cursor, through: UInt64(index))
          try transaction.setMetadata(bytes(5, index), named: "place")
          try queue.commit(transaction)
        }
      }
    ),
    (
      "truncated",
      { _, queue in
        for index in 0..<12 { try queue.append(bytes(100, index)) }
        try queue.truncate(from: 5)
        for index in 0..<3 { try queue.append(bytes(50, index)) }
      }
    ),
    (
      "trimmed",
      { _, queue in
        let cursor = try queue.cursor(named: "only")
        for index in 0..<12 { try queue.append(sparse(2500, index)) }
        try cursor.acknowledge(through: 10)
        usleep(400_000)
      }
    ),
    (
      "reopened",
      { store, queue in
        for index in 0..<5 { try queue.append(bytes(33, index)) }
      }
    ),
  ]

  /// The stores whose archives are short.
  private static let archived: Set = [
    "empty", "one-record", "keys-and-headers", "abandoned", "truncated",
  ]

  private func makeStore(_ name: String, _ fill: Fill) throws {
    var template = Array("/tmp/spate-corpus-XXXXXX".utf8CString)
    let path = unsafe template.withUnsafeMutableBufferPointer { buffer in
      unsafe mkdtemp(buffer.baseAddress!)
      return unsafe String(cString: buffer.baseAddress!)
    }
    var options = StoreOptions()
    options.minimalSegmentByteCount = 16384
    options.maximalSegmentByteCount = 16384
    for _ in 0..<(name == "reopened" ? 3 : 1) {
      let store = try Store.open(at: path, options: options)
      let queue = try store.queue(named: "q")
      try fill(store, queue)
      try store.close()
    }
    let storage = try SystemStorage(root: path, readOnly: true)
    var whole = PatchWriter(control: 1)
    var cursors = PatchWriter(control: 0)
    var metadata = PatchWriter(control: 0)
    for file in try storage.contents(ofDirectory: StoreImage.directory).sorted() {
      let filePath = StoreImage.path(file)
      guard try storage.kind(of: filePath) == .file else { continue }
      let content = try Self.read(filePath, in: storage)
      whole.add(file: file, content)
      if file == Format.cursorsName { cursors.add(file: file, content) }
      if file == Format.checkpointName || file == Format.manifestName { metadata.add(file: file, content) }
    }
    try write(whole.bytes, "segments/" + name)
    if cursors.bytes.count > 1 { try write(cursors.bytes, "cursors/" + name) }
    try write(metadata.bytes, "metadata/" + name)
    if Self.archived.contains(name) { try makeArchive(name, of: path) }
    Self.spawn(["rm", "-rf", path])
  }

  private func makeArchive(_ name: String, of path: String) throws {
    let descriptor = unsafe open(directory + "/archive/" + name, O_RDWR | O_CREAT | O_TRUNC, 0o666)
    defer { close(descriptor) }
    let store = try ReadOnlyStore.open(at: path)
    defer { store.close() }
    var cursor = try store.queue(named: "q").cursor(from: .earliest)
    var output = OutputBuffer(descriptor: descriptor, path: name)
    try output.append(2)
    var writer = try ArchiveWriter(output: output, queue: "q", baseSequence: cursor.sequence)
    while let record = try cursor.next() { try writer.append(record) }
    try writer.finish(endSequence: cursor.sequence)
  }

  private func write(_ bytes: [UInt8], _ name: String) throws {
    let descriptor = unsafe open(directory + "/" + name, O_WRONLY | O_CREAT | O_TRUNC, 0o666)
    defer { close(descriptor) }
    _ = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
  }

  private static func read(_ path: String, in storage: SystemStorage) throws -> [UInt8] {
    let file = try storage.open(path, .read)
    defer { storage.close(file) }
    let buffer = BlockBuffer(byteCount: Int(try storage.byteCount(of: file)), alignment: 4096)
    _ = unsafe try storage.read(file, into: buffer.bytes, at: 0)
    return unsafe Array(buffer.bytes)
  }

  private static func append(_ queue: Queue, _ index: Int, key: Int, headers: Int) throws {
    let (key, headers) = (bytes(key, index), bytes(headers, index))
    let payload = bytes(11, index)
    try unsafe queue.append(payload.span.bytes, key: key.span.bytes, headers: headers.span.bytes)
  }

  private static func bytes(_ count: Int, _ seed: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ seed &* 13) }
  }

  /// Bytes that take hardly any room among the patches.
  private static func sparse(_ count: Int, _ seed: Int) -> [UInt8] {
    [UInt8(truncatingIfNeeded: seed)] + [UInt8](repeating: 0, count: count - 1)
  }

  private static func spawn(_ command: [String]) {
    var process = pid_t()
    var arguments = unsafe command.map { unsafe strdup($0) } + [nil]
    if unsafe posix_spawnp(&process, command[0], nil, nil, &arguments, environ) == 0 {
      waitpid(process, nil, 0)
    }
  }
}
