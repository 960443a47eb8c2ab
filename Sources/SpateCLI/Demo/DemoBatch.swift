/// Records of one producer that became durable together: numbers and sequences both ascend by one.
struct DemoBatch: Equatable, Sendable {
  var producer: UInt64
  var firstNumber: UInt64
  var firstSequence: UInt64
  var count: UInt64
  /// When the records were due, and when they were acknowledged as durable: monotonic ns.
  var due: UInt64
  var acknowledged: UInt64
  /// Whether the producer was still behind the plan since it was started again.
  var isCatchingUp: Bool

  /// How long the acknowledgement took, counted from when the append was due.
  var latencyNanoseconds: UInt64 { acknowledged - min(acknowledged, due) }
  /// The sequence behind the last record.
  var endSequence: UInt64 { firstSequence + count }
}
