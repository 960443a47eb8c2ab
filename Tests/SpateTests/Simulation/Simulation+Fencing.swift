@testable import Spate

// Those who replace each other: fencing epochs.
extension Simulation {
  /// Somebody with a newer epoch takes a queue over, or somebody who is out of date tries to.
  func fence(_ open: SimulatedQueue) {
    let model = open.model
    guard !model.isOpaque, queueOptions.quotaByteCount == nil else { return }
    let inForce = open.queue.fencingEpoch
    let isStale = inForce > 0 && random.chance(20)
    let epoch = isStale ? UInt64(random.below(Int(inForce))) : inForce + UInt64(random.below(3))
    note("\(model.name) is to be fenced at \(epoch), \(inForce) is in force")
    if epoch > model.fence { model.askedFences.insert(epoch) }
    do throws(SpateError) {
      let newer = try anyHandle(of: open).fenced(at: epoch)
      guard storage.isAlive, !model.isOpaque else { return }
      if isStale { wrong.append("epoch \(epoch) came into force behind \(inForce)") }
      let marks = open.queue.core.watermarks
      if let last = model.lastSequence(before: epoch), last >= marks.durableSequence {
        wrong.append("epoch \(epoch) is in force, and record \(last) of an older one is not durable")
      }
      if newer.fence != epoch || newer.fencingEpoch < epoch {
        wrong.append("epoch \(epoch) was given, and \(newer.fence) and \(newer.fencingEpoch) are in force")
      }
      model.settleFence(epoch)
      open.replace(with: newer)
      note("\(model.name) fenced at \(epoch)")
    } catch {
      note("fencing \(model.name) at \(epoch): \(error)")
      guard storage.isAlive else { return }
      if open.queue.fencingEpoch < inForce {
        wrong.append("epoch \(inForce) was in force, and \(open.queue.fencingEpoch) is")
      }
      takeOver(open)
    }
  }

  /// Goes on with a handle of the epoch that a call which failed has left in force, or leaves everybody refused.
  private func takeOver(_ open: SimulatedQueue) {
    guard open.queue.isFenced, random.chance(60) else { return }
    do throws(SpateError) {
      guard let newer = try store?.queue(named: open.model.name, options: queueOptions) else { return }
      open.replace(with: newer)
    } catch {
      note("\(open.model.name): \(error)")
    }
  }

  /// Who appends next: mostly the newest, sometimes one who was replaced and has not heard of it.
  func anyHandle(of open: SimulatedQueue) -> Queue {
    guard !open.former.isEmpty, random.chance(15) else { return open.queue }
    return open.former[random.below(open.former.count)]
  }

  /// Who is told that it was replaced has been, and has appended nothing.
  func judgeRefusal(_ error: any Error, of handle: Queue) {
    guard let error = error as? SpateError, error.code == .fenced else { return }
    if !handle.isFenced {
      wrong.append(
        "\(handle.name): a handle of epoch \(handle.fence) was refused, and no newer one is in force"
      )
    }
    if let sequence = error.sequence {
      wrong.append("\(handle.name): an append that was refused has sequence \(sequence)")
    }
  }

  /// After any end of a life the epoch that was given is there, or a newer one that was asked for.
  func recoverFence(
    _ queue: Queue,
    _ model: QueueModel,
    _ expect: (Bool, @autoclosure () -> String) -> Void
  ) {
    let found = queue.fencingEpoch
    expect(
      found == model.fence || found > model.fence && model.askedFences.contains(found),
      "fencing epoch \(found) is in force, not \(model.fence) or one of \(model.askedFences.sorted())"
    )
    model.fence = max(found, model.fence)
    model.askedFences = []
    if queue.fence != found {
      wrong.append("a new handle has epoch \(queue.fence), and \(found) is in force")
    }
  }
}
