import CSpateHandles
import CSpateInterface
import Spate

/// What a token of the C interface stands for.
enum HandleKind: UInt32, CustomStringConvertible {
  case store = 1
  case queue, cursor, batch, transaction, ranges

  var description: String {
    switch self {
    case .store: "store"
    case .queue: "queue"
    case .cursor: "cursor"
    case .batch: "batch"
    case .transaction: "transaction"
    case .ranges: "set of ranges"
    }
  }
}

/// Gives a token out for an object, which it keeps alive until ``takeHandle(_:_:as:)``.
func makeHandle(
  _ kind: HandleKind,
  _ object: AnyObject,
  fast: UnsafeMutableRawPointer? = nil
) throws(SpateError) -> OpaquePointer {
  let retained = unsafe Unmanaged.passRetained(object)
  guard let token = unsafe spate_handle_add(kind.rawValue, retained.toOpaque(), fast) else {
    unsafe retained.release()
    throw unsafe spate_handles_are_forgotten() != 0
      ? .missing(nil, kind) : SpateError(.resourceExhausted, "no more handles can be given out; close some")
  }
  return OpaquePointer(token)
}

/// The object of a token.
///
/// SAFETY: tokens of a kind are only made of objects of one class, and no call on a token overlaps with its close.
func object<Object: AnyObject>(
  _ handle: OpaquePointer?,
  _ kind: HandleKind,
  as type: Object.Type
) throws(SpateError) -> Object {
  guard let found = unsafe spate_handle_object(UnsafeRawPointer(handle), kind.rawValue) else {
    throw unsafe .missing(handle, kind)
  }
  return unsafe Unmanaged<Object>.fromOpaque(found).takeUnretainedValue()
}

/// Takes a token back, and with it the hold on its object. One caller gets it.
func takeHandle<Object: AnyObject>(
  _ handle: OpaquePointer?,
  _ kind: HandleKind,
  as type: Object.Type
) throws(SpateError) -> Object {
  guard let found = unsafe spate_handle_remove(UnsafeRawPointer(handle), kind.rawValue) else {
    throw unsafe .missing(handle, kind)
  }
  return unsafe Unmanaged<Object>.fromOpaque(found).takeRetainedValue()
}
