/// How a named cursor is opened or made.
public struct NamedCursorOptions: Sendable {
  /// What must be so of a record before the cursor sees it. A cursor that follows `published` or `written` may
  /// acknowledge records that a power cut takes back; its place is then set back.
  public var level = DurabilityLevel.durable
  /// How many batches of the cursor may be out at a time, at least 1.
  public var batchLimit = 4
  /// Whether the cursor is made where there is none.
  public var createsIfMissing = true
  /// How far a new cursor must be when it is opened. Below `durable` a crash soon after may forget it; many
  /// cursors are made faster that way.
  public var creationLevel = DurabilityLevel.durable

  /// The defaults.
  public init() {}
}
