import Foundation

/// What `spate bench --json` prints.
struct BenchDocument: Decodable {
  struct Spread: Decodable {
    var median: Double
    var minimum: Double
    var maximum: Double
    var name: String?
  }
  struct Cost: Decodable {
    var records: Int
    var payloadBytes: Int
    var cpuSecondsPerGigabyte: Double?
    var peakMemoryBytes: Int
    var deviceBytesPerPayloadByte: Double?
    var commits: Int?
    var meanBatch: Double?
  }
  struct Row: Decodable {
    struct Detail: Decodable {
      var name: String
      var value: Double
      var unit: String
    }
    var section: String
    var scenario: String
    var measure: String
    var unit: String
    var better: String
    var measured: Spread
    var values: [Double]
    var limit: Spread?
    var ratio: Spread?
    var target: String?
    var isReached: Bool?
    var isNoisy: Bool
    var cost: Cost?
    var details: [Detail]
  }
  struct Curve: Decodable {
    struct Point: Decodable {
      var percentile: Double
      var microseconds: Double
    }
    var name: String
    var points: [Point]
  }
  struct Sample: Decodable {
    var seconds: Double
    var offeredPerSecond: Double
    var durablePerSecond: Double
    var p50Microseconds: Double?
    var p99Microseconds: Double?
  }
  struct Machine: Decodable {
    var kernel: String
    var processor: String
    var processorCount: Int
    var memoryBytes: Int
    var fileSystem: String
    var device: String
    var io: String
    var date: String
  }

  var spate: String
  var machine: Machine
  var rounds: Int
  var roundSeconds: Double
  var seconds: Double
  var rows: [Row]
  var curves: [Curve]
  var spike: [Sample]
  var warnings: [String]
  var failures: [String]

  init(_ output: [UInt8]) throws {
    self = try JSONDecoder().decode(BenchDocument.self, from: Data(output))
  }
}
