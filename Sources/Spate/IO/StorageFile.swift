/// An open file of a ``Storage``. A plain number: who opens it closes it, with ``Storage/close(_:)``.
///
/// The number is the file descriptor in the real storage; simulated ones give out their own.
struct StorageFile: Hashable, Sendable {
  /// The number.
  let descriptor: Int32
}
