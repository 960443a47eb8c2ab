/// The end of one operation of a ``SubmissionQueue``.
struct IOCompletion: Sendable, Hashable {
  /// What the submitter named the operation.
  var token: UInt64
  /// 0, or the `errno` that ended it. After an error any part of a write may have reached the file.
  var error: Int32
}
