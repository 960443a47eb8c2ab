import Glibc
import Synchronization
import Testing

@testable import Spate

/// File systems that are really full, on a loop device and in memory. What touches a page that cannot be had ends this
/// process by SIGBUS.
@Suite(.serialized) struct FullFileSystemTests {
  private static let byteCount = 3000
  private static let producerCount = 3

  private var options: StoreOptions {
    var options = StoreOptions()
    options.memoryBudgetByteCount = 4 << 20
    options.minimalSegmentByteCount = 64 << 10
    options.maximalSegmentByteCount = 1 << 20
    return options
  }

  /// What producers were told, by the record's number: a sequence, or nil for a refusal.
  private final class Told: Sendable {
    private let outcomes = Mutex<[Int: UInt64?]>([:])
    private let nextNumber = Atomic<Int>(0)

    func makeNumber() -> Int { nextNumber.wrappingAdd(1, ordering: .relaxed).oldValue }
    func note(_ number: Int, _ sequence: UInt64?) {
      outcomes.withLock { $0[number] = .some(sequence) }
    }

    /// By sequence, the numbers of the records that are in the log.
    var appended: [UInt64: Int] {
      outcomes.withLock { outcomes in
        var numbers: [UInt64: Int] = [:]
        for case (let number, let sequence?) in outcomes { numbers[sequence] = number }
        return numbers
      }
    }

    var refusedCount: Int { outcomes.withLock { outcomes in outcomes.values.count { $0 == nil } } }
  }

  /// Appends one record in one of three ways. False when that was refused because the disk is full.
  private static func append(_ told: Told, to queue: Queue, way: Int) throws -> Bool {
    let number = told.makeNumber()
    let payload = CursorFixture.payload(number, byteCount)
    if way == 0 {
      while true {
        switch try unsafe queue.tryAppend(payload.span.bytes) {
        case .appended(let sequence):
          told.note(number, sequence)
          return true
        case .full:
          told.note(number, nil)
          return false
        default: usleep(200)
        }
      }
    }
    let deadline = way == 1 ? ContinuousClock.Instant.past : .now + .milliseconds(300)
    do {
      let sequence = try unsafe queue.append(
        payload.span.bytes,
        key: RawSpan(),
        level: .published,
        until: deadline
      )
      told.note(number, sequence)
      return true
    } catch {
      #expect(error.sequence == nil)
      told.note(number, nil)
      guard error.code == .backPressured || error.code == .timedOut else {
        #expect(error.code == .diskFull, "\(error)")
        return false
      }
      // The disk is slower than the producers; that is no refusal to wait for.
      return true
    }
  }

  /// Appends from several threads, until each of them was refused many times in a row.
  private func fill(_ told: Told, _ queue: Queue) throws {
    try onThreads(Self.producerCount) { way in
      var refusalCount = 0
      while refusalCount < 5 {
        refusalCount = try Self.append(told, to: queue, way: way) ? 0 : refusalCount + 1
      }
    }
  }

  /// The log holds what was acknowledged, from `first` on, and nothing else.
  private func check(_ queue: Queue, _ told: Told, from first: UInt64) throws {
    let appended = told.appended
    let records = try queue.readAll()
    #expect(records.map(\.sequence) == appended.keys.filter { $0 >= first }.sorted())
    for record in records {
      let number = try #require(appended[record.sequence])
      guard record.payload == CursorFixture.payload(number, Self.byteCount) else {
        Issue.record("record \(record.sequence) is not what was appended")
        return
      }
    }
  }

  @Test(
    .enabled(if: !SmallDisk.fileSystems.isEmpty, "a file system must be mounted, which is not allowed here"),
    arguments: SmallDisk.fileSystems
  )
  func aFullFileSystemRefusesAppendsAndNothingElse(_ fileSystem: SmallDisk.FileSystem) throws {
    let disk = try SmallDisk(fileSystem)
    let told = Told()
    var foreign: Filler? = try Filler(disk.path, name: "foreign", leaving: 8 << 20)
    var store = try Store.open(at: disk.path + "/store", options: options)
    var queue = try store.queue(named: "events")
    var cursor: NamedCursor? = try queue.openCursor("slow")
    let reader = try ReadOnlyStore.open(at: disk.path + "/store")
    defer { reader.close() }
    try fill(told, queue)
    let rest = try Filler(disk.path)
    try fill(told, queue)
    #expect(told.refusedCount > 0)
    try queue.wait(for: queue.core.ring.claimedEnd.sequence - 1)

    // Reading goes on, here and in another process' place, and so does saving places.
    try check(queue, told, from: 0)
    var follower = try reader.queue(named: "events").cursor()
    var followedCount = 0
    while try follower.next() != nil { followedCount += 1 }
    #expect(followedCount == told.appended.count)
    for place in 1...5 { try cursor?.acknowledge(through: UInt64(place), waitingFor: .durable) }
    let copy = try StoreCopy(of: disk.path + "/store")
    #expect(try copy.open().queue(named: "events").namedCursors.map(\.acknowledgedSequence) == [6])
    try check(try #require(copy.store).queue(named: "events"), told, from: 0)

    // Room that somebody else gives up lets the waiting producer go on by itself.
    try resume(told, queue) { foreign = nil }
    #expect(foreign == nil)
    foreign = try Filler(disk.path, name: "foreign")
    try fill(told, queue)

    // So does room that a trim makes.
    let end = queue.core.ring.claimedEnd.sequence
    try queue.wait(for: end - 1)
    try resume(told, queue) { try cursor?.acknowledge(through: end - 10, waitingFor: .durable) }
    #expect(queue.statistics.firstSequence > 0)

    cursor = nil
    try queue.wait(for: queue.core.ring.claimedEnd.sequence - 1)
    try store.close()
    store = try Store.open(at: disk.path + "/store", options: options)
    queue = try store.queue(named: "events")
    #expect(queue.recoveryReport.damages.isEmpty)
    try check(queue, told, from: queue.statistics.firstSequence)
    #expect(queue.namedCursors.map(\.acknowledgedSequence) == [end - 9])
    try store.close()
    _ = consume rest
  }

  /// A producer that waits for room appends once `body` has made some.
  private func resume(_ told: Told, _ queue: Queue, _ body: () throws -> Void) throws {
    let hasAppended = Atomic<Bool>(false)
    let number = told.makeNumber()
    let payload = CursorFixture.payload(number, Self.byteCount)
    // What is left of the active segment is not enough for it, and so is there no room for another one.
    #expect(failure { try unsafe queue.append(payload.span.bytes, until: .past) }?.code == .diskFull)
    let waiting = try EngineThread(name: "waiting") {
      guard
        let sequence = try? unsafe queue.append(
          payload.span.bytes,
          key: RawSpan(),
          until: .now + .seconds(60)
        )
      else { return }
      told.note(number, sequence)
      hasAppended.store(true, ordering: .releasing)
    }
    usleep(300_000)
    let wasEarly = hasAppended.load(ordering: .acquiring)
    #expect(!wasEarly)
    try body()
    waiting.join()
    let isThere = hasAppended.load(ordering: .acquiring)
    #expect(isThere, "the producer was refused although there is room")
  }
}
