import CSpateInterface
import Spate
import Testing

@testable import SpateC

/// Swift's own values fit where the C interface has them.
@Suite struct LayoutTests {
  @Test func aClaimFitsInTheMemoryOfItsCaller() { #expect(ClaimPlace.fitsItsPlace) }

  @Test func recordViewsAreRecordsOfTheInterface() throws {
    #expect(MemoryLayout<RecordView>.size == MemoryLayout<spate_record>.size)
    #expect(MemoryLayout<RecordView>.stride == MemoryLayout<spate_record>.stride)
    #expect(MemoryLayout<RecordView>.alignment == MemoryLayout<spate_record>.alignment)
  }
}
