@testable import Spate

// A bit that turns over at rest: what is lost is said, and nothing else is lost, and nothing wrong is served.
extension Simulation {
  /// Turns a bit over in a file of some queue that is closed. False when there is none.
  func damage() -> Bool {
    var files: [(path: String, file: SimulatedFile)] = []
    for name in models.keys.sorted() {
      let path = StoreLayout.directory(ofQueue: name)
      guard case .directory(let directory) = disk.node(path) else { continue }
      for (child, node) in directory.names.sorted(by: { $0.key < $1.key }) where child != Format.manifestName
      {
        if case .file(let file) = node, file.byteCount > 0 { files.append((path + "/" + child, file)) }
      }
    }
    guard !files.isEmpty else { return false }
    let (path, file) = files[random.below(files.count)]
    // Mostly where something stands: files are longer than what was written to them.
    let limit = random.chance(70) ? min(file.byteCount, 16 << 10) : file.byteCount
    let offset = random.below(limit)
    file.flip(bit: random.below(8), at: offset)
    damagedPlace = (path, offset)
    note("a bit of \(path) turns over at \(offset)")
    return true
  }

  /// As `recover`, for a queue that may have lost something.
  func recoverDamaged(_ name: String, _ model: QueueModel) throws(SpateError) {
    guard let store else { return }
    let queue = try store.queue(named: name, options: queueOptions)
    guard storage.isAlive else { return }
    let report = queue.recoveryReport
    func expect(_ condition: Bool, _ message: @autoclosure () -> String) {
      if !condition { wrong.append("\(name): \(message()); report \(report.findings)") }
    }
    let end = report.endSequence
    expect(end <= model.end, "the log ends at \(end), and \(model.end) was the next sequence")
    if end < model.durable {
      let isSaid = report.findings.contains { finding in
        switch finding {
        case .tornTail, .damage, .setAside, .unreadableHeader: true
        default: false
        }
      }
      expect(
        isSaid || isStamp(at: report.endPosition, queue),
        "records \(end)..<\(model.durable) are gone and nothing says so"
      )
    }
    var lost = report.damages.map(\.sequences)
    let first = queue.core.firstSequence
    var expected = max(model.first, model.mayEvict ? first : min(first, model.allowedFirst))
    var cursor = try queue.cursor(from: .earliest)
    while storage.isAlive {
      do throws(SpateError) {
        guard let record = try cursor.next() else { break }
        while expected < record.sequence, isExplained(expected, model, lost) { expected += 1 }
        if let found = model.judge(record, expected: expected, first: 0) { return expect(false, found) }
        // An atomic batch that is damaged is lost as a whole, though a part of it can still be read.
        expect(
          !lost.contains { $0.contains(record.sequence) }
            || model[record.sequence].map { $0.batch.count > 1 } == true,
          "record \(record.sequence) was said to be lost"
        )
        expected = record.sequence + 1
      } catch {
        guard error.code == .corrupt, let begin = error.sequence else { return expect(false, "\(error)") }
        lost.append(begin..<max(begin, cursor.sequence))
      }
    }
    while expected < end, isExplained(expected, model, lost) { expected += 1 }
    expect(expected >= end, "reading ends at \(expected), and the log at \(end)")
    for description in queue.namedCursors {
      guard let known = model.cursors[description.name] else { continue }
      let highest = known.pending.reduce(known.highest) { max($0, $1.place) }
      expect(description.acknowledgedSequence <= highest, "cursor \(description.name) skips")
    }
  }

  /// Whether the bit was one of the stamp of the frame at `position`: nothing tells that the last frames of a log were there
  /// when the first of them does not.
  private func isStamp(at position: UInt64, _ queue: Queue) -> Bool {
    guard let last = queue.core.catalog.last, last.path == damagedPlace.path, position >= last.basePosition
    else {
      return false
    }
    let offset = Int(last.fileOffset(of: position))
    return (offset..<offset + 8).contains(damagedPlace.offset)
  }

  /// Whether nobody need see a record: it has none, or it was said to be lost.
  private func isExplained(_ sequence: UInt64, _ model: QueueModel, _ lost: [Range<UInt64>]) -> Bool {
    model[sequence]?.isVisible == false || lost.contains { $0.contains(sequence) }
  }
}
