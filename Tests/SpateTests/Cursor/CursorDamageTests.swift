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
