@testable import Spate

// What changes a queue as a whole, and the mix of all that happens.
extension Simulation {
  /// One thing that somebody does, or one turn of those who work for them.
  func act() {
    guard let open = anyQueue() else { return openSomeQueue() }
    switch random.below(100) {
    case 0..<26: produce(to: open)
    case 26..<29: if queueOptions.quotaByteCount == nil { process(into: open) }
    case 29: if queueOptions.quotaByteCount == nil { fence(open) }
    case 30..<34: settleClaim(of: open)
    case 34..<52: _ = committerTurn()
    case 52..<64: _ = deviceTurn()
    case 64..<70: _ = housekeeperTurn()
    case 70..<79: consume(from: open)
    case 79..<90: consumeByName(from: open)
    case 90..<92: releaseBatch(of: open)
    case 92: world.advance(random.within(1_000_000...400_000_000))
    case 93: world.jump()
    case 94, 95: trim(open)
    case 96: truncate(open)
    case 97: if random.chance(30) { drop(open) } else { fence(open) }
    case 98: openSomeQueue()
    default: settle()
    }
  }

  /// Everybody who works in the background takes turns until nothing moves.
  func settle() {
    for _ in 0..<200 where storage.isAlive {
      if !committerTurn(), !deviceTurn(), !housekeeperTurn() { return }
    }
  }

  private func trim(_ open: SimulatedQueue) {
    let model = open.model
    guard !model.isOpaque, model.end > model.first else { return }
    let sequence = model.first + UInt64(random.below(Int(model.end - model.first) + 1))
    model.allowedFirst = max(model.allowedFirst, sequence)
    model.forcedFirst = max(model.forcedFirst, sequence)
    do throws(SpateError) { try open.queue.trim(before: sequence) } catch { note("trim: \(error)") }
    guard storage.isAlive else { return }
    model.observe(open.queue)
    note("\(model.name) trimmed to \(model.first)")
  }

  func truncate(_ open: SimulatedQueue) {
    let model = open.model
    let durable = open.queue.durableSequence
    guard !model.isOpaque, durable > model.first, open.claims.isEmpty || random.chance(30) else { return }
    let sequence = model.boundary(near: model.first + UInt64(random.below(Int(durable - model.first))))
    guard sequence >= model.first else { return }
    let endBefore = model.end
    model.truncating = sequence
    note("\(model.name) truncates at \(sequence) of \(endBefore)")
    let handle = anyHandle(of: open)
    let isFenced = handle.isFenced
    do throws(SpateError) {
      try handle.truncate(from: sequence)
      guard storage.isAlive else { return }
      if isFenced { wrong.append("a handle of epoch \(handle.fence) truncated behind \(model.fence)") }
      model.truncating = nil
      settleTransactions(into: model.name, below: .max)
      model.didTruncate(at: sequence)
      open.batches.removeAll { batch in
        _ = batch.release()
        return true
      }
      note("\(model.name) truncated, epoch \(open.queue.epoch)")
    } catch {
      note("\(model.name) truncation: \(error)")
      guard storage.isAlive else { return }
      judgeRefusal(error, of: handle)
      // Nothing was begun where the place was refused, or who asked.
      if [.outOfRange, .invalidArgument, .busy, .fenced].contains(error.code) {
        return model.truncating = nil
      }
      model.isOpaque = true
    }
  }

  private func drop(_ open: SimulatedQueue) {
    note("drops \(open.model.name)")
    let model = open.model
    model.observe(open.queue)
    queues.removeAll { $0 === open }
    open.claims.removeAll()
    open.readers.removeAll()
    open.named.removeAll()
    model.isDropping = true
    model.isOpaque = true
    do throws(SpateError) {
      try store?.drop(queueNamed: model.name)
      guard storage.isAlive else { return }
      settleTransactions(into: model.name, below: model.durable)
      for other in models.values {
        for name in other.cursors.keys { other.cursors[name]?.forgetPending(into: model.name) }
      }
      models[model.name] = nil
      dropped.insert(model.name)
      for batch in open.batches { if let found = batch.release() { wrong.append(found) } }
    } catch {
      note("drop: \(error)")
    }
  }

  private func openSomeQueue() {
    let name = "q\(random.below(3))"
    guard !queues.contains(where: { $0.model.name == name }) else { return }
    openQueue(name)
  }
}
