import Foundation
import Glibc
import Testing

@testable import SpateCLI

@Suite(.serialized, .timeLimit(.minutes(3)))
struct DemoCommandTests {
  let scratch = Scratch()

  /// What `--json` prints, as far as it is asked for here.
  struct Facts: Decodable {
    struct Records: Decodable {
      var acknowledged: Int
      var stored: Int
      var missing: Int
      var changed: Int
      var duplicates: Int
      var unacknowledged: Int
    }
    struct Latency: Decodable {
      var records: Int
      var p50: Int
      var p99: Int
      var p999: Int
      var max: Int
    }
    struct Restart: Decodable {
      var killedAfter: Int
      var durableAgainAfter: Int
      var opening: Int
      var processes: [Int]
    }
    struct Consumer: Decodable {
      var name: String
      var read: Int
      var skipped: Int
      var lag: Int
      var failure: String?
    }
    var records: Records
    var latency: [String: Latency]
    var restart: Restart
    var consumers: [Consumer]
    var peakMemoryBytes: Int
    var isWhole: Bool
  }

  @Test func theDemoKillsItsStoreAndLosesNothingThatWasAcknowledged() throws {
    let output = CLI.expect(
      "demo",
      "--seconds",
      "6",
      "--rate",
      "1000",
      "--json",
      "--plot",
      scratch("spike.svg"),
      "--directory",
      scratch.path
    )
    let facts = try JSONDecoder().decode(Facts.self, from: Data(output))
    let plan = DemoPlan(seconds: 6, calmRate: 1000)
    #expect(facts.isWhole)
    #expect(facts.records.missing == 0)
    #expect(facts.records.changed == 0)
    // Everything that was due was acknowledged once, and what is twice in the log was in doubt.
    #expect(facts.records.acknowledged == Int(plan.recordCount))
    #expect(facts.records.stored == facts.records.acknowledged + facts.records.unacknowledged)
    #expect(facts.records.duplicates == facts.records.unacknowledged)
    #expect(Set(facts.restart.processes).count == 2)
    #expect(facts.restart.killedAfter >= Int(plan.kill))
    #expect(facts.restart.durableAgainAfter > facts.restart.killedAfter)
    #expect(Set(facts.latency.keys) == ["calm", "spike", "spikeWithoutRestart"])
    #expect(facts.latency["calm"].map { $0.p50 <= $0.p99 && $0.p99 <= $0.p999 && $0.p999 <= $0.max } == true)
    #expect(
      (facts.latency["calm"]?.records ?? 0) + (facts.latency["spike"]?.records ?? 0) == Int(plan.recordCount)
    )
    #expect(facts.consumers.map(\.name) == ["fast", "slow", "away and back"])
    #expect(
      facts.consumers.allSatisfy {
        $0.skipped == 0 && $0.failure == nil && $0.read + $0.lag == facts.records.stored
      }
    )
    #expect(facts.peakMemoryBytes > 1 << 20)
    let picture = try XMLDocument(Files.read(scratch("spike.svg")))
    #expect(picture.elements.first == "svg")
    #expect(picture.elements.filter { $0 == "path" }.count >= 7)
    // The store is gone, and nothing else was left.
    #expect(Files.names(in: scratch.path) == ["spike.svg"])
  }

  @Test func theDemoFailsWhenTheDiskLosesWhatWasAcknowledged() throws {
    let child = CLI.start("demo", "--seconds", "4", "--rate", "2000", "--directory", scratch.path)
    #expect(child.waitForLines(3).count == 3)
    let temporary = try #require(Files.names(in: scratch.path).first)
    let queue = scratch(temporary + "/store/queues/transactions/")
    let segment = try #require(Files.names(in: queue).first { $0.hasSuffix(".segment") })
    // In place: the file is mapped by readers.
    let descriptor = unsafe open(queue + segment, O_WRONLY | O_CLOEXEC)
    #expect(unsafe pwrite(descriptor, [UInt8](repeating: 0xA5, count: 64), 64, 16 << 10) == 64)
    close(descriptor)
    let result = child.finish()
    #expect(result.status == .exited(1))
    #expect(result.error.contains("the log does not hold what was acknowledged"))
    #expect(result.text.contains("missing     "))
    #expect(!result.text.contains("missing     0\n"))
    #expect(Files.names(in: scratch.path) == [])
  }

  @Test func theDemoReplaysTheLinesOfAFile() throws {
    let file = scratch.file("lines", Array("one\n\nthree\nthe last has no end".utf8))
    let output = CLI.expect(
      "demo",
      "--seconds",
      "2",
      "--rate",
      "100",
      "--json",
      "--input",
      file,
      "--directory",
      scratch.path
    )
    let facts = try JSONDecoder().decode(Facts.self, from: Data(output))
    #expect(facts.isWhole)
    #expect(facts.records.acknowledged == Int(DemoPlan(seconds: 2, calmRate: 100).recordCount))
  }

  @Test func theDemoPrintsLinesIntoAPipe() {
    let result = CLI.run("demo", "--seconds", "2", "--rate", "100", "--directory", scratch.path)
    #expect(result.status == .exited(0))
    #expect(result.error == "")
    #expect(!result.text.contains("\u{1B}"))
    #expect(result.lines.first?.contains("calm  offered") == true)
    #expect(result.text.contains("killed with SIGKILL"))
    #expect(result.text.contains("  missing     0\n"))
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func aSignalEndsTheDemoAndItsChildAndLeavesNothing(signal: Int32) {
    let child = CLI.start("demo", "--rate", "100", "--directory", scratch.path)
    #expect(child.waitForLines(1).count == 1)
    let producers = Processes.children(of: child.identifier)
    #expect(producers.count == 1)
    child.kill(signal)
    let result = child.finish()
    #expect(result.status == .killed(signal))
    #expect(result.error == "")
    #expect(Files.names(in: scratch.path) == [])
    for producer in producers { #expect(kill(producer, 0) != 0) }
  }

  @Test func theDemoSaysWhatItCannotDo() {
    let missing = CLI.run("demo", "--input", scratch("missing"))
    #expect(missing.status == .exited(1))
    #expect(missing.error.contains("could not open the file"))
    let empty = CLI.run("demo", "--input", scratch.file("empty", []))
    #expect(empty.error.contains("there is no line to replay"))
    let nowhere = CLI.run("demo", "--directory", scratch("nowhere"))
    #expect(nowhere.status == .exited(1))
    let huge = CLI.run("demo", "--seconds", "3600", "--rate", "10000000", "--directory", scratch.path)
    #expect(huge.status == .exited(1))
    #expect(huge.error.contains("are free"))
    #expect(Files.names(in: scratch.path) == ["empty"])
  }
}
