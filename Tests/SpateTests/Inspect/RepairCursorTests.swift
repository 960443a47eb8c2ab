import Testing

@testable import Spate

/// Places of named cursors: shown, checked, and cleared when they cannot be read.
@Suite struct RepairCursorTests {

  private func makeCursor() throws -> StoreFixture {
    let fixture = try StoreFixture()
    for number in 0..<10 { _ = try fixture.queue.appendBlocking(CursorFixture.payload(number, 20)) }
    var cursor = try fixture.queue.cursor(named: "billing")
    for _ in 0..<4 { _ = try cursor.next()?.sequence }
    try cursor.acknowledge(through: 3)
    _ = consume cursor
    try fixture.store.close()
    return fixture
  }

  @Test func namedCursorsAreShownWithTheirPlaceAndLag() throws {
    let fixture = try makeCursor()
    let queue = try StoreInspector(path: fixture.scratch.path).queue(named: "events")
    #expect(queue.cursors == [.init(name: "billing", acknowledgedSequence: 4)])
    #expect(queue.lag(of: try #require(queue.cursors.first)) == 6)
  }

  @Test func placesThatCannotBeReadAreSetAsideAndCleared() throws {
    let fixture = try makeCursor()
    let storage = try SystemStorage(root: fixture.scratch.path)
    let name = "queues/events/" + Format.cursorsName
    let file = try storage.open(name, .readWriteBuffered)
    let garbage = [UInt8](repeating: 0xEE, count: 2 * CursorSlot.byteCount)
    try unsafe garbage.span.bytes.withUnsafeBytes { bytes throws(SpateError) in
      try unsafe storage.write(file, bytes, at: 0)
    }
    storage.close(file)
    let found = try Store.verify(at: fixture.scratch.path)
    #expect(found.findings.map(\.kind) == [.cursorPlaces])
    let repair = try Store.repair(at: fixture.scratch.path)
    #expect(repair.actions.map(\.kind) == [.clearedCursorPlaces])
    #expect(repair.losses.isEmpty)
    #expect(repair.verification.findings.isEmpty)
    let aside = try #require(repair.actions.first?.asidePath)
    #expect(try storage.kind(of: aside) == .file)
  }

  @Test func aFileOfPlacesThatIsGoneIsMadeAnew() throws {
    let fixture = try makeCursor()
    let storage = try SystemStorage(root: fixture.scratch.path)
    try storage.remove("queues/events/" + Format.cursorsName)
    #expect(try Store.verify(at: fixture.scratch.path).findings.map(\.kind) == [.cursorPlaces])
    #expect(try Store.repair(at: fixture.scratch.path).verification.findings.isEmpty)
    try fixture.reopen()
    #expect(try fixture.queue.readAll().count == 10)
    _ = try fixture.queue.cursor(named: "billing").name
  }
}
