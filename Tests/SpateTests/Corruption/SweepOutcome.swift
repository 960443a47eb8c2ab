@testable import Spate

/// What an open of a damaged store gave: what can be read, and what is said to be lost.
struct SweepOutcome {
  /// What can be read.
  private(set) var read: [UInt64: SweptStore.Record] = [:]
  /// What recovery or a cursor said to be lost.
  private(set) var lost: Set<UInt64> = []
  /// What recovery found.
  private(set) var report: RecoveryReport
  /// Where the log ends.
  private(set) var endSequence: UInt64
  /// Where the named cursor stands; nil when it is not known.
  private(set) var place: UInt64?

  /// Records are few: more moves than this and a cursor goes round in circles.
  private static let moveLimit = 2000

  /// A cursor that does not come to an end, or stays where it failed.
  struct Endless: Error {}

  /// Opens the files of one queue and reads them as a cursor does.
  init(of storage: any Storage) throws {
    let queue = try QueueRecovery.run(
      storage: storage,
      directory: SweptStore.directory,
      destinations: DestinationLookup(storage: storage, isReadOnly: false),
      lockWaitNanoseconds: 0
    )
    report = queue.report
    endSequence = queue.endSequence
    place = queue.cursors.first { $0.name == Array(SweptStore.cursorName.utf8) && !$0.isRemoved }?.sequence
    addDamages()
    let log = CursorLog(
      storage: storage,
      support: CursorSupport(pinLimit: 1 << 20),
      catalog: queue.catalog,
      watermarks: Watermarks(at: LogMark(position: queue.endPosition, sequence: queue.endSequence)),
      tail: nil
    )
    var reader = FrameReader(log: log, level: .durable)
    try reader.seek(to: .earliest)
    for _ in 0..<Self.moveLimit {
      do {
        guard try reader.advance() else { return }
      } catch {
        guard let first = error.sequence, first < reader.nextSequence else { throw error }
        lost.formUnion(first..<reader.nextSequence)
        continue
      }
      let header = unsafe FrameHeader(decoding: reader.frame)
      // SAFETY: the reader holds the whole frame.
      let body = unsafe UnsafeRawBufferPointer(
        start: reader.frame + FrameHeader.byteCount,
        count: header.payloadByteCount + Int(header.keyByteCount)
      )
      add(
        reader.frameSequence,
        payload: unsafe Array(body.prefix(header.payloadByteCount)),
        key: unsafe Array(body.dropFirst(header.payloadByteCount))
      )
    }
    throw Endless()
  }

  /// Opens a whole store and reads its queue.
  init(ofStoreAt path: String) throws {
    let store = try Store.open(at: path, options: SweptStore.options)
    defer { try? store.close() }
    var options = QueueOptions()
    options.createsIfMissing = false
    let queue = try store.queue(named: SweptStore.queueName, options: options)
    report = queue.recoveryReport
    endSequence = report.endSequence
    place = queue.namedCursors.first { $0.name == SweptStore.cursorName }?.acknowledgedSequence
    addDamages()
    var cursor = try queue.cursor()
    for _ in 0..<Self.moveLimit {
      do {
        guard let record = try cursor.next() else { return }
        add(
          record.sequence,
          payload: CursorFixture.bytes(record.payload),
          key: CursorFixture.bytes(record.key)
        )
      } catch {
        guard let first = error.sequence, first < cursor.sequence else { throw error }
        lost.formUnion(first..<cursor.sequence)
      }
    }
    throw Endless()
  }

  private mutating func addDamages() {
    for range in report.damages { lost.formUnion(range.sequences) }
  }

  private mutating func add(_ sequence: UInt64, payload: [UInt8], key: [UInt8]) {
    read[sequence] = SweptStore.Record(payload: payload, key: key)
  }
}
