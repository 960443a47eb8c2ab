/// A named cursor's place as recovery found it: the newest slot, then the frames in the log behind it.
struct RecoveredCursor: Equatable, Sendable {
  var name: [UInt8]
  var identifier: CursorIdentifier
  /// The epoch of `sequence`.
  var epoch: UInt64
  /// Everything below this is acknowledged.
  var sequence: UInt64
  var isRemoved: Bool
  /// Where the place stood before the log turned out to end earlier; nil when it did not.
  var setBackFrom: UInt64?
  /// Where the newest slot stands, if there is one, and what it says.
  var pair: CursorFile.Pair?
  var slotSequence: UInt64 = 0
  /// Whether a frame was scanned that tells of the cursor.
  var isInLog = false
  /// Where the first frame stands that the slot does not contain; nil when it contains all.
  var firstFramePosition: UInt64?
  /// What the newest slot contains.
  var slotOrdinal: UInt64 = 0
  /// The highest ordinal that was given out.
  var ordinal: UInt64
  /// The queues whose logs may hold acknowledgements of the cursor.
  var destinations: [QueueIdentifier] = []

  /// What others than the queue's slots and frames say of its cursors.
  struct Asked {
    var acknowledgements: [Acknowledgement] = []
    /// What to add to all ordinals.
    var ordinalGap: UInt64 = 0
  }

  private init(_ entry: CursorFileContent.Entry) {
    name = entry.slot.name
    identifier = entry.slot.identifier
    epoch = entry.slot.epoch
    sequence = entry.slot.sequence
    isRemoved = entry.slot.isRemoved
    pair = entry.pair
    slotSequence = entry.slot.sequence
    ordinal = entry.slot.ordinal
    slotOrdinal = entry.slot.ordinal
    destinations = entry.slot.destinations
  }

  private init(_ acknowledgement: Acknowledgement, name: [UInt8], at position: UInt64) {
    self.name = name
    firstFramePosition = position
    identifier = acknowledgement.identifier
    epoch = acknowledgement.epoch
    sequence = acknowledgement.sequence
    isRemoved = acknowledgement.isRemoved
    ordinal = acknowledgement.ordinal
    isInLog = true
  }

  private mutating func apply(_ acknowledgement: Acknowledgement, at position: UInt64) {
    isInLog = true
    guard acknowledgement.ordinal > ordinal else { return }
    firstFramePosition = firstFramePosition ?? position
    apply(acknowledgement)
  }

  /// Takes over what stands in any log of the store, if it is newer.
  mutating func apply(_ acknowledgement: Acknowledgement) {
    guard acknowledgement.ordinal > ordinal else { return }
    ordinal = acknowledgement.ordinal
    epoch = acknowledgement.epoch
    sequence = acknowledgement.sequence
    isRemoved = acknowledgement.isRemoved
  }

  /// Puts slots, frames and the log's epochs together. Also returns cursors that are removed, since what the
  /// log and the file say of them must not be forgotten yet.
  ///
  /// A place is never ahead of what the log holds for certain: what a later epoch began before it, and what
  /// lies beyond the end, is taken off.
  static func resolve(
    content: CursorFileContent,
    frames: [StateFrame],
    asked: Asked,
    segments: [SegmentDescription],
    endSequence: UInt64
  ) -> [RecoveredCursor] {
    var found: [CursorIdentifier: RecoveredCursor] = [:]
    for entry in content.entries {
      // Of two pairs of one cursor the one that was written last counts; the other is given up.
      if let other = found[entry.slot.identifier]?.pair, other.generation > entry.slot.generation { continue }
      found[entry.slot.identifier] = RecoveredCursor(entry)
    }
    for frame in frames {
      guard let acknowledgement = Acknowledgement(decoding: frame.payload) else { continue }
      if found[acknowledgement.identifier] == nil {
        found[acknowledgement.identifier] = RecoveredCursor(
          acknowledgement,
          name: frame.key,
          at: frame.position
        )
      } else {
        found[acknowledgement.identifier]?.apply(acknowledgement, at: frame.position)
      }
    }
    for acknowledgement in asked.acknowledgements {
      found[acknowledgement.identifier]?.apply(acknowledgement)
    }
    var byName: [[UInt8]: RecoveredCursor] = [:]
    var removed: [RecoveredCursor] = []
    // In an order that is always the same.
    let ordered = found.values.sorted {
      ($0.identifier.high, $0.identifier.low) < ($1.identifier.high, $1.identifier.low)
    }
    for var cursor in ordered {
      cursor.ordinal += asked.ordinalGap
      cursor.setBack(segments: segments, endSequence: endSequence)
      if cursor.isRemoved {
        removed.append(cursor)
      } else if let other = byName[cursor.name] {
        // Two of one name can only come of damage: the one behind delivers again, and skips nothing.
        byName[cursor.name] = other.sequence <= cursor.sequence ? other : cursor
        removed.append(other.sequence <= cursor.sequence ? cursor : other)
      } else {
        byName[cursor.name] = cursor
      }
    }
    for index in removed.indices { removed[index].isRemoved = true }
    return byName.values.sorted { $0.name.lexicographicallyPrecedes($1.name) } + removed
  }

  private mutating func setBack(segments: [SegmentDescription], endSequence: UInt64) {
    let later = segments.first { $0.epoch > epoch }?.baseSequence ?? .max
    let bound = min(later, endSequence)
    guard sequence > bound else { return }
    setBackFrom = sequence
    sequence = bound
  }
}
