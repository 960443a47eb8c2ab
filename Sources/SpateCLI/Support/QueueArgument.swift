import ArgumentParser

/// The store and the queue that a command works on.
struct QueueArgument: ParsableArguments {
  @OptionGroup var storeArgument: StoreArgument

  @Argument(help: "The queue's name.", completion: StoreArgument.queueCompletion)
  var queue: String

  /// The store's directory.
  var store: String { storeArgument.store }
}
