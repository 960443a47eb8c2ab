import Testing

@testable import SpateCLI

/// The check at the end of the demo can fail: each way in which a log can be wrong is found.
@Suite struct DemoLedgerTests {
  /// A record of the log.
  struct Stored {
    var sequence: UInt64
    var key: [UInt8]
    var payload: [UInt8]
  }

  static let records = DemoRecords.cards(CardTransactions())

  static func stored(_ sequence: UInt64, _ producer: UInt64, _ number: UInt64) -> Stored {
    var key: [UInt8] = []
    DemoKey(producer: producer, number: number).write(to: &key)
    var payload: [UInt8] = []
    records.append(producer: producer, number: number, to: &payload)
    return Stored(sequence: sequence, key: key, payload: payload)
  }

  static func batch(_ producer: UInt64, _ number: UInt64, at sequence: UInt64, count: UInt64) -> DemoBatch {
    DemoBatch(
      producer: producer,
      firstNumber: number,
      firstSequence: sequence,
      count: count,
      due: 1,
      acknowledged: 2,
      isCatchingUp: false
    )
  }

  /// Producer 1's records 0..<4 at sequences 4..<8, noted first, and producer 0's 0..<4 at 0..<4.
  static let batches = [batch(1, 0, at: 4, count: 4), batch(0, 0, at: 0, count: 4)]
  static let log = (0..<4).map { stored($0, 0, $0) } + (0..<4).map { stored(4 + $0, 1, $0) }

  func checked(_ log: [Stored], against batches: [DemoBatch] = Self.batches) -> DemoLedger.Result {
    var ledger = DemoLedger(numberLimit: 100)
    for batch in batches { ledger.note(batch) }
    ledger.beginChecking()
    for record in log {
      unsafe ledger.check(
        sequence: record.sequence,
        key: record.key.span.bytes,
        payload: record.payload.span.bytes,
        records: Self.records
      )
    }
    return ledger.result
  }

  @Test func aLogThatHoldsWhatWasAcknowledgedIsWhole() {
    let result = checked(Self.log)
    #expect(result == DemoLedger.Result(acknowledgedCount: 8, storedCount: 8))
    #expect(result.isWhole)
  }

  @Test(arguments: 0..<8)
  func aRecordThatIsMissingIsFound(index: Int) {
    var log = Self.log
    log.remove(at: index)
    let result = checked(log)
    #expect(result.missingCount == 1)
    #expect(!result.isWhole)
  }

  @Test(arguments: 0..<8)
  func aRecordWithOneChangedBitIsFound(index: Int) {
    for bit in 0..<8 {
      for place in Self.log[index].payload.indices {
        var log = Self.log
        log[index].payload[place] ^= 1 << bit
        let result = checked(log)
        #expect(result.changedCount == 1)
        #expect(result.missingCount == 1)
      }
    }
  }

  @Test func aRecordThatIsLongerOrShorterIsFound() {
    for change in [{ $0.append(0) }, { _ = $0.removeLast() }] as [(inout [UInt8]) -> Void] {
      var log = Self.log
      change(&log[3].payload)
      #expect(checked(log).changedCount == 1)
    }
  }

  @Test func recordsThatChangedTheirPlacesAreFound() {
    var log = Self.log
    (log[1].sequence, log[2].sequence) = (2, 1)
    log.swapAt(1, 2)
    let result = checked(log)
    #expect(result.missingCount == 2)
    #expect(result.duplicateCount == 0)
  }

  @Test func aRecordOfAnotherProducerInTheRightPlaceIsFound() {
    var log = Self.log
    log[2] = Self.stored(2, 1, 2)
    #expect(checked(log).missingCount == 1)
    #expect(checked(log).duplicateCount == 1)
  }

  @Test func aLogThatGoesBackIsFound() {
    let result = checked(Self.log + [Self.log[7]])
    #expect(result.changedCount == 1)
    #expect(result.missingCount == 0)
  }

  @Test func aKeyThatNobodyAppendedIsFound() {
    for key in [[], [0], [7, 0, 0, 0, 0, 0, 0, 0, 0], [0, 255, 0, 0, 0, 0, 0, 0, 0]] as [[UInt8]] {
      var log = Self.log
      log[5].key = key
      #expect(checked(log).changedCount == 1)
      #expect(checked(log).missingCount == 1)
    }
  }

  @Test func whatWasInDoubtMayBeThereTwiceAndIsCounted() {
    // Records 2 and 3 of producer 0 were in the log when it was killed, unacknowledged; then appended again.
    let batches = [Self.batch(0, 0, at: 0, count: 2), Self.batch(0, 2, at: 4, count: 2)]
    let log = [(0, 0), (1, 1), (2, 2), (3, 3), (4, 2), (5, 3)].map { Self.stored($0.0, 0, $0.1) }
    let result = checked(log, against: batches)
    #expect(
      result
        == DemoLedger.Result(acknowledgedCount: 4, duplicateCount: 2, unacknowledgedCount: 2, storedCount: 6)
    )
    #expect(result.isWhole)
  }

  @Test func aRestartGoesOnBehindWhatWasAcknowledged() {
    var ledger = DemoLedger(numberLimit: 100)
    ledger.note(Self.batch(0, 0, at: 0, count: 3))
    ledger.note(Self.batch(1, 0, at: 3, count: 1))
    ledger.note(Self.batch(0, 3, at: 4, count: 2))
    #expect(ledger.nextNumbers == [5, 1])
    // A hole is not jumped over.
    ledger.note(Self.batch(1, 5, at: 9, count: 2))
    #expect(ledger.nextNumbers == [5, 1])
  }
}
