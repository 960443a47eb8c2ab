import Glibc
import Spate

/// Everything that a store does, at once, until the process or the power ends: queue `a` has producers and is
/// trimmed by hand, queue `b` has a producer, named cursors that acknowledge, and loses what all of them have; one of
/// the cursors moves by transactions to queue `c`.
///
/// Prints what ``Producers``, ``Consumer`` and ``Mover`` print, and `t queue sequence` before a trim.
struct Workload {
  /// The cursors of queue `b`.
  static let cursors = Consumer.names + [Mover.cursor]

  private let arguments: ChildArguments

  init(_ arguments: ChildArguments) { self.arguments = arguments }

  func run() throws(SpateError) {
    let store = try Store.open(at: arguments.path, options: arguments.storeOptions)
    let trimmed = try store.queue(named: "a")
    let consumed = try store.queue(named: "b")
    let destination = try store.queue(named: "c")
    // Before the first record, so that nothing is trimmed that one of them needs.
    for name in Self.cursors { _ = try consumed.cursor(named: name) }
    Output.write("open\n")
    let seed = arguments.number("seed", otherwise: 1)
    for producer in 0..<UInt32(3) {
      let body = Producer(
        queue: producer < 2 ? trimmed : consumed,
        life: arguments.number("life", otherwise: 0),
        producer: producer,
        seed: seed &+ UInt64(producer),
        largestByteCount: 12_000
      )
      startThread { body.run() }
    }
    Consumer.start(on: consumed, seed: seed)
    Mover.start(from: consumed, to: destination, life: arguments.number("life", otherwise: 0))
    try trim(trimmed, seed: seed)
  }

  /// Keeps some hundred records of the queue, more or less.
  private func trim(_ queue: Queue, seed: UInt64) throws(SpateError) {
    var random = SplitMix(state: seed)
    while true {
      usleep(UInt32(random.next() % 30_000))
      let end = queue.durableSequence
      let kept = 300 + random.next() % 900
      guard end > kept else { continue }
      Output.write("t \(queue.name) \(end - kept)\n")
      try queue.trim(before: end - kept)
    }
  }
}
