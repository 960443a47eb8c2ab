// A stand-in for the engine while it cannot be built: remove this file when it can.
#if !canImport(Spate)
  import Glibc
  import Synchronization

  // A stand-in for the engine, so that the scenarios can be built and tried without it. Its figures mean nothing.

  enum EngineCapabilities {
    static let recyclesSegments = true
    static let writesWithoutSync = true
    static let injectsStalls = true
  }

  enum EngineLevel: Sendable { case published, written, durable }
  enum EngineStart: Sendable { case earliest, latest }

  struct EngineStore: Sendable {
    let path: String
    static func open(at path: String, settings: EngineStoreSettings = .init()) throws -> EngineStore {
      _ = unsafe mkdir(path, 0o755)
      return EngineStore(path: path)
    }
    func queue(named name: String, settings: EngineQueueSettings = .init()) throws -> EngineQueue {
      EngineQueue(log: StubLog("\(path)/\(name)"))
    }
    func close() throws {}
    var description: String { "stand-in" }
  }

  final class StubLog: Sendable {
    struct State {
      var bytes: [UInt8] = []
      var count: UInt64 = 0
    }
    let file: Int32
    let state = Mutex(State())
    let durable = Atomic<UInt64>(0)
    init(_ path: String) { file = unsafe open(path, O_CREAT | O_RDWR, 0o644) }
    deinit { close(file) }
  }

  struct EngineQueue: Sendable {
    let log: StubLog
    func append(_ payload: RawSpan, level: EngineLevel) throws -> UInt64 {
      let count = payload.byteCount
      let sequence = log.state.withLock {
        if $0.bytes.count < 1 << 16 { $0.bytes.append(contentsOf: repeatElement(7, count: count)) }
        $0.count += 1
        return $0.count - 1
      }
      if level != .published { try wait(for: sequence, level: level) }
      return sequence
    }
    func append(_ batch: borrowing EngineBatch) throws -> UInt64 {
      var last: UInt64 = 0
      let bytes = unsafe batch.payload.span.bytes
      for _ in 0..<batch.count { last = try append(bytes, level: .published) }
      return last
    }
    func wait(for sequence: UInt64, level: EngineLevel) throws {
      let bytes = log.state.withLock {
        let bytes = $0.bytes
        $0.bytes = []
        return bytes
      }
      _ = unsafe pwrite(log.file, bytes, bytes.count, 0)
      if level == .durable { fdatasync(log.file) }
      log.durable.store(sequence + 1, ordering: .relaxed)
    }
    var durableSequence: UInt64 { log.durable.load(ordering: .relaxed) }
    func cursor(from start: EngineStart, following: EngineLevel) throws -> EngineCursor {
      EngineCursor(log: log)
    }
  }

  struct EngineBatch: ~Copyable {
    var payload: [UInt8] = []
    var count = 0
    init() {}
    mutating func fill(with payload: RawSpan, count: Int) throws {
      self.payload = [UInt8](repeating: 1, count: payload.byteCount)
      self.count = count
    }
  }

  struct EngineCursor: ~Copyable {
    let log: StubLog
    var next: UInt64 = 0
    init(log: StubLog) { self.log = log }
    mutating func read(atMost limit: Int, waitingSeconds: Double) throws -> EngineReading {
      let end = log.state.withLock { $0.count }
      let count = min(UInt64(limit), end - min(end, next))
      if count == 0 { pause(seconds: waitingSeconds) }
      next += count
      return EngineReading(records: Int(count), byteCount: Int(count) * 1024, digest: 0)
    }
    mutating func holdOne(while body: () -> Void) throws { body() }
  }
#endif
