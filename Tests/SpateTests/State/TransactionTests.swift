import Glibc
import Synchronization
import Testing

@testable import Spate

/// Acknowledging in one queue and appending to another in one atomic step.
@Suite struct TransactionTests {
  @Test func aTransactionAppendsAndAcknowledges() throws {
    let fixture = try TransactionFixture()
    let cursor = try fixture.orders.openCursor("billing")
    #expect(try fixture.process(cursor, upTo: 10) == 0..<10)
    #expect(cursor.acknowledgedSequence == 10)
    #expect(try fixture.process(cursor, upTo: 12) == 10..<12)
    let read = try fixture.invoices.readAll()
    #expect(read.map(\.payload) == (0..<12).map { CursorFixture.payload($0) })
    #expect(read.map(\.sequence) == Array(0..<12))
  }

  @Test(arguments: [DurabilityLevel.published, .written, .durable])
  func whatIsDurableSurvivesAKillAsAWhole(level: DurabilityLevel) throws {
    let fixture = try TransactionFixture()
    let cursor = try fixture.orders.openCursor("billing")
    try fixture.process(cursor, upTo: 10)
    let before = try StoreCopy(of: fixture.scratch.path)
    try fixture.process(cursor, upTo: 20, level: level)
    if level != .durable { try fixture.invoices.wait(for: 19) }
    let after = try StoreCopy(of: fixture.scratch.path)
    let states = try [before, after].map { try TransactionFixture.state(of: $0.open(fixture.options)) }
    #expect(states.map(\.acknowledged) == [10, 20])
    #expect(states.map(\.invoices) == [10, 20])
  }

  @Test func aTransactionThatIsNotDurableLeavesNothing() throws {
    let fixture = try TransactionFixture()
    let cursor = try fixture.orders.openCursor("billing")
    try fixture.process(cursor, upTo: 10)
    fixture.disk.stall()
    try fixture.process(cursor, upTo: 20, level: .published)
    // The other queue's log could go to the disk now, and its places could be saved.
    #expect(cursor.acknowledgedSequence == 10)
    try fixture.orders.core.named.save()
    let copy = try StoreCopy(of: fixture.scratch.path)
    fixture.disk.resume()
    let state = try TransactionFixture.state(of: copy.open(fixture.options))
    #expect(state.acknowledged == 10)
    #expect(state.invoices == 10)
    // The slot that was saved meanwhile does not contain it, and does not say so.
    try fixture.invoices.wait(for: 19)
    let durable = try StoreCopy(of: fixture.scratch.path)
    #expect(try TransactionFixture.state(of: durable.open(fixture.options)).acknowledged == 20)
    try fixture.process(cursor, upTo: 30, from: 20)
    #expect(cursor.acknowledgedSequence == 30)
  }

  @Test func aLostSlotCannotUndoATransaction() throws {
    let fixture = try TransactionFixture()
    let cursor = try fixture.orders.openCursor("billing")
    try fixture.process(cursor, upTo: 10)
    let copy = try StoreCopy(of: fixture.scratch.path)
    // The newer slot is torn: the older one may say less, but what the log of the invoices says holds.
    try fixture.process(cursor, upTo: 20)
    try fixture.orders.core.named.save()
    let torn = try StoreCopy(of: fixture.scratch.path)
    let file = "queues/orders/" + Format.cursorsName
    let good = try copy.bytes(of: file)
    try torn.edit(file) { bytes in
      for index in 0..<8192 where bytes[index] != good[index] { bytes[index] = good[index] ^ 0xFF }
    }
    let state = try TransactionFixture.state(of: torn.open(fixture.options))
    #expect(state.acknowledged == 20)
    #expect(state.invoices == 20)
  }

  @Test func theDestinationIsListedBeforeTheFirstTransactionCanBeDurable() throws {
    let fixture = try TransactionFixture()
    let cursor = try fixture.orders.openCursor("billing")
    fixture.disk.onEachStep { step in
      if case .write(let path) = step, path.hasSuffix(Format.cursorsName) { return EIO }
      return 0
    }
    #expect(failure { try fixture.process(cursor, upTo: 10) }?.code != nil)
    #expect(try fixture.invoices.readAll().isEmpty)
    #expect(cursor.acknowledgedSequence == 0)
    fixture.disk.onEachStep(nil)
    try fixture.process(cursor, upTo: 10)
    // What the cursor's own queue wrote since then knows nothing of it.
    let copy = try StoreCopy(of: fixture.scratch.path)
    #expect(try TransactionFixture.state(of: copy.open(fixture.options)).acknowledged == 10)
  }

  @Test func aCursorThatIsOpenedAgainGoesOnBehindItsTransactions() throws {
    let fixture = try TransactionFixture()
    var cursor = try fixture.orders.openCursor("billing")
    try fixture.process(cursor, upTo: 10)
    fixture.disk.stall()
    try fixture.process(cursor, upTo: 30, level: .published)
    _ = consume cursor
    cursor = try fixture.orders.openCursor("billing")
    #expect(cursor.acknowledgedSequence == 10)
    #expect(cursor.sequence == 30)
    // Of two acknowledgements on their way the higher one counts, also for a recovery.
    try fixture.process(cursor, upTo: 20, level: .published)
    fixture.disk.resume()
    try fixture.invoices.wait(for: 39)
    let copy = try StoreCopy(of: fixture.scratch.path)
    #expect(try TransactionFixture.state(of: copy.open(fixture.options)).acknowledged == 30)
  }

  @Test func otherAcknowledgementsWaitBehindTheTransaction() throws {
    let fixture = try TransactionFixture()
    var cursor = try fixture.orders.openCursor("billing")
    try fixture.process(cursor, upTo: 10)
    fixture.disk.stall()
    try fixture.process(cursor, upTo: 20, level: .published)
    try cursor.acknowledge(through: 24)
    _ = consume cursor
    cursor = try fixture.orders.openCursor("billing")
    #expect(cursor.acknowledgedSequence == 10)
    #expect(cursor.sequence == 25)
    try fixture.orders.core.named.save()
    let copy = try StoreCopy(of: fixture.scratch.path)
    fixture.disk.resume()
    try cursor.acknowledge(through: 25, waitingFor: .durable)
    #expect(cursor.acknowledgedSequence == 26)
    let after = try StoreCopy(of: fixture.scratch.path)
    #expect(try TransactionFixture.state(of: copy.open(fixture.options)).acknowledged == 10)
    let state = try TransactionFixture.state(of: after.open(fixture.options))
    #expect(state.acknowledged == 26)
    #expect(state.invoices == 20)
  }

  @Test func noFrameOfTheOwnLogOvertakesATransaction() throws {
    let fixture = try TransactionFixture()
    let cursor = try fixture.orders.openCursor("billing")
    try fixture.process(cursor, upTo: 2)
    fixture.disk.fail([.write], with: ENOSPC, pathsHolding: "invoices")
    try cursor.acknowledge(through: 3)
    try fixture.process(cursor, upTo: 10, from: 4, level: .published)
    // What was acknowledged before would travel with this, as something newer.
    try fixture.orders.append([1])
    fixture.disk.heal()
    try fixture.invoices.wait(for: 7)
    let copy = try StoreCopy(of: fixture.scratch.path)
    #expect(try TransactionFixture.state(of: copy.open(fixture.options)).acknowledged == 10)
  }

  @Test func aCursorMovesWithOneDestinationAtATime() throws {
    let fixture = try TransactionFixture()
    let other = try fixture.store.queue(named: "audit")
    try other.append([1])
    let cursor = try fixture.orders.openCursor("billing")
    try fixture.process(cursor, upTo: 5)
    try fixture.process(cursor, upTo: 6, into: other)
    fixture.disk.fail([.sync], with: ENOSPC, pathsHolding: "invoices")
    fixture.disk.fail([.write], with: ENOSPC, pathsHolding: "invoices")
    try fixture.process(cursor, upTo: 10, level: .published)
    // The records of the first are not durable: the second one may not become so before them.
    var transaction = Transaction()
    try transaction.append([2])
    try transaction.acknowledge(cursor, through: 14)
    let error = failure {
      try other.commitNow(transaction, until: .now + .milliseconds(50))
    }
    #expect(error?.code == .timedOut)
    #expect(try other.readAll().count == 2)
    fixture.disk.heal()
    #expect(try other.commitNow(transaction) == 2..<3)
    #expect(cursor.acknowledgedSequence == 15)
  }

  @Test func severalCursorsAndQueuesMoveTogether() throws {
    let fixture = try TransactionFixture()
    let second = try fixture.store.queue(named: "payments")
    for number in 0..<20 { try second.append(CursorFixture.payload(number), level: .published) }
    let billing = try fixture.orders.openCursor("billing")
    let matching = try second.openCursor("matching")
    var own = try fixture.invoices.openCursor("own")
    try fixture.process(billing, upTo: 3)
    #expect(try own.next()?.sequence == 0)
    var transaction = Transaction()
    try transaction.append([7])
    try transaction.acknowledge(billing, through: 8)
    try transaction.acknowledge(matching, through: 4)
    try transaction.acknowledge(own, through: 1)
    try transaction.setMetadata([1, 2], named: "epoch")
    #expect(try fixture.invoices.commitNow(transaction) == 3..<4)
    let copy = try StoreCopy(of: fixture.scratch.path)
    let store = try copy.open(fixture.options)
    #expect(try store.queue(named: "payments").namedCursors.map(\.acknowledgedSequence) == [5])
    #expect(try TransactionFixture.state(of: store).acknowledged == 9)
    #expect(try store.queue(named: "invoices").namedCursors.map(\.acknowledgedSequence) == [2])
    #expect(try store.queue(named: "invoices").metadata == ["epoch": [1, 2]])
  }

  @Test func theListOfCursorsShowsAPlaceOnceItsTransactionIsDurable() throws {
    let fixture = try TransactionFixture()
    let cursor = try fixture.orders.openCursor("billing")
    func state() throws -> [UInt64] {
      let listed = try #require(fixture.orders.namedCursors.first)
      #expect(listed.name == "billing" && listed.isOpen)
      let lag = try fixture.orders.lag(ofCursorNamed: "billing")
      return [listed.acknowledgedSequence, lag.recordCount]
    }
    try fixture.process(cursor, upTo: 10)
    #expect(try state() == [10, 40])
    fixture.disk.stall()
    try fixture.process(cursor, upTo: 20, level: .published)
    // What is on its way may be taken by a power cut, and an acknowledgement beside it waits.
    #expect(try state() == [10, 40])
    try cursor.acknowledge(through: 24)
    #expect(try state() == [10, 40])
    fixture.disk.resume()
    try fixture.invoices.core.waitForTransactions(until: -1)
    #expect(try state() == [25, 25])
  }

  @Test func aCursorThatIsRemovedBesideItsTransactionStaysGone() throws {
    for takesFrames in [true, false] {
      let fixture = try TransactionFixture()
      do {
        let cursor = try fixture.orders.openCursor("billing")
        try fixture.process(cursor, upTo: 10)
        if !takesFrames {
          fixture.disk.fail([.write], with: EIO, pathsHolding: "orders")
          #expect(failure { try fixture.orders.appendBlocking([1]) } != nil)
        }
        fixture.disk.fail([.write], with: ENOSPC, pathsHolding: "invoices")
        try fixture.process(cursor, upTo: 20, level: .published)
      }
      try fixture.orders.removeCursor(named: "billing")
      #expect(fixture.orders.namedCursors.isEmpty)
      fixture.disk.heal()
      try fixture.invoices.wait(for: 19)
      let copy = try StoreCopy(of: fixture.scratch.path)
      let orders = try copy.open(fixture.options).queue(named: "orders")
      #expect(orders.namedCursors.isEmpty, "takes frames: \(takesFrames)")
    }
  }

  @Test func aTransactionThatArrivesBehindATruncationMovesItsPlaceToTheCut() throws {
    let fixture = try TransactionFixture()
    let cursor = try fixture.orders.openCursor("billing")
    try fixture.process(cursor, upTo: 2)
    fixture.disk.fail([.write], with: ENOSPC, pathsHolding: "invoices")
    try fixture.process(cursor, upTo: 20, level: .published)
    try fixture.orders.truncate(from: 10)
    fixture.disk.heal()
    try fixture.invoices.core.waitForTransactions(until: -1)
    #expect(cursor.acknowledgedSequence == 10)
    // Other records get the sequences that were acknowledged, and are delivered.
    _ = consume cursor
    for number in 10..<15 { try fixture.orders.appendBlocking(CursorFixture.payload(number)) }
    #expect(try fixture.orders.delivered(to: "billing") == Array(10..<15))
    let copy = try StoreCopy(of: fixture.scratch.path)
    #expect(try copy.open(fixture.options).queue(named: "orders").delivered(to: "billing") == Array(10..<15))
  }

  @Test func aSlotListsSomeDestinationsAndForgetsThemBetweenTransactionsOnly() throws {
    let fixture = try TransactionFixture()
    let cursor = try fixture.orders.openCursor("billing")
    let named = try #require(fixture.orders.core.named)
    let place = try named.place(Array("billing".utf8))
    func listed() throws -> [UInt64] {
      try QueueInspectionProbe.cursorFile(of: fixture.scratch.path, queue: "orders").entries
        .flatMap(\.slot.destinations).map(\.low)
    }
    let limit = UInt64(CursorSlot.destinationLimit)
    for number in 0..<limit { try named.list(QueueIdentifier(high: 0, low: number), for: place) }
    #expect(try listed() == Array(0..<limit))
    #expect(try named.reserve(place, for: fixture.invoices.core))
    let error = failure { try named.list(QueueIdentifier(high: 0, low: 999), for: place) }
    #expect(error?.code == .busy)
    // Those that are listed may be used all the time.
    try named.list(QueueIdentifier(high: 0, low: 7), for: place)
    named.giveUp(place)
    try named.list(QueueIdentifier(high: 0, low: 999), for: place)
    #expect(try listed() == [999])
    _ = cursor.sequence
  }

  @Test func aTransactionWithoutRecordsHolds() throws {
    let fixture = try TransactionFixture()
    let cursor = try fixture.orders.openCursor("billing")
    var transaction = Transaction()
    try transaction.acknowledge(cursor, through: 8)
    #expect(try fixture.invoices.commitNow(transaction).isEmpty)
    let copy = try StoreCopy(of: fixture.scratch.path)
    #expect(try TransactionFixture.state(of: copy.open(fixture.options)).acknowledged == 9)
  }

  @Test func acknowledgementsOutliveTheTrimOfTheirFrames() throws {
    let fixture = try TransactionFixture()
    let cursor = try fixture.orders.openCursor("billing")
    try fixture.process(cursor, upTo: 10)
    for number in 0..<300 {
      try fixture.invoices.append(CursorFixture.payload(number, 1000), level: .published)
    }
    try fixture.invoices.wait(for: 309)
    try fixture.invoices.trim(before: 300)
    #expect(fixture.invoices.statistics.firstSequence > 10)
    let copy = try StoreCopy(of: fixture.scratch.path)
    #expect(try TransactionFixture.state(of: copy.open(fixture.options)).acknowledged == 10)
  }

  @Test(arguments: [true, false])
  func acknowledgementsOutliveTheDropOfTheDestination(isOpen: Bool) throws {
    let fixture = try TransactionFixture()
    let cursor = try fixture.orders.openCursor("billing")
    try fixture.process(cursor, upTo: 10)
    let copy = try StoreCopy(of: fixture.scratch.path)
    let store = try copy.open(fixture.options)
    if isOpen {
      _ = try store.queue(named: "orders")
      _ = try store.queue(named: "invoices")
    }
    try store.drop(queueNamed: "invoices")
    let killed = try StoreCopy(of: copy.scratch.path)
    #expect(try TransactionFixture.state(of: killed.open(fixture.options)).acknowledged == 10)
  }

  @Test func droppingTheDestinationFreesPlacesOnTheirWay() throws {
    let fixture = try TransactionFixture()
    let cursor = try fixture.orders.openCursor("billing")
    try fixture.process(cursor, upTo: 10)
    fixture.disk.fail([.write], with: ENOSPC, pathsHolding: "invoices")
    try fixture.process(cursor, upTo: 20, level: .published)
    try cursor.acknowledge(through: 24)
    #expect(cursor.acknowledgedSequence == 10)
    fixture.disk.heal()
    fixture.disk.fail([.write], with: ENOSPC, pathsHolding: "invoices")
    try fixture.store.drop(queueNamed: "invoices")
    try cursor.acknowledge(through: 29, waitingFor: .durable)
    #expect(cursor.acknowledgedSequence == 30)
  }

  @Test func aCleanCloseLeavesNothingToAsk() throws {
    let fixture = try TransactionFixture()
    do {
      let cursor = try fixture.orders.openCursor("billing")
      try fixture.process(cursor, upTo: 10, level: .published)
    }
    try fixture.store.close()
    let copy = try StoreCopy(of: fixture.scratch.path)
    // Without the destination, whatever it held.
    let store = try copy.open(fixture.options)
    #expect(try store.queue(named: "orders").namedCursors.map(\.acknowledgedSequence) == [10])
    let content = try QueueInspectionProbe.cursorFile(of: copy.scratch.path, queue: "orders")
    #expect(content.entries.map(\.slot.destinations) == [[]])
  }

  @Test func aDamagedDestinationIsReportedAndSkipsNothing() throws {
    let fixture = try TransactionFixture()
    let cursor = try fixture.orders.openCursor("billing")
    try fixture.process(cursor, upTo: 10)
    try fixture.orders.core.named.save()
    try fixture.process(cursor, upTo: 20)
    let copy = try StoreCopy(of: fixture.scratch.path)
    for name in try SystemStorage(root: copy.scratch.path, readOnly: true)
      .contents(ofDirectory: "queues/invoices") where Format.segmentNumber(inName: name) != nil
    {
      copy.remove("queues/invoices/" + name)
      _ = unsafe mkdir(copy.scratch.path + "/queues/invoices/" + name, 0o777)
    }
    let queue = try copy.open(fixture.options).queue(named: "orders")
    #expect(queue.recoveryReport.findings.contains(.unreadableDestinations(count: 1)))
    #expect(queue.namedCursors.map(\.acknowledgedSequence) == [10])
  }

  @Test func aDestinationThatComesBackDoesNotUndoWhatWasAcknowledgedMeanwhile() throws {
    let fixture = try TransactionFixture()
    let cursor = try fixture.orders.openCursor("billing")
    try fixture.process(cursor, upTo: 10)
    try fixture.orders.core.named.save()
    // The log of the invoices alone knows of these.
    for end in [20, 30, 40] { try fixture.process(cursor, upTo: UInt64(end)) }
    let copy = try StoreCopy(of: fixture.scratch.path)
    let directory = copy.scratch.path + "/queues/invoices"
    let away = IOScratch()
    let storage = try SystemStorage(root: directory, readOnly: true)
    let names = try storage.contents(ofDirectory: ".").filter { Format.segmentNumber(inName: $0) != nil }
    for name in names {
      #expect(unsafe rename(directory + "/" + name, away.path + "/" + name) == 0)
      #expect(unsafe mkdir(directory + "/" + name, 0o777) == 0)
    }
    do {
      let store = try copy.open(fixture.options)
      let orders = try store.queue(named: "orders")
      #expect(orders.recoveryReport.findings.contains(.unreadableDestinations(count: 1)))
      let again = try orders.openCursor("billing")
      #expect(again.acknowledgedSequence == 10)
      try again.acknowledge(through: 12, waitingFor: .durable)
    }
    let killed = try StoreCopy(of: copy.scratch.path)
    for name in names {
      let path = killed.scratch.path + "/queues/invoices/" + name
      unsafe rmdir(path)
      #expect(PowerCutTools.run("cp '\(away.path)/\(name)' '\(path)'"))
    }
    let orders = try killed.open(fixture.options).queue(named: "orders")
    #expect(!orders.recoveryReport.findings.contains(.unreadableDestinations(count: 1)))
    #expect(orders.namedCursors.map(\.acknowledgedSequence) == [13])
  }

  @Test func aTruncationOfTheDestinationKeepsAcknowledgementsAndMetadata() throws {
    let fixture = try TransactionFixture()
    let cursor = try fixture.orders.openCursor("billing")
    try fixture.process(cursor, upTo: 10)
    var transaction = Transaction()
    try transaction.append([1])
    try transaction.append([2])
    try transaction.acknowledge(cursor, through: 14)
    try transaction.setMetadata([5], named: "state")
    try fixture.invoices.commitNow(transaction)
    // A transaction is a batch: it is cut off as a whole, its state frames included.
    #expect(failure { try fixture.invoices.truncate(from: 11) }?.sequence == 10)
    try fixture.invoices.truncate(from: 10)
    try fixture.invoices.append([3])
    let copy = try StoreCopy(of: fixture.scratch.path)
    let store = try copy.open(fixture.options)
    let state = try TransactionFixture.state(of: store)
    #expect(state.acknowledged == 15)
    #expect(state.invoices == 11)
    #expect(try store.queue(named: "invoices").metadata == ["state": [5]])
    // And new values at places that were given out before are seen.
    try store.queue(named: "invoices").setMetadataNow([6], named: "state")
    let again = try StoreCopy(of: copy.scratch.path)
    #expect(try again.open(fixture.options).queue(named: "invoices").metadata == ["state": [6]])
  }

  @Test func aKillAtAnyStepOfTheWayLeavesBothOrNeither() throws {
    let fixture = try TransactionFixture()
    let images = Images()
    let path = fixture.scratch.path
    fixture.disk.onEachStep { _ in
      images.take(path)
      return 0
    }
    let cursor = try fixture.orders.openCursor("billing")
    try fixture.process(cursor, upTo: 10)
    try fixture.orders.core.named.save()
    try fixture.process(cursor, upTo: 20)
    for number in 0..<200 {
      try fixture.invoices.append(CursorFixture.payload(number, 1000), level: .published)
    }
    try fixture.invoices.wait(for: 219)
    try fixture.invoices.trim(before: 20)
    try fixture.process(cursor, upTo: 30)
    try fixture.store.close()
    fixture.disk.onEachStep(nil)
    let copies = images.all
    #expect(copies.count > 20)
    for copy in copies {
      let store = try copy.open(fixture.options)
      // Whichever is opened first.
      let invoices = try store.queue(named: "invoices")
      let end = invoices.recoveryReport.endSequence
      let acknowledged = try store.queue(named: "orders").namedCursors.first?.acknowledgedSequence ?? 0
      #expect(acknowledged % 10 == 0)
      let expected: ClosedRange<UInt64> =
        switch acknowledged {
        case 0: 0...0
        case 10: 10...10
        case 20: 20...220
        default: 230...230
        }
      #expect(expected.contains(end), "\(acknowledged) acknowledged, the log ends at \(end)")
      try store.close()
    }
  }

  @Test func refusedTransactionsChangeNothing() throws {
    let fixture = try TransactionFixture()
    let cursor = try fixture.orders.openCursor("billing")
    var transaction = Transaction()
    #expect(failure { try fixture.invoices.commitNow(transaction) }?.code == .invalidArgument)
    try transaction.append([1])
    try transaction.acknowledge(cursor, through: 1000)
    #expect(failure { try fixture.invoices.commitNow(transaction) }?.code == .outOfRange)
    transaction.removeAll()
    let other = try TransactionFixture(orderCount: 5)
    let foreign = try other.orders.openCursor("billing")
    try transaction.acknowledge(foreign, through: 1)
    #expect(failure { try fixture.invoices.commitNow(transaction) }?.code == .invalidArgument)
    #expect(fixture.invoices.core.ring.claimedEnd.sequence == 0)
    #expect(cursor.acknowledgedSequence == 0)
    try cursor.acknowledge(through: 3, waitingFor: .durable)
  }

  @Test func asynchronousCommitsMoveThePlace() async throws {
    let fixture = try TransactionFixture()
    let cursor = try await fixture.orders.cursor(named: "billing")
    var transaction = Transaction()
    try transaction.append([1])
    try transaction.acknowledge(cursor, through: 6)
    let sequences = try await fixture.invoices.commit(transaction)
    #expect(sequences == 0..<1)
    #expect(cursor.acknowledgedSequence == 7)
  }

  @Test func aProcessorChainDeliversEachRecordOnceOverKills() throws {
    var copies: [StoreCopy] = []
    let fixture = try TransactionFixture(orderCount: 200)
    var path = fixture.scratch.path
    for life in 0..<8 {
      let copy = try StoreCopy(of: path)
      copies.append(copy)
      path = copy.scratch.path
      let store = try copy.open(fixture.options)
      let orders = try store.queue(named: "orders")
      let invoices = try store.queue(named: "invoices")
      var cursor = try orders.openCursor("billing")
      for round in 0..<3 {
        guard let batch = try cursor.nextBatch(maximalCount: 7) else { break }
        var transaction = Transaction()
        try batch.forEach { record throws(SpateError) in try transaction.append(record.payload) }
        try transaction.acknowledge(batch)
        batch.release()
        try invoices.commitNow(transaction, level: round == life % 3 ? .durable : .published)
      }
      // The copy is taken while the last of them may be on its way.
      let killed = try StoreCopy(of: path)
      copies.append(killed)
      path = killed.scratch.path
    }
    let last = try StoreCopy(of: path)
    let store = try last.open(fixture.options)
    let state = try TransactionFixture.state(of: store)
    #expect(state.acknowledged.map(Int.init) == state.invoices)
    let read = try store.queue(named: "invoices").readAll()
    #expect(read.map(\.payload) == (0..<state.invoices).map { CursorFixture.payload($0) })
  }
}

/// Copies of a store, taken by any thread.
private final class Images: @unchecked Sendable {
  // SAFETY: touched under the lock only.
  private let lock = Mutex<Void>(())
  private var copies: [StoreCopy] = []

  var all: [StoreCopy] { lock.withLock { _ in copies } }

  func take(_ path: String) {
    guard let copy = try? StoreCopy(of: path) else { return }
    lock.withLock { _ in copies.append(copy) }
  }
}

/// What the files of a queue hold.
enum QueueInspectionProbe {
  static func cursorFile(of path: String, queue: String) throws -> CursorFileContent {
    let storage = try SystemStorage(root: path, readOnly: true)
    let directory = "queues/" + queue
    let manifest = try QueueManifest.load(from: storage, directory: directory)
    return try CursorFileContent.load(
      from: storage,
      directory: directory,
      queueIdentifier: manifest.queueIdentifier,
      isExpected: true
    )
  }
}
