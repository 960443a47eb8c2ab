import Glibc
import Testing

@testable import Spate

@Suite struct CursorDamageTests {
  /// Flips a byte of the file that holds `position`.
  private func flip(_ fixture: CursorFixture, at position: UInt64) throws {
    let segment = try #require(fixture.queue.core.catalog.segment(containing: position))
    let storage = fixture.store.engine.storage
    let file = try storage.open(segment.path, .readWriteBuffered)
    defer { storage.close(file) }
    var byte: UInt8 = 0
    let offset = segment.fileOffset(of: position)
    try unsafe withUnsafeMutableBytes(of: &byte) { _ = try unsafe storage.read(file, into: $0, at: offset) }
    byte ^= 0x10
    try unsafe withUnsafeBytes(of: byte) { try unsafe storage.write(file, $0, at: offset) }
  }

  @Test func damageIsReportedOnceWithTheRecordsThatAreLost() throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<5000)
    try fixture.reopen()
    let middle = fixture.queue.core.watermarks.durablePosition / 2
    try flip(fixture, at: middle)
    for _ in 0..<2 {
      var cursor = try fixture.queue.cursor()
      var read: [UInt64] = []
      var lost: Range<UInt64>?
      var isOver = false
      while !isOver {
        do {
          while let record = try cursor.next() {
            #expect(CursorFixture.bytes(record.payload) == CursorFixture.payload(Int(record.sequence)))
            read.append(record.sequence)
          }
          isOver = true
        } catch {
          #expect(error.code == .corrupt)
          #expect(lost == nil)
          let first = try #require(error.sequence)
          lost = first..<cursor.sequence
        }
      }
      let range = try #require(lost)
      #expect(!range.isEmpty)
      #expect(range.count < 2000)
      #expect(read == (0..<5000).filter { !range.contains($0) })
      #expect(fixture.queue.core.catalog.damages.count == 1)
    }
  }

  @Test func abandonedDamageDoesNotHideRecordsThatWereNotAskedFor() throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<5000)
    try fixture.reopen()
    let middle = fixture.queue.core.watermarks.durablePosition / 2
    try flip(fixture, at: middle)
    var cursor = try fixture.queue.cursor(from: .sequence(4990))
    #expect(try CursorFixture.drain(&cursor) == Array(4990..<5000))
  }

  @Test func aBatchEndsBeforeDamageAndTheNextMoveReportsIt() throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<5000)
    try fixture.reopen()
    try flip(fixture, at: fixture.queue.core.watermarks.durablePosition / 2)
    var cursor = try fixture.queue.cursor()
    let batch = try #require(try cursor.nextBatch(maximalCount: 10_000, byteCount: 1 << 20))
    #expect(sequences(of: batch) == Array(0..<batch.endSequence))
    var code: SpateError.Code?
    do {
      _ = try cursor.nextBatch()
    } catch {
      code = error.code
      #expect(error.sequence == batch.endSequence)
    }
    #expect(code == .corrupt)
    #expect(try CursorFixture.drain(&cursor).last == 4999)
  }

  /// Flips a byte of the record whose payload is that of `number`.
  private func flip(_ fixture: CursorFixture, inRecord number: Int) throws {
    let storage = try SystemStorage(root: fixture.scratch.path, readOnly: true)
    let payload = CursorFixture.payload(number)
    for segment in fixture.queue.core.catalog.segments {
      let bytes = try storage.bytes(of: segment.path)
      let start = stride(from: Int(segment.dataOffset), to: Int(segment.footerOffset) - payload.count, by: 8)
        .first { bytes[$0..<$0 + payload.count].elementsEqual(payload) }
      guard let start else { continue }
      return try flip(fixture, at: segment.basePosition + UInt64(start) - segment.dataOffset + 50)
    }
    throw CursorFixture.Missing()
  }

  /// A queue whose files hold an atomic batch of the records 0 to 2, and 3 to 5 in the same chunk.
  private func fixtureWithBatch() throws -> CursorFixture {
    let fixture = try CursorFixture()
    var batch = RecordBatch()
    for number in 0..<3 { try batch.append(CursorFixture.payload(number)) }
    try fixture.queue.append(batch, level: .published)
    try fixture.append(3..<6)
    try fixture.reopen()
    return fixture
  }

  @Test func aBatchThatWasFoundWholeIsCheckedAnewInOtherBytes() throws {
    let fixture = try fixtureWithBatch()
    var cursor = try fixture.queue.cursor()
    #expect(try cursor.next()?.sequence == 0)
    try flip(fixture, inRecord: 2)
    // The bytes are let go and held anew.
    try cursor.seek(to: .sequence(1))
    var error: SpateError?
    do { _ = try cursor.next() } catch let found { error = found }
    #expect(error?.code == .corrupt)
    #expect(error?.sequence == 1)
  }

  @Test func whatComesBehindABatchThatWasFoundWholeIsChecked() throws {
    let fixture = try fixtureWithBatch()
    try flip(fixture, inRecord: 3)
    var cursor = try fixture.queue.cursor()
    for sequence in 0..<3 as Range<UInt64> { #expect(try cursor.next()?.sequence == sequence) }
    var error: SpateError?
    do { _ = try cursor.next() } catch let found { error = found }
    #expect(error?.code == .corrupt)
    #expect(error?.sequence == 3)
  }

  @Test func aMissingFileIsAnErrorOfThisCursorOnly() throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<5000)
    try fixture.reopen()
    let second = try #require(
      fixture.queue.core.catalog.segment(after: fixture.queue.core.catalog.first?.number ?? 0)
    )
    try fixture.store.engine.storage.remove(second.path)
    var cursor = try fixture.queue.cursor()
    var code: SpateError.Code?
    do { while try cursor.next() != nil {} } catch { code = error.code }
    #expect(code == .notFound)
    try fixture.append(5000..<5100)
    try cursor.seek(to: .sequence(5000))
    #expect(try CursorFixture.drain(&cursor) == Array(5000..<5100))
  }
}
