/// Whether segment files bypass the page cache. Chosen by probing unless the caller fixes it.
public enum FileMode: Sendable, Hashable {
  /// `O_DIRECT`: whole aligned blocks go straight to the device.
  case direct
  /// Through the page cache: works on every file system.
  case buffered
}

extension FileMode: CustomStringConvertible {
  /// The mode's name in prose.
  public var description: String {
    switch self {
    case .direct: "direct"
    case .buffered: "buffered"
    }
  }
}
