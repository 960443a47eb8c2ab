import Testing

@testable import SpateCLI

@Suite struct DemoUnitTests {
  @Test func thePlanGivesEveryRecordOneTickAndOneProducer() {
    let plan = DemoPlan(seconds: 2, calmRate: 333)
    var total: UInt64 = 0
    for producer in 0..<DemoPlan.producerCount {
      var number: UInt64 = 0
      for tick in 0..<plan.tickCount {
        let end = plan.recordCount(of: producer, before: tick + 1)
        #expect(end >= number)
        for record in number..<end { #expect(plan.tick(of: record, producer: producer) == tick) }
        number = end
      }
      total += number
    }
    #expect(total == plan.recordCount)
    #expect(plan.recordCount == 333 * 3 / 2 + 20 * 333 / 2)
  }

  @Test func messagesAreReadAsTheyWereWritten() {
    let batch = DemoBatch(
      producer: 1,
      firstNumber: 2,
      firstSequence: 3,
      count: 4,
      due: 5,
      acknowledged: 6,
      isCatchingUp: true
    )
    let statistics = DemoStatistics(
      ringByteCount: 1,
      memoryBudgetByteCount: 2,
      commitRecordCount: 3,
      commitByteCount: 4,
      syncP50Nanoseconds: 5,
      syncP99Nanoseconds: 6,
      peakMemoryByteCount: 7
    )
    for message in [
      .opened(nanoseconds: 8, durableSequence: 9), .acknowledged(batch), .statistics(statistics),
    ]
      as [DemoMessage]
    {
      #expect(message.words.count * 8 == DemoMessage.byteCount)
      #expect(DemoMessage(words: message.words) == message)
    }
    #expect(DemoMessage(words: [4, 0, 0, 0, 0, 0, 0, 0]) == nil)
    #expect(DemoMessage(words: [2, 2, 0, 0, 0, 0, 0, 0]) == nil)
    #expect(DemoMessage(words: [1]) == nil)
  }

  @Test func latencyPercentilesAreWithinASixteenth() {
    var counts = LatencyCounts()
    #expect(counts.percentile(0.99) == 0)
    for nanoseconds in 1...100_000 { counts.add(UInt64(nanoseconds), count: 1) }
    for share in [0.001, 0.5, 0.9, 0.99, 0.999, 1] {
      let exact = share * 100_000
      let found = Double(counts.percentile(share))
      #expect(found >= exact && found <= exact * 17 / 16)
    }
    for shift in 0..<64 {
      let power = UInt64(1) << UInt64(shift)
      for time: UInt64 in [power, power - 1] {
        let bucket = LatencyCounts.bucket(of: time)
        #expect(LatencyCounts.upperBound(of: bucket) >= time)
        #expect(bucket == 0 || LatencyCounts.upperBound(of: bucket - 1) < time)
      }
    }
  }

  @Test func cardTransactionsDependOnTheirProducerAndNumberAlone() {
    var seen: Set<[UInt8]> = []
    for producer in 0..<DemoPlan.producerCount {
      for number in UInt64(0)..<2000 {
        var first: [UInt8] = []
        CardTransactions().append(producer: producer, number: number, to: &first)
        var second: [UInt8] = [7]
        CardTransactions().append(producer: producer, number: number, to: &second)
        #expect([7] + first == second)
        seen.insert(first)
        if number > 20 { break }
      }
    }
    #expect(seen.count == 44)
  }

  @Test func axesCoverTheirValues() {
    for most in [0.0, 0.7, 1, 3, 999, 400_123] {
      let scale = ChartScale.linear(to: most)
      #expect(scale.ticks.last ?? 0 >= most)
      #expect(scale.share(of: most) <= 1)
      #expect((0...6).contains(scale.ticks.count))
    }
    let scale = ChartScale.logarithmic(from: 250_000, to: 90_000_000)
    #expect(scale.ticks == [1e5, 1e6, 1e7, 1e8])
    #expect(scale.share(of: 1e5) == 0)
    #expect(scale.share(of: 1e8) == 1)
  }
}
