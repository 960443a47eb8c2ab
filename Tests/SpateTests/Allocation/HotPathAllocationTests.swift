import Testing

@testable import Spate

@Suite(.timeLimit(.minutes(2)))
struct HotPathAllocationTests {
  /// Appending, claiming, reading and acknowledging a record allocates nothing. What is allocated is made for a chunk of the
  /// ring, never for one record.
  @Test func aRecordOnTheHotPathAllocatesNothing() throws {
    let scratch = IOScratch()
    let child = try ChildProcess(
      [scratch.path + "/store"],
      executable: ChildProcess.directory + "/HotPathAllocations"
    )
    let lines = child.finish()
    let counts = Dictionary(
      uniqueKeysWithValues: lines.compactMap { line -> (String, Int)? in
        let parts = line.split(separator: ":")
        guard parts.count == 2, let count = Int(parts[1].drop { $0 == " " }) else { return nil }
        return (String(parts[0]), count)
      }
    )
    #expect((counts["control"] ?? 0) >= 2000)
    for name in ["append", "claim", "next in the ring"] {
      #expect((counts[name] ?? .max) < 100, "\(name): \(String(describing: counts[name])) of 2000 records")
    }
    // A build that is not optimized boxes something once an acknowledgement, and no more than that.
    let bound = _isDebugAssertConfiguration() ? 2100 : 100
    #expect((counts["acknowledge"] ?? .max) < bound, "\(String(describing: counts["acknowledge"]))")
  }
}
