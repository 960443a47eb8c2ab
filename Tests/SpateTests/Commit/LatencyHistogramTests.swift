import Testing

@testable import Spate

@Suite("Commit: the histogram")
struct LatencyHistogramTests {
  @Test("Each bucket holds the times from its power of two to the next")
  func buckets() {
    #expect(LatencyHistogram.bucket(of: 0) == 0)
    #expect(LatencyHistogram.bucket(of: 1) == 0)
    for power in 1..<64 {
      let low = UInt64(1) << UInt64(power)
      #expect(LatencyHistogram.bucket(of: low) == power)
      #expect(LatencyHistogram.bucket(of: low - 1) == power - 1)
    }
    #expect(LatencyHistogram.bucket(of: .max) == 63)
  }

  @Test("A percentile is an upper bound of its share, and shares outside 0...1 are taken for their nearest")
  func percentiles() {
    #expect(LatencyHistogram().percentileNanoseconds(0.5) == 0)
    var counts = [UInt64](repeating: 0, count: 64)
    counts[3] = 90
    counts[10] = 9
    counts[63] = 1
    let histogram = LatencyHistogram(counts: counts)
    #expect(histogram.totalCount == 100)
    #expect(histogram.percentileNanoseconds(0.5) == 16)
    #expect(histogram.percentileNanoseconds(0.9) == 16)
    #expect(histogram.percentileNanoseconds(0.91) == 2048)
    #expect(histogram.percentileNanoseconds(1) == .max)
    #expect(histogram.percentileNanoseconds(7) == .max)
    #expect(histogram.percentileNanoseconds(-1) >= 2)
  }
}
