@testable import Spate

// Those who read and acknowledge.
extension Simulation {
  private static let levels: [DurabilityLevel] = [.durable, .durable, .durable, .written, .published]

  /// Runs what a consumer does. Nothing on its way holds what the housekeeper needs.
  private func consuming(_ body: () throws(SpateError) -> Void) throws(SpateError) {
    actors.append(.reader)
    defer { actors.removeLast() }
    try body()
  }

  /// An anonymous consumer begins, goes on or ends.
  func consume(from open: SimulatedQueue) {
    guard !open.model.isOpaque else { return }
    if open.readers.isEmpty || (open.readers.count < 3 && random.chance(15)) {
      let level = Self.levels[random.below(Self.levels.count)]
      let start: StartPosition = random.chance(70) ? .earliest : .latest
      if let cursor = try? open.queue.cursor(from: start, following: level) {
        open.readers.append(SimulatedReader(cursor, level: level))
      }
      return
    }
    let index = random.below(open.readers.count)
    if random.chance(5) { return _ = open.readers.remove(at: index) }
    read(with: open.readers[index], of: open)
  }

  /// Reads some records, or takes a batch of them.
  func read(with reader: SimulatedReader, of open: SimulatedQueue) {
    guard !open.model.isOpaque else { return }
    do throws(SpateError) {
      var found: String?
      try consuming { () throws(SpateError) in
        if open.batches.count < 3, random.chance(25) {
          found = try reader.take(random.within(1...12), open)
        } else {
          found = try reader.read(random.within(1...30), open)
        }
      }
      note("\(open.model.name) is read to \(reader.expected), following \(reader.level)")
      report(found, of: open)
    } catch {
      judge(error, of: open)
      if error.code == .outOfRange { reader.recover() }
    }
  }

  /// A named consumer is made, opened, goes on, acknowledges, or is removed.
  func consumeByName(from open: SimulatedQueue) {
    guard !open.model.isOpaque else { return }
    let name = "c\(random.below(3))"
    guard let reader = open.named[name] else { return openCursor(name, of: open) }
    do throws(SpateError) {
      switch random.below(12) {
      case 0..<5:
        var found: String?
        try consuming { () throws(SpateError) in found = try reader.read(random.within(1...40), open) }
        report(found, of: open)
      case 5..<8: try acknowledge(name, reader, of: open)
      case 8:
        let memory = open.model.cursors[name]?.memory ?? 0
        try reader.settle()
        guard storage.isAlive else { return }
        open.model.cursors[name]?.settle(memory)
        note("\(open.model.name) \(name) durable at \(memory)")
      case 9: try reset(name, reader, of: open)
      default: open.named[name] = nil
      }
    } catch {
      judge(error, of: open)
      if error.code == .outOfRange { reader.recover() }
    }
  }

  private func acknowledge(_ name: String, _ reader: SimulatedNamedReader, of open: SimulatedQueue)
    throws(SpateError)
  {
    guard reader.expected > (open.model.cursors[name]?.memory ?? 0) else { return }
    try reader.acknowledge(below: reader.expected)
    guard storage.isAlive else { return }
    open.model.cursors[name]?.acknowledge(reader.expected)
    open.model.allowTrimming()
    note("\(open.model.name) \(name) acknowledged \(reader.expected)")
  }

  private func reset(_ name: String, _ reader: SimulatedNamedReader, of open: SimulatedQueue)
    throws(SpateError)
  {
    let first = open.queue.core.firstSequence
    let durable = open.queue.durableSequence
    guard first <= durable, open.model.cursors[name]?.pending.isEmpty == true else { return }
    let sequence = first + UInt64(random.below(Int(durable - first) + 1))
    // What may be found later includes the new place as soon as it is asked for.
    open.model.cursors[name]?.mayMove(to: sequence)
    try reader.reset(to: sequence)
    guard storage.isAlive else { return }
    open.model.cursors[name]?.move(to: sequence)
    open.model.allowTrimming()
    note("\(open.model.name) \(name) reset to \(sequence)")
  }

  private func openCursor(_ name: String, of open: SimulatedQueue) {
    let model = open.model
    if model.cursors[name]?.pending.isEmpty == true, random.chance(15) { return remove(name, of: open) }
    let level = Self.levels[random.below(Self.levels.count)]
    var options = NamedCursorOptions()
    options.level = level
    if random.chance(30) { options.creationLevel = .published }
    let isNew = model.cursors[name]?.isInDoubt ?? true
    do throws(SpateError) {
      let known = isNew ? CursorModel(at: open.queue.core.firstSequence) : nil
      if let known { model.cursors[name] = known }
      if isNew {
        model.cursors[name]?.memory = model.base
        model.cursors[name]?.isInDoubt = true
        allowFormer(name, model)
      }
      let cursor = try open.queue.cursor(named: name, from: .earliest, options: options)
      guard storage.isAlive else { return }
      let place = cursor.acknowledgedSequence
      if isNew {
        model.cursors[name] = CursorModel(at: place)
        model.cursors[name]?.mustExist = options.creationLevel == .durable
        if options.creationLevel == .durable { model.doubtfulCursors[name] = nil }
        allowFormer(name, model)
      } else if open.queue.core.watermarks.failure == nil, let known = model.cursors[name],
        !known.mayStand(at: place), known.pending.isEmpty || cursor.sequence < known.memory
      {
        // An acknowledgement waits behind a transaction that is on its way, in a queue that failed for good; reading goes
        // on behind both.
        wrong.append("cursor \(name) was opened at \(place), not \(model.cursors[name]?.memory ?? 0)")
      }
      note("\(model.name) opens \(name) at \(place)")
      open.named[name] = SimulatedNamedReader(cursor, level: level)
    } catch {
      // It may be there all the same.
      judge(error, of: open)
    }
  }

  /// Neither a removal that failed nor a cursor that was made after it is durable: the one before may be found again.
  private func allowFormer(_ name: String, _ model: QueueModel) {
    guard let former = model.doubtfulCursors[name] else { return }
    model.cursors[name]?.mayMove(to: former.lowerBound)
    model.cursors[name]?.mayMove(to: former.upperBound)
  }

  private func remove(_ name: String, of open: SimulatedQueue) {
    open.model.cursors[name]?.mustExist = false
    do throws(SpateError) {
      try open.queue.removeCursor(named: name)
      guard storage.isAlive else { return }
      open.model.cursors[name] = nil
      open.model.goneCursors.insert(name)
      open.model.allowTrimming()
      note("\(open.model.name) removed \(name)")
    } catch {
      open.model.doubtfulCursors[name] = open.model.cursors[name].map {
        $0.lowest...max($0.lowest, $0.highest)
      }
      open.model.cursors[name] = nil
      open.model.allowTrimming()
      judge(error, of: open)
    }
  }

  /// Gives a batch back that somebody held.
  func releaseBatch(of open: SimulatedQueue) {
    guard !open.batches.isEmpty else { return }
    report(open.batches.remove(at: random.below(open.batches.count)).release(), of: open)
  }

  func report(_ found: String?, of open: SimulatedQueue) {
    guard let found, storage.isAlive, !open.model.isOpaque else { return }
    wrong.append("\(open.model.name): \(found)")
  }

  /// Errors that nothing explains are wrong.
  private func judge(_ error: SpateError, of open: SimulatedQueue) {
    note("\(open.model.name): \(error)")
    guard storage.isAlive, !open.model.isOpaque else { return }
    if error.code == .corrupt { wrong.append("\(open.model.name): \(error)") }
  }
}
