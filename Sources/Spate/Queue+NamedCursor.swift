import CSpate

extension Queue {
  /// Opens the cursor with a name, or makes it. Blocks only to make one; any thread.
  ///
  /// A new cursor begins at `start`, and is durable when this returns unless the options say otherwise: from then
  /// on the queue keeps what it has not acknowledged. One that exists goes on behind what it acknowledged last,
  /// whatever `start` says; ``NamedCursor/resumption`` tells.
  ///
  /// - Parameters:
  ///   - name: 1 to 200 bytes of UTF-8.
  ///   - start: where a new cursor begins. A time to come begins at the end.
  /// - Throws: `cursorInUse` while another holder is there; `invalidArgument` for a bad name; `notFound` when it
  ///   must not be made; `outOfRange` for a start sequence that is not kept; `diskFull` when there is no room to
  ///   keep its place; `closed`.
  /// - Complexity: O(1) for a cursor that exists; no file is opened.
  @available(*, noasync)
  public func cursor(
    named name: String,
    from start: StartPosition = .earliest,
    options: NamedCursorOptions = NamedCursorOptions()
  ) throws(SpateError) -> NamedCursor {
    let hold = try core.openCursor(named: name, from: start, options: options)
    if !core.named.isKept(hold.place) { try hold.settle(options.creationLevel, until: -1) }
    return try NamedCursor(hold: hold, options: options)
  }

  /// Opens the cursor with a name, or makes it. Blocks no thread of the cooperative pool; otherwise as the
  /// blocking form.
  public func cursor(
    named name: String,
    from start: StartPosition = .earliest,
    options: NamedCursorOptions = NamedCursorOptions()
  ) async throws(SpateError) -> NamedCursor {
    let core = core
    let result: Result<CursorHold, SpateError>
    if let hold = try core.resumeCursor(named: name) {
      result = .success(hold)
    } else {
      result = await core.support.disk.perform {
        do throws(SpateError) {
          return .success(try core.openCursor(named: name, from: start, options: options))
        } catch {
          return .failure(error)
        }
      }
    }
    let hold = try result.get()
    if !core.named.isKept(hold.place) { try await hold.settle(options.creationLevel) }
    return try NamedCursor(hold: hold, options: options)
  }

  /// The named cursors of the queue, by name. Any thread; reads no disk.
  public var namedCursors: [NamedCursorDescription] { core.named.descriptions }

  /// How far a named cursor is behind. Any thread; may read the disk to find the oldest record.
  ///
  /// - Throws: `notFound`; what reading that record throws.
  @available(*, noasync)
  public func lag(ofCursorNamed name: String) throws(SpateError) -> CursorLag {
    try core.lag(of: core.named.place(Array(name.utf8)))
  }

  /// Moves the place of a named cursor that nobody holds, also backwards. Durable when this returns. Blocks.
  ///
  /// - Throws: `notFound`, `cursorInUse`, and as ``Cursor/seek(to:)``.
  @available(*, noasync)
  public func resetCursor(named name: String, to start: StartPosition) throws(SpateError) {
    guard let hold = try core.resumeCursor(named: name) else {
      throw SpateError(.notFound, "there is no cursor \"\(name)\"; check the name, or open it to make it")
    }
    try core.named.finishTransactions(of: hold.place, until: -1)
    try core.named.move(hold.place, to: core.sequence(of: start, following: .durable))
    try hold.settle(.durable, until: -1)
  }

  /// Removes a named cursor that nobody holds: the queue keeps nothing for it any more. Durable when this
  /// returns. Blocks. A cursor of the same name that is made later begins anew.
  ///
  /// - Throws: `notFound`, `cursorInUse`; what the disk says, and then the cursor may come back with the next
  ///   open.
  @available(*, noasync)
  public func removeCursor(named name: String) throws(SpateError) {
    try core.named.remove(Array(name.utf8))
    core.engine.housekeeper.schedule(core, after: 0)
  }
}
