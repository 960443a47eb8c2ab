/// What a repair of a store did, and what is lost.
///
/// Made by ``Store/repair(at:queue:progress:)``. A plain value.
public struct StoreRepair: Sendable {
  /// One thing that was done.
  public struct Action: Sendable, Hashable {
    /// What was done. New cases can be added: switch with a default.
    public enum Kind: String, Sendable, Hashable {
      /// A manifest was written anew.
      case rewroteManifest
      /// A segment's header was written anew, from what its records say.
      case rewroteHeader
      /// A segment's footer was written anew.
      case rewroteFooter
      /// Bytes that are no frames were copied to `aside/`, and frames that readers pass over were written in
      /// their place.
      case filledRange
      /// A segment file without records was made for a part of the log whose file is gone.
      case filledSegment
      /// Places of named cursors that cannot be read were copied to `aside/` and cleared: those cursors go on where
      /// the log says, or begin at the earliest record.
      case clearedCursorPlaces
      /// A file that cannot be used was moved to `aside/`.
      case setAside
    }

    /// What was done.
    public var kind: Kind
    /// The queue; nil for the store itself.
    public var queue: String?
    /// The file, relative to the store's directory.
    public var path: String
    /// Where the bytes are now that were there before; nil when there were none.
    public var asidePath: String?
    /// The bytes of the file that were written, where it was not all of it.
    public var fileOffsets: Range<UInt64>?
    /// The records that were lost there.
    public var sequences: Range<UInt64>?
  }

  /// A range of records of a queue that is lost for good.
  public struct Loss: Sendable, Hashable {
    /// The queue.
    public var queue: String
    /// The records. Readers pass over them from here on.
    public var sequences: Range<UInt64>
  }

  /// What was done, in order.
  public internal(set) var actions: [Action] = []
  /// What is lost, in order.
  public internal(set) var losses: [Loss] = []
  /// What the store looks like now, by another check of everything.
  public internal(set) var verification = StoreVerification()

  /// Whether there was nothing to do.
  public var wasSound: Bool { actions.isEmpty && losses.isEmpty && verification.isSound }
}

extension Store {
  /// Mends what is damaged in a store that nobody has open, so that it can be opened and every record that is
  /// left can be read. Blocks for as long as reading everything twice takes.
  ///
  /// What an open does is done first: files that cannot be placed are moved to the queue's `aside/`. Then each
  /// range of a segment that readers pass over is looked at closely: whole records in it are kept where they
  /// are, the bytes that are lost are copied to `aside/`, and frames that readers pass over are written in their
  /// place, one for each lost sequence. Headers, footers and manifests that do not match their checksums are
  /// written anew from what the records say. Nothing that cannot be read is deleted.
  ///
  /// A repair that ends early, even by a power cut, leaves nothing worse than it was; run it again.
  ///
  /// - Parameters:
  ///   - path: the store.
  ///   - queue: the only queue to mend; nil mends all.
  ///   - progress: called from time to time with the bytes of logs that were read.
  /// - Throws: `locked` when somebody owns the store; `notFound`, `wrongKind`, `permissionDenied`,
  ///   `unsupportedFormat`; `diskFull` when there is no room for what is set aside; and what the disk says.
  public static func repair(
    at path: String,
    queue: String? = nil,
    progress: (UInt64) -> Void = { _ in }
  ) throws(SpateError) -> StoreRepair {
    if let queue { try StoreLayout.validate(queueName: queue) }
    let isDamaged = try StoreLayout.damage(of: path) != nil
    let storage = try SystemStorage(root: path)
    let lock = try StoreLock.acquire(of: path, storage: storage)
    defer { lock.release() }
    var repair = StoreRepair()
    if isDamaged { repair.actions.append(try rewriteManifest(of: path, storage: storage)) }
    let inspector = StoreInspector(path: path, storage: storage)
    let names = if let queue { [queue] } else { try inspector.queueNames }
    for name in names { try QueueMender(storage: storage, name: name).run(&repair, progress) }
    repair.verification = try verify(at: path, queue: queue, progress: progress)
    return repair
  }

  /// Makes a store's manifest, which says nothing but that it is one, and keeps the damaged one beside it.
  private static func rewriteManifest(
    of path: String,
    storage: any Storage
  ) throws(SpateError) -> StoreRepair.Action {
    let aside = try Aside(storage: storage, directory: ".").move(StoreLayout.manifestName)
    try StoreLayout(path: path, isNew: true).complete(storage: storage)
    return .init(kind: .rewroteManifest, path: StoreLayout.manifestName, asidePath: aside)
  }
}
