import Glibc
import Testing

@testable import Spate
@testable import SpateCrashChild

/// The time of day of an owner jumps while it runs, and between two of them.
@Suite(.serialized) struct ClockTests {
  /// How far a process' time of day is moved; it looks at each reading of the clock.
  private final class ClockShift {
    let scratch = IOScratch()
    private let descriptor: Int32

    init() throws {
      descriptor = unsafe open(scratch.path + "/shift", O_CREAT | O_RDWR, 0o666)
      try #require(descriptor >= 0)
      set(seconds: 0)
    }

    deinit { close(descriptor) }

    var environment: [String] {
      ["LD_PRELOAD=\(ClockTests.library)", "SPATE_CLOCK_SHIFT=\(scratch.path)/shift"]
    }

    func set(seconds: Int64) {
      var nanoseconds = seconds * 1_000_000_000
      unsafe pwrite(descriptor, &nanoseconds, 8, 0)
    }
  }

  private static let library = ChildProcess.directory + "/clock-shift.so"

  private static let isBuilt: Bool = {
    let source = "\(#filePath)".split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 } + "/PowerCut/"
    return PowerCutTools.run("cc -O2 -shared -fPIC -o '\(library)' '\(source)clock-shift.c' -ldl")
  }()

  /// Lets the child append, and returns the sequence of the first record that is kept then.
  private func append(_ count: Int, by child: ChildProcess, _ lines: inout [String]) throws -> UInt64 {
    child.tell("\(count)")
    while !child.hasEnded {
      let more = child.takeLines()
      lines += more
      if let end = more.last, end.hasPrefix("end ") { return try #require(UInt64(end.dropFirst(4))) }
      usleep(1_000)
    }
    throw ChildProcess.Failure(errno: 0)
  }

  @Test(.enabled(if: isBuilt, "cc is missing"))
  func aClockThatJumpsLosesNothingAndDropsNothingEarly() throws {
    let scratch = IOScratch()
    let shift = try ClockShift()
    let day: Int64 = 86_400
    var lines: [String] = []
    // Each life of the owner: how far its clock is moved before each of its steps.
    let lives: [[Int64]] = [[0, -day, -2 * day, 600, 0], [-3 * day, 900, -day], [1_200, 0]]
    for (life, steps) in lives.enumerated() {
      let child = try ChildProcess(
        ["steps", "path=\(scratch.path)", "age=3600", "segment=\(16 << 10)", "life=\(life)"],
        environment: shift.environment
      )
      for seconds in steps {
        shift.set(seconds: seconds)
        // Within an hour of the latest time that the clock ever had, nothing may go: several segments a step.
        #expect(try append(20, by: child, &lines) == 0)
        usleep(250_000)
      }
      if life % 2 == 0 { lines += child.finish() } else { lines += child.kill() }
    }
    do {
      let store = try Store.open(at: scratch.path)
      let queue = try store.queue(named: "a")
      #expect(queue.recoveryReport.damages.isEmpty)
      let records = try queue.readAll()
      #expect(records.map(\.sequence) == (0..<200).map { UInt64($0) })
      let known = lines.filter { $0.hasPrefix("a ") }.map { $0.split(separator: " ").map(String.init) }
      #expect(known.map { $0[2] } == records.map { "\(CrashRecord.hash($0.payload))" })
      // Times never go backwards, not from one owner to the next either, and the jumps forward are in them.
      #expect(zip(records, records.dropFirst()).allSatisfy { $0.timestamp <= $1.timestamp })
      let span = records[199].timestamp - records[0].timestamp
      #expect(span >= 1_199 * 1_000_000_000)
      try store.close()
    }
    // Two hours later they are too old, and go.
    let child = try ChildProcess(
      ["steps", "path=\(scratch.path)", "age=3600", "segment=\(16 << 10)", "life=9"],
      environment: shift.environment
    )
    shift.set(seconds: 1_200 + 7_200)
    var first: UInt64 = 0
    for _ in 0..<100 where first == 0 {
      first = try append(10, by: child, &lines)
      usleep(50_000)
    }
    #expect(first > 150)
    _ = child.finish()
  }
}
