import Spate

/// A processor: acknowledges records of one queue, appends what it made of them to another and notes in its metadata
/// what it did, in one transaction each time.
///
/// Prints `d moving first end` before a transaction, and `a moving end` and the record as ``Producers`` do after it.
enum Mover {
  static let cursor = "moving"
  static let note = "last"

  /// What the metadata says after a transaction: its record, and the place of its cursor.
  static func note(life: UInt64, number: UInt64, end: UInt64) -> [UInt8] {
    Array("\(life) \(number) \(end)".utf8)
  }

  static func start(from source: Queue, to destination: Queue, life: UInt64) {
    startThread {
      do throws(SpateError) {
        try move(from: source, to: destination, life: life)
      } catch {
        Output.fail("\(error)")
      }
    }
  }

  private static func move(from source: Queue, to destination: Queue, life: UInt64) throws(SpateError) {
    var cursor = try source.cursor(named: cursor)
    var number: UInt64 = 0
    while true {
      guard let batch = try cursor.nextBatch(maximalCount: Int(1 + number % 30), until: nil) else { continue }
      number += 1
      Output.write("d \(cursor.name) \(batch.firstSequence) \(batch.endSequence)\n")
      let payload = CrashRecord.payload(life: life, producer: 9, number: number, byteCount: 64)
      var transaction = Transaction()
      try transaction.append(payload)
      try transaction.acknowledge(batch)
      try transaction.setMetadata(note(life: life, number: number, end: batch.endSequence), named: note)
      let sequences = try destination.commit(transaction)
      let record = "\(destination.name) \(sequences.lowerBound) \(CrashRecord.hash(payload)) durable\n"
      Output.write("a \(cursor.name) \(batch.endSequence)\n" + record)
    }
  }
}
