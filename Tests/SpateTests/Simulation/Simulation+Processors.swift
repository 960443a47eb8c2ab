@testable import Spate

// Those who read one queue and write to another in one atomic step, and those who set metadata.
extension Simulation {
  /// The one value of metadata that every queue of a simulation has.
  static let metadataName = "value"

  /// A transaction of some kind: records, and with them an acknowledgement in some queue, a value, or both.
  func process(into open: SimulatedQueue) {
    let model = open.model
    guard !model.isOpaque else { return }
    var transaction = Transaction()
    let records = (0..<random.within(1...3)).map { _ in nextRecord() }
    var moved: (source: SimulatedQueue, name: String, place: UInt64)?
    var value: [UInt8]?
    do throws(SpateError) {
      for record in records { try transaction.append(record.payload) }
      if random.chance(75), let source = anyQueue(), !source.model.isOpaque,
        let (name, reader) = source.named.sorted(by: { $0.key < $1.key }).first(where: { !$0.value.isBusy }),
        reader.expected > source.model.cursors[name]?.memory ?? .max
      {
        try reader.acknowledge(below: reader.expected, in: &transaction)
        moved = (source, name, reader.expected)
      }
      if moved == nil || random.chance(30) {
        value = unsafe withUnsafeBytes(of: identity, Array.init)
        try transaction.setMetadata(value ?? [], named: Self.metadataName)
      }
      let level: DurabilityLevel = random.chance(50) ? .durable : .published
      commit(transaction, records, moved, value, level, to: open)
    } catch {
      note("transaction to \(model.name): \(error)")
    }
  }

  /// Commits at `published` first: whatever the others do while this waits, the model knows of it.
  private func commit(
    _ transaction: borrowing Transaction,
    _ records: [SimulatedRecord],
    _ moved: (source: SimulatedQueue, name: String, place: UInt64)?,
    _ value: [UInt8]?,
    _ level: DurabilityLevel,
    to open: SimulatedQueue
  ) {
    let model = open.model
    let handle = anyHandle(of: open)
    let isFenced = handle.isFenced
    do throws(SpateError) {
      let sequences = try handle.commit(transaction, level: .published)
      guard storage.isAlive, !model.isOpaque else { return }
      took(records, at: sequences.lowerBound, open, by: handle, isFenced: isFenced)
      if let value { model.values.append((sequences.upperBound, value)) }
      if let moved {
        let pending = CursorModel.Pending(
          destination: model.name,
          end: sequences.upperBound,
          place: moved.place
        )
        moved.source.model.cursors[moved.name]?.pending.append(pending)
        moved.source.model.allowTrimming()
        note(
          "\(moved.source.model.name) \(moved.name) moves to \(moved.place) with \(model.name) \(sequences)"
        )
      }
      guard level == .durable, let last = sequences.last else { return }
      try open.queue.wait(for: last, level: .durable)
      open.queue.core.state.settle()
    } catch {
      note("transaction to \(model.name): \(error)")
      // Room was waited for while nothing was committed, or the queue failed, or somebody newer owns the log.
      judgeRefusal(error, of: handle)
    }
  }

  /// Whatever was committed to a queue and is durable holds from now on.
  func settleTransactions(into destination: String, below durable: UInt64) {
    for model in models.values.sorted(by: { $0.name < $1.name }) {
      for name in model.cursors.keys { model.cursors[name]?.settlePending(into: destination, below: durable) }
    }
  }
}
