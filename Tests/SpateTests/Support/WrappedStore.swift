import Testing

@testable import Spate

extension Store {
  /// Opens a store on a storage that a test puts around the real one, and returns both.
  static func open<Disk: Storage>(
    at path: String,
    options: StoreOptions,
    on wrap: (any Storage) -> Disk
  ) throws -> (store: Store, disk: Disk) {
    var made: Disk?
    let store = try open(at: path, options: options) { real in
      let disk = wrap(real)
      made = disk
      return disk
    }
    return (store, try #require(made))
  }
}
