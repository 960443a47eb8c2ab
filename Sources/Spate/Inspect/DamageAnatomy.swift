/// What is left in a range of a segment that readers pass over as a whole: which frames are whole, and which
/// records are lost for good.
///
///     ├────────────── damaged range: readers go on at the next chunk ───────────────┤
///     lost  kept  kept  kept  lost  lost  kept  kept  kept  kept  kept  kept  kept  │ chunk
///      └ one record, by its    └ two records: what is missing between the
///        header's length         sequences before and those before the chunk
///
/// The sequences of whole frames follow from both ends of the range, as long as no two gaps hold an unknown
/// number of records; what lies between two such gaps counts as lost.
struct DamageAnatomy {
  /// A piece of the range that holds nothing to keep.
  struct Gap: Equatable {
    var positions: Range<UInt64>
    var sequences: Range<UInt64>
  }

  /// What is lost for good, in order.
  let gaps: [Gap]

  /// Ranges larger than this are taken as lost without a closer look.
  static let maximalByteCount: UInt64 = 64 << 20

  /// A part of the range: whole frames, or bytes that are none.
  private struct Piece {
    var positions: Range<UInt64>
    var isGap: Bool
    /// How many sequences its frames take; nil when nobody knows.
    var sequenceCount: UInt64?
  }

  /// Looks closely at a damaged range of a segment, up to `limit`, where the segment's part of the log ends.
  init(of damage: DamagedRange, in segment: SegmentDescription, file: SegmentFile, limit: UInt64) {
    // Behind the last record there may be the rest of a block, which is not lost; the footer knows.
    let end = file.footer(of: segment)?.endPosition ?? limit
    let last = Format.alignUp(end, to: segment.blockByteCount) >= limit ? min(end, limit) : limit
    let positions = damage.positions.clamped(to: segment.basePosition..<max(last, segment.basePosition))
    let whole = Gap(positions: positions, sequences: damage.sequences)
    guard !positions.isEmpty else {
      gaps = []
      return
    }
    guard positions.upperBound - positions.lowerBound <= Self.maximalByteCount else {
      gaps = [whole]
      return
    }
    let finder = FrameFinder(file: file, segment: segment, positions: positions)
    let pieces = Self.pieces(of: Self.runs(of: finder.frames()), in: positions, finder: finder)
    gaps = Self.place(pieces, sequences: damage.sequences) ?? [whole]
  }

  /// The frames of whole batches, those put together that stand one behind the other.
  private static func runs(of frames: [FrameFinder.Found]) -> [Piece] {
    var runs: [Piece] = []
    var index = 0
    while index < frames.count {
      var end = index
      var isWhole = !frames[index].flags.contains(.continued)
      while frames[end].flags.contains(.continues) {
        guard end + 1 < frames.count, frames[end + 1].position == frames[end].nextPosition,
          frames[end + 1].flags.contains(.continued)
        else {
          isWhole = false
          break
        }
        end += 1
      }
      if isWhole {
        let batch = frames[index...end]
        let count = UInt64(batch.count(where: \.takesSequence))
        let positions = frames[index].position..<frames[end].nextPosition
        if let last = runs.last, last.positions.upperBound == positions.lowerBound {
          runs[runs.count - 1].positions = last.positions.lowerBound..<positions.upperBound
          runs[runs.count - 1].sequenceCount = (last.sequenceCount ?? 0) + count
        } else {
          runs.append(Piece(positions: positions, isGap: false, sequenceCount: count))
        }
      }
      index = end + 1
    }
    return runs
  }

  /// The runs and the gaps between them.
  private static func pieces(of runs: [Piece], in positions: Range<UInt64>, finder: FrameFinder) -> [Piece] {
    var pieces: [Piece] = []
    var place = positions.lowerBound
    func addGap(upTo end: UInt64) {
      guard place < end else { return }
      let gap = place..<end
      pieces.append(Piece(positions: gap, isGap: true, sequenceCount: finder.sequenceCount(in: gap)))
    }
    for run in runs {
      addGap(upTo: run.positions.lowerBound)
      pieces.append(run)
      place = run.positions.upperBound
    }
    addGap(upTo: positions.upperBound)
    return pieces
  }

  /// Gives each piece its sequences; nil when that does not add up.
  private static func place(_ pieces: [Piece], sequences: Range<UInt64>) -> [Gap]? {
    var pieces = pieces
    if let first = pieces.firstIndex(where: { $0.sequenceCount == nil }),
      let last = pieces.lastIndex(where: { $0.sequenceCount == nil })
    {
      let positions = pieces[first].positions.lowerBound..<pieces[last].positions.upperBound
      let known = (pieces[..<first] + pieces[(last + 1)...]).reduce(0) { $0 + ($1.sequenceCount ?? 0) }
      guard known <= UInt64(sequences.count) else { return nil }
      let unknown = Piece(
        positions: positions,
        isGap: true,
        sequenceCount: UInt64(sequences.count) - known
      )
      pieces.replaceSubrange(first...last, with: [unknown])
    }
    var gaps: [Gap] = []
    var sequence = sequences.lowerBound
    for piece in pieces {
      let end = sequence + (piece.sequenceCount ?? 0)
      if piece.isGap { gaps.append(Gap(positions: piece.positions, sequences: sequence..<end)) }
      sequence = end
    }
    return sequence == sequences.upperBound ? gaps : nil
  }
}
