import CSpateInterface
import Spate
import Testing

@testable import SpateC

/// Swift's own values fit where the C interface has them.
@Suite struct LayoutTests {
  @Test func aClaimFitsInTheMemoryOfItsCaller() { #expect(ClaimPlace.fitsItsPlace) }

  @Test func recordViewsAreRecordsOfTheInterface() {
    // Read outside of the expectations: `spate_record` is unsafe, and their expansions say nothing of it.
    let record = unsafe [
      MemoryLayout<spate_record>.size, MemoryLayout<spate_record>.stride,
      MemoryLayout<spate_record>.alignment,
    ]
    let view = [
      MemoryLayout<RecordView>.size, MemoryLayout<RecordView>.stride, MemoryLayout<RecordView>.alignment,
    ]
    #expect(view == record)
  }
}
