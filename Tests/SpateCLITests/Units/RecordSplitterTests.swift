import Glibc
import Testing

@testable import SpateCLI

/// Whatever the pieces in which input arrives, the records are the same.
@Suite struct RecordSplitterTests {
  private func records(_ input: [UInt8], _ delimiter: RecordDelimiter, pieces: Int) throws -> [[UInt8]] {
    var ends: [Int32] = [0, 0]
    #expect(unsafe pipe(&ends) == 0)
    let output = ends[1]
    let feeder = TestThread {
      var rest = input[...]
      while !rest.isEmpty {
        let piece = Array(rest.prefix(pieces))
        unsafe piece.withUnsafeBytes { _ = unsafe write(output, $0.baseAddress, $0.count) }
        rest = rest.dropFirst(pieces)
        // Lets the reader see the piece by itself, most of the time.
        usleep(20)
      }
      close(output)
    }
    defer {
      feeder.join()
      close(ends[0])
    }
    let reader = RecordBlockReader(
      descriptor: ends[0],
      path: "test",
      delimiter: delimiter,
      maximalRecordByteCount: 1 << 20
    )
    let block = RecordBlock(capacity: 64)
    var all: [[UInt8]] = []
    while try reader.fill(block) {
      var splitter = unsafe RecordSplitter(block.bytes, delimiter: delimiter)
      while let record = unsafe splitter.next() { all.append(unsafe Array(record)) }
    }
    return all
  }

  @Test(arguments: [1, 3, 7, 1000])
  func recordsAreTheSameInWhateverPiecesTheyArrive(pieces: Int) throws {
    let text = "\none\ntwo and more\n\nthree"
    let expected = ["", "one", "two and more", "", "three"].map { Array($0.utf8) }
    #expect(try records(Array(text.utf8), .newline, pieces: pieces) == expected)
    #expect(try records(Array((text + "\n").utf8), .newline, pieces: pieces) == expected)
    let zeros = Array(text.utf8).map { $0 == 10 ? 0 : $0 }
    #expect(try records(zeros, .nul, pieces: pieces) == expected)
    let prefixed: [UInt8] = expected.flatMap { record -> [UInt8] in [0, 0, 0, UInt8(record.count)] + record }
    #expect(try records(prefixed, .lengthPrefixed, pieces: pieces) == expected)
  }

  @Test func aLengthThatIsTooLargeIsRefusedAtOnce() {
    #expect(throws: CommandFailure.self) { try records([255, 255, 255, 255, 1], .lengthPrefixed, pieces: 5) }
  }
}
