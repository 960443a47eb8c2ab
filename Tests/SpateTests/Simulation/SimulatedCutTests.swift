import Testing

@testable import Spate

/// Power cuts at each operation of one step of the engine, on a simulated disk: what a run of
/// ``SimulationTests`` has found once, said plainly.
@Suite struct SimulatedCutTests {
  /// Cuts the power at each of the first operations of `step`, for several chances of what survives, opens again, and
  /// asks for all that was promised.
  private func cutEverywhere(
    operations: Int = 24,
    prepare: (Simulation) throws -> Void = { _ in },
    step: (Simulation) throws -> Void
  ) throws {
    for operation in 0..<operations {
      for chance in 0..<6 as Range<UInt64> {
        let simulation = Simulation(seed: UInt64(operation) * 100 + chance, queueOptions: QueueOptions())
        try simulation.run { simulation in
          simulation.openQueue("q0")
          try prepare(simulation)
          simulation.disk.operationsUntilCut = operation
          try step(simulation)
          if simulation.storage.isAlive { simulation.cutPower() } else { simulation.settleEnd() }
          try simulation.begin(isCalm: true)
        }
      }
    }
  }

  @Test func aCutWhileTheFirstCursorIsMadeLosesNoPlaces() throws {
    try cutEverywhere { simulation in
      _ = try? simulation.queues[0].queue.cursor(named: "c0")
      simulation.settle()
    }
  }

  @Test func aCutWhileASpareFileIsRecycledDamagesNothing() throws {
    try cutEverywhere(prepare: { simulation in
      for _ in 0..<4 { simulation.produce(to: simulation.queues[0], isSimple: true) }
      simulation.settle()
      simulation.cutPower()
      try simulation.begin(isCalm: true)
    }) { simulation in
      guard let open = simulation.queues.first else { return }
      simulation.produce(to: open, isSimple: true)
      simulation.settle()
    }
  }

  @Test func aTruncationKeepsTheCursorsWhoseFramesItCutsOff() throws {
    try cutEverywhere(prepare: { simulation in
      let open = simulation.queues[0]
      for _ in 0..<2 { simulation.produce(to: open, isSimple: true) }
      simulation.settle()
      for _ in 0..<20 { simulation.consumeByName(from: open) }
      simulation.settle()
    }) { simulation in
      simulation.truncate(simulation.queues[0])
    }
  }

  @Test func theEpochOfRecordsThatAreGoneIsNotGivenOutAgain() throws {
    try cutEverywhere { simulation in
      for _ in 0..<6 {
        simulation.produce(to: simulation.queues[0], isSimple: true)
        _ = simulation.housekeeperTurn()
      }
    }
  }

  @Test func theEpochOfRecordsThatAreGoneOutlivesACloseAndASecondCut() throws {
    for isClosed in [false, true] {
      try cutEverywhere(prepare: { simulation in
        // Records that nobody wrote; what tells of their epoch is a spare file.
        for _ in 0..<2 {
          simulation.produce(to: simulation.queues[0], isSimple: true)
          _ = simulation.housekeeperTurn()
        }
        simulation.cutPower()
        try simulation.begin(isCalm: true)
        guard isClosed else { return }
        try simulation.end(isLast: true)
        try simulation.begin(isCalm: true)
      }) { simulation in
        guard let open = simulation.queues.first else { return }
        for _ in 0..<4 {
          simulation.produce(to: open, isSimple: true)
          _ = simulation.housekeeperTurn()
        }
      }
    }
  }

  /// Fails each of the first syncs of `step`, whoever asks for it and whatever of the device's cache it takes along, and
  /// then kills the process, opens again and cuts the power.
  private func failEverySync(_ count: Int = 16, step: (Simulation) throws -> Void) throws {
    for number in 0..<count {
      for chance in 0..<8 as Range<UInt64> {
        let simulation = Simulation(seed: UInt64(number) * 100 + chance, queueOptions: QueueOptions())
        try simulation.run { simulation in
          simulation.disk.faults.failingSync = number
          simulation.disk.faults.losesWholeCache = chance % 2 == 0
          simulation.openQueue("q0")
          try step(simulation)
          if chance % 4 < 2 { simulation.cutPower() } else { simulation.kill() }
          try simulation.begin(isCalm: true)
          simulation.cutPower()
          try simulation.begin(isCalm: true)
        }
      }
    }
  }

  @Test func aSyncThatFailsForSomebodyElseIsNoSyncForAnybody() throws {
    try failEverySync { simulation in
      for _ in 0..<6 {
        guard let open = simulation.queues.first else { return }
        simulation.produce(to: open, isSimple: true)
        simulation.settle()
      }
    }
  }

  @Test func aPlaceThatIsFoundAfterAKillIsFoundAfterACutToo() throws {
    for operation in 0..<12 {
      for chance in 0..<8 as Range<UInt64> {
        let simulation = Simulation(seed: UInt64(operation) * 100 + chance, queueOptions: QueueOptions())
        try simulation.run { simulation in
          simulation.openQueue("q0")
          guard let open = simulation.queues.first else { return }
          for _ in 0..<4 { simulation.produce(to: open, isSimple: true) }
          simulation.settle()
          for _ in 0..<30 { simulation.consumeByName(from: open) }
          // What no frame says yet: slots that are written, and perhaps not synced.
          simulation.disk.operationsUntilKill = operation
          try? open.queue.core.named.save()
          simulation.disk.operationsUntilKill = nil
          if simulation.storage.isAlive { simulation.kill() } else { simulation.letGo() }
          try simulation.begin(isCalm: true)
          simulation.cutPower()
          try simulation.begin(isCalm: true)
        }
      }
    }
  }

  @Test func aQueueWhoseMakingFailedIsMadeWholeByTheNextTry() throws {
    try failEverySync(4) { simulation in
      simulation.openQueue("q0")
      guard let open = simulation.queues.first else { return }
      simulation.produce(to: open, isSimple: true)
      simulation.settle()
    }
  }

  @Test func aQueueWhoseMakerWasKilledIsMadeWholeByTheNext() throws {
    for operation in 0..<8 {
      for chance in 0..<6 as Range<UInt64> {
        let simulation = Simulation(seed: UInt64(operation) * 100 + chance, queueOptions: QueueOptions())
        try simulation.run { simulation in
          simulation.disk.operationsUntilKill = operation
          simulation.openQueue("q0")
          simulation.disk.operationsUntilKill = nil
          if simulation.storage.isAlive { simulation.kill() } else { simulation.letGo() }
          try simulation.begin(isCalm: true)
          if simulation.queues.isEmpty { simulation.openQueue("q0") }
          guard let open = simulation.queues.first else { return }
          simulation.produce(to: open, isSimple: true)
          simulation.settle()
          simulation.cutPower()
          try simulation.begin(isCalm: true)
        }
      }
    }
  }
}
