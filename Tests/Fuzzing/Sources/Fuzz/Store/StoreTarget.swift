import Glibc

@testable import Spate

/// Opens, reads, verifies and mends a queue whose files a fuzzer made, and holds the engine to what it promises about
/// any bytes whatever: no trap, no hang, nothing served that does not match its checksum, the same answer twice.
struct StoreTarget {
  /// Which files the fuzzer makes.
  enum Files {
    case segments, cursors, metadata

    var kinds: Set<StoreImage.Kind> {
      switch self {
      case .segments: Set(StoreImage.Kind.allCases)
      case .cursors: [.slot, .raw]
      case .metadata: [.checkpoint, .manifest, .raw]
      }
    }
  }

  let files: Files
  /// More steps than any file that fits an input can have.
  private static let stepLimit = 1 << 18

  /// The first byte says what is done; the others are patches.
  func run(_ input: [UInt8]) {
    guard let control = input.first else { return }
    var image = files == .segments ? StoreImage() : SoundStore.image
    image.apply(input.dropFirst(), allowed: files.kinds)
    let storage = image.storage
    if unsafe getenv("SPATE_FUZZ_SHOWS") != nil { show(image) }
    guard let queue = open(storage, isReadOnly: control & 2 != 0) else { return }
    let records = read(queue, in: storage)
    if let again = open(storage, isReadOnly: control & 2 != 0) {
      expect(again.endPosition == queue.endPosition, "a second open finds another end")
      expect(again.endSequence == queue.endSequence, "a second open finds another sequence")
      expect(again.cursors.map(\.sequence).sorted() == queue.cursors.map(\.sequence).sorted(), "other places")
    } else {
      violated("a second open fails")
    }
    check(queue.cursors, in: queue)
    if control & 1 != 0 { verifyAndMend(storage, Self.isPlausible(queue) ? records : [:]) }
  }

  /// Prints what an open finds, to look into a finding.
  private func show(_ image: StoreImage) {
    for (path, bytes) in image.files.sorted(by: { $0.key < $1.key }) { print(path, bytes.count) }
    do {
      let storage = image.storage
      for pass in 0..<3 {
        if pass == 2 {
          var repair = StoreRepair()
          try QueueMender(storage: storage, name: "q").run(&repair) { _ in }
          print(repair)
        }
        let queue = try QueueRecovery.run(storage: storage, directory: StoreImage.directory)
        for segment in queue.catalog.segments { print(segment) }
        print(queue.checkpoint, queue.report, queue.beginPosition, queue.beginSequence)
      }
    } catch { print(error) }
    fflush(nil)
  }

  private func open(_ storage: MemoryStorage, isReadOnly: Bool) -> RecoveredQueue? {
    try? QueueRecovery.run(
      storage: storage,
      directory: StoreImage.directory,
      isReadOnly: isReadOnly,
      destinations: DestinationLookup(storage: storage, isReadOnly: isReadOnly),
      lockWaitNanoseconds: 0
    )
  }

  /// Reads everything as a cursor does, and returns the sequences with the checksums of their frames.
  private func read(_ queue: RecoveredQueue, in storage: MemoryStorage) -> [UInt64: UInt32] {
    let end = LogMark(position: queue.endPosition, sequence: queue.endSequence)
    let log = CursorLog(
      storage: storage,
      support: CursorSupport(pinLimit: 1 << 20),
      catalog: queue.catalog,
      watermarks: Watermarks(at: end),
      tail: nil
    )
    var reader = FrameReader(log: log, level: .durable)
    var found: [UInt64: UInt32] = [:]
    var last: UInt64?
    var steps = 0
    do { try reader.seek(to: .earliest) } catch { return found }
    while true {
      steps += 1
      if steps > Self.stepLimit { violated("a cursor does not come to an end") }
      let before = (reader.position, reader.sequence)
      do throws(SpateError) {
        guard try reader.advance() else { break }
      } catch {
        if reader.position <= before.0, reader.sequence <= before.1 {
          violated("a cursor stays where it failed: \(error)")
        }
        continue
      }
      expect(last.map { $0 < reader.frameSequence } ?? true, "sequences ascend")
      // Older segments are not looked into before they are read: two headers may contradict each other.
      let isOld = queue.catalog.last.map { reader.position <= $0.basePosition } ?? false
      expect(
        isOld || reader.frameSequence < end.sequence,
        "record \(reader.frameSequence) stands behind the end \(end)"
      )
      last = reader.frameSequence
      found[reader.frameSequence] = unsafe checked(reader.frame)
    }
    expect(
      reader.position >= end.position || reader.nextSequence >= end.sequence,
      "a cursor comes to the end"
    )
    return found
  }

  /// The checksum of a frame that a cursor lent, after another implementation said that it is right.
  private func checked(_ frame: UnsafeRawPointer) -> UInt32 {
    let header = unsafe FrameHeader(decoding: frame)
    expect(header.isWellFormed, "lengths make sense")
    var crc = CRC32C()
    // SAFETY: the reader holds the whole frame.
    unsafe crc.add(UnsafeRawBufferPointer(start: frame + 12, count: 20 + header.checkedByteCount))
    expect(crc.value == header.checksum, "what is served matches its checksum")
    return header.checksum
  }

  private func check(_ cursors: [RecoveredCursor], in queue: RecoveredQueue) {
    for cursor in cursors { expect(cursor.sequence <= queue.endSequence, "no place is ahead of the log") }
    let names = cursors.filter { !$0.isRemoved }.map(\.name)
    expect(Set(names).count == names.count, "a cursor has one place")
  }

  /// Whether the headers do not contradict each other: a record takes as many bytes as its frame's header at least.
  private static func isPlausible(_ queue: RecoveredQueue) -> Bool {
    let segments = queue.catalog.segments
    return zip(segments, segments.dropFirst()).allSatisfy { segment, next in
      next.baseSequence - segment.baseSequence
        <= (next.basePosition - segment.basePosition) / UInt64(FrameHeader.byteCount)
    }
  }

  /// Verification says what is wrong, and what was readable before a repair is readable after it.
  private func verifyAndMend(_ storage: MemoryStorage, _ records: [UInt64: UInt32]) {
    let inspector = StoreInspector(path: "/", storage: storage)
    _ = try? inspector.verify(queue: "q", done: 0) { _ in }
    _ = try? inspector.queue(named: "q")
    var repair = StoreRepair()
    do { try QueueMender(storage: storage, name: "q").run(&repair) { _ in } } catch { return }
    guard let queue = open(storage, isReadOnly: false) else { return }
    let after = read(queue, in: storage)
    for (sequence, checksum) in records where after[sequence] != checksum {
      violated("a repair loses record \(sequence), which could be read")
    }
  }

  private func expect(_ holds: Bool, _ promise: String) {
    if !holds { violated(promise) }
  }
}
