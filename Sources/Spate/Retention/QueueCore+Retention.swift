extension QueueCore {
  /// What makes and removes the queue's segment files.
  var preparer: SegmentPreparer {
    SegmentPreparer(
      storage: engine.storage,
      directory: directory,
      queueIdentifier: identifier,
      epoch: firstEpoch,
      durableEpoch: { [catalog, watermarks] in
        let durable = watermarks.durablePosition
        return catalog.segments.last { $0.basePosition < durable }?.epoch ?? 0
      }
    )
  }

  /// Works on the queue's files under their lock, and keeps the store's count of them right. Blocks on the disk.
  ///
  /// - Throws: `closed` once the queue was dropped: the directory may be another queue's.
  func withFiles<Value: Sendable>(
    _ body: (inout QueueFiles, SegmentPreparer) throws(SpateError) -> Value
  ) throws(SpateError) -> Value {
    let result: Result<Value, SpateError> = files.withLock { files in
      if isDropped { return .failure(SpateError(.closed, "the queue was dropped", path: name)) }
      defer { engine.usage.set(files.byteCount, ofQueue: name) }
      do throws(SpateError) { return .success(try body(&files, preparer)) } catch { return .failure(error) }
    }
    return try result.get()
  }

  /// The largest segment to prepare: a quota should hold some.
  var largestSegmentByteCount: UInt64 {
    let quota = min(quotaByteCount ?? .max, engine.options.quotaByteCount ?? .max)
    var size = engine.ringConfiguration.maximalSegmentByteCount
    while size > engine.ringConfiguration.minimalSegmentByteCount, size > quota / 8 { size /= 2 }
    return size
  }

  /// What may be trimmed now.
  func retentionPlan(now: UInt64) -> RetentionPlan {
    RetentionPlan(
      segments: catalog.segments,
      durable: watermarks.durablePosition,
      acknowledged: named.lowestAcknowledged,
      options: retention,
      now: now
    )
  }
}
