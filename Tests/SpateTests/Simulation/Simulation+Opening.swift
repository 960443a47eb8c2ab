@testable import Spate

// Opening after any end of a life, and asking for everything that was promised.
extension Simulation {
  /// Opens the store and the queues that must be there; the power may go again while that happens.
  func begin(isCalm: Bool = false) throws {
    for attempt in 0... {
      storage = SimulatedStorage(disk)
      if !isCalm, attempt < 3, random.chance(25) { disk.operationsUntilCut = random.below(40) }
      do throws(SpateError) {
        let opened = try Store.open(steppedOn: storage, options: options)
        store = opened
        note("opened")
        try openQueues(of: opened)
      } catch {
        guard !storage.isAlive else {
          throw Failure(seed: seed, step: stepCount, messages: wrong + ["the store does not open: \(error)"])
        }
        note("the power went while opening: \(error)")
        letGo()
        disk.restart()
        try check()
        continue
      }
      try check()
      disk.operationsUntilCut = nil
      return
    }
  }

  private func openQueues(of store: Store) throws(SpateError) {
    let names = try store.queueNames
    for (name, model) in models.sorted(by: { $0.key < $1.key }) {
      if names.contains(name) {
        model.isDropping = false
        guard isThere(name) else { continue }
        if isDamaged { try recoverDamaged(name, model) } else { try recover(name, model) }
      } else if model.mustExist, !model.isDropping {
        wrong.append("queue \(name) is gone")
      } else {
        models[name] = nil
        for other in models.values {
          for cursor in other.cursors.keys { other.cursors[cursor]?.forgetPending(into: name) }
        }
      }
    }
    for open in queues where storage.isAlive { checkCursors(open.queue, open.model) }
    for name in names where models[name] == nil && dropped.contains(name) && isThere(name) {
      wrong.append("queue \(name) came back after it was dropped")
    }
  }

  /// Whether a queue's directory holds a queue: making one may have been cut short.
  private func isThere(_ name: String) -> Bool {
    disk.node(StoreLayout.directory(ofQueue: name) + "/" + Format.manifestName) != nil
  }

  /// Opens a queue, or makes it. What a power cut interrupts is done again after it.
  func openQueue(_ name: String) {
    guard let store else { return }
    // A drop that failed may have given the name free.
    let known = models[name].flatMap { $0.isDropping && !isThere(name) ? nil : $0 }
    let model = known ?? QueueModel(name: name, base: queueOptions.baseSequence)
    models[name] = model
    do throws(SpateError) {
      if known != nil, isThere(name) {
        try recover(name, model)
        if let open = queues.last, open.model === model { checkCursors(open.queue, model) }
        return
      }
      dropped.remove(name)
      let queue = try store.queue(named: name, options: queueOptions)
      guard storage.isAlive else { return }
      if queue.fencingEpoch != 0 { wrong.append("queue \(name) is new, and fenced at \(queue.fencingEpoch)") }
      model.mustExist = true
      adopt(queue, model)
    } catch {
      note("queue \(name): \(error)")
    }
  }

  private func adopt(_ queue: Queue, _ model: QueueModel) {
    let retention = queueOptions.retention
    model.mayEvict = retention.evictsUnacknowledged || retention.maximalByteCount != nil
    model.epoch = queue.epoch
    if model.fence > 0 { note("\(model.name) is fenced at \(model.fence)") }
    queues.append(SimulatedQueue(queue, model))
    note(
      "\(model.name) open: \(queue.core.firstSequence)..<\(queue.recoveryReport.endSequence) epoch \(queue.epoch)"
    )
  }

  /// Opens a queue that was there, and compares what it is with what it must be.
  private func recover(_ name: String, _ model: QueueModel) throws(SpateError) {
    guard let store else { return }
    let queue = try store.queue(named: name, options: queueOptions)
    guard storage.isAlive else { return }
    let report = queue.recoveryReport
    func expect(_ condition: Bool, _ message: @autoclosure () -> String) {
      if !condition { wrong.append("\(name): \(message()); report \(report.findings)") }
    }
    judgeFindings(report, expect)
    let end = report.endSequence
    let isCut = model.truncating == end && end < model.end
    if !isCut {
      expect(end >= model.durable, "records \(end)..<\(model.durable) were durable and are gone")
    }
    expect(end <= model.end, "the log ends at \(end), and \(model.end) was the next sequence")
    expect(model.isBoundary(end), "the log ends inside a batch, at \(end)")
    if end < model.end { model.lostEpoch = max(model.lostEpoch, model.epoch) }
    expect(queue.epoch > model.lostEpoch, "epoch \(queue.epoch) was given to records before that are gone")
    if isCut {
      settleTransactions(into: name, below: .max)
      model.didTruncate(at: end)
    } else {
      model.cut(at: end)
      model.values.removeAll { $0.end > end }
    }
    expect(
      queue.metadata(named: Self.metadataName) == model.values.last?.value,
      "metadata is \(queue.metadata(named: Self.metadataName) ?? []), not \(model.values.last?.value ?? [])"
    )
    recoverFence(queue, model, expect)
    model.truncating = nil
    model.durable = end
    model.written = end
    model.isOpaque = false
    model.mustExist = true
    let first = queue.core.firstSequence
    expect(
      first >= min(model.first, end),
      "the log begins at \(first), and had been trimmed to \(model.first)"
    )
    if !model.mayEvict {
      expect(first <= model.allowedFirst, "trimmed to \(first), and only \(model.allowedFirst) was allowed")
    }
    model.first = max(model.first, first)
    if wrong.isEmpty { try readAll(queue, model, first: first, expect) }
    guard storage.isAlive else { return }
    adopt(queue, model)
  }

  private func judgeFindings(_ report: RecoveryReport, _ expect: (Bool, @autoclosure () -> String) -> Void) {
    for finding in report.findings {
      switch finding {
      case .tornTail, .halfMadeSegment, .missingFooter, .finishedRemoval, .setAside: break
      // A segment that was prepared while the cache was lost: its sync succeeded, and nobody knew yet. It holds nothing.
      case .unreadableHeader where disk.lostWholeCache: break
      default: expect(false, "nothing was damaged, and \(finding) was found")
      }
    }
  }

  private func readAll(
    _ queue: Queue,
    _ model: QueueModel,
    first: UInt64,
    _ expect: (Bool, @autoclosure () -> String) -> Void
  ) throws(SpateError) {
    var cursor = try queue.cursor(from: .earliest)
    var expected = first
    while storage.isAlive, let record = try cursor.next() {
      if let found = model.judge(record, expected: expected, first: first) { return expect(false, found) }
      expected = record.sequence + 1
    }
    while let entry = model[expected], !entry.isVisible { expected += 1 }
    expect(expected == model.end, "reading ends at \(expected), and the log at \(model.end)")
  }

  /// Compares the places of named cursors with what they must be, once all queues are open.
  private func checkCursors(_ queue: Queue, _ model: QueueModel) {
    let first = queue.core.firstSequence
    func expect(_ condition: Bool, _ message: @autoclosure () -> String) {
      if !condition {
        wrong.append("\(model.name): \(message()); report \(queue.recoveryReport.findings)")
      }
    }
    for name in model.cursors.keys {
      for one in model.cursors[name]?.pending ?? [] {
        // Both or neither: the batch decides.
        guard let destination = models[one.destination] else { continue }
        model.cursors[name]?.settlePending(into: one.destination, below: destination.durable)
      }
      model.cursors[name]?.pending = []
    }
    let found = Dictionary(
      uniqueKeysWithValues: queue.namedCursors.map { ($0.name, $0.acknowledgedSequence) }
    )
    for (name, known) in model.cursors.sorted(by: { $0.key < $1.key }) {
      guard let place = found[name] else {
        expect(!known.mustExist, "cursor \(name) is gone")
        model.cursors[name] = nil
        continue
      }
      let bounds = min(known.lowest, model.end)...min(known.highest, model.end)
      expect(bounds.contains(place), "cursor \(name) is at \(place), and must be in \(bounds)")
      if !model.mayEvict {
        expect(
          place >= min(first, known.lowest) || first <= model.forcedFirst,
          "cursor \(name) skips to \(first)"
        )
      }
      model.cursors[name] = CursorModel(at: place)
      model.cursors[name]?.mustExist = true
    }
    for (name, place) in found where model.cursors[name] == nil {
      expect(!model.goneCursors.contains(name), "cursor \(name) came back")
      model.cursors[name] = CursorModel(at: place)
      model.cursors[name]?.mustExist = true
    }
    model.goneCursors.subtract(found.keys)
    model.doubtfulCursors = [:]
    model.allowTrimming()
  }
}
