import Spate

/// A store with a log that lies still.
final class BenchmarkLog {
  private let directory = BenchmarkDirectory()

  init(recordCount: Int, byteCount: Int) throws {
    let store = try Store.open(at: directory.path + "/store")
    let queue = try store.queue(named: "bench")
    let payload = [UInt8](repeating: 7, count: byteCount)
    for _ in 0..<recordCount { _ = try unsafe queue.append(payload.span.bytes, level: .published) }
    try store.close()
  }

  /// Scans all of it; returns how many records were found.
  func verify() throws -> UInt64 { try Store.verify(at: directory.path + "/store").recordCount }
}
