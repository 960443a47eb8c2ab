import CSpateInterface
import Glibc
import Spate

/// The most bytes of a payload, key or headers that are looked at: more never fits.
private let absurdByteCount = 1 << 30

/// Bytes that a caller passed.
///
/// - Throws: `invalidArgument` for a missing pointer, `tooLarge` for a size that no record can have.
@inline(__always)
func bytes(_ pointer: UnsafeRawPointer?, _ count: Int) throws(SpateError) -> UnsafeRawBufferPointer {
  guard count >= 0, count <= absurdByteCount else {
    throw SpateError(.tooLarge, "\(UInt(bitPattern: count)) bytes are more than a record can have (1 GiB)")
  }
  guard unsafe pointer != nil || count == 0 else { throw .argument("\(count) bytes at NULL were passed") }
  return unsafe UnsafeRawBufferPointer(start: pointer, count: count)
}

/// A string that a caller passed.
func string(_ pointer: UnsafePointer<CChar>?, _ what: String) throws(SpateError) -> String {
  guard let pointer = unsafe pointer else { throw .argument("\(what) is NULL") }
  let count = unsafe strnlen(pointer, 4097)
  guard count <= 4096 else { throw .argument("\(what) has more than 4096 bytes") }
  guard let text = unsafe String(validatingCString: pointer) else { throw .argument("\(what) is not UTF-8") }
  return text
}

/// A place for a result that the caller must give.
@inline(__always)
func required<Value>(_ pointer: UnsafeMutablePointer<Value>?, _ what: String) throws(SpateError)
  -> UnsafeMutablePointer<Value>
{
  guard let pointer = unsafe pointer else { throw .argument("\(what) is NULL; give a place for the result") }
  return unsafe pointer
}

/// A moment so many nanoseconds from now; nil for a negative timeout.
@inline(__always)
func deadline(_ nanoseconds: Int64) -> ContinuousClock.Instant? {
  nanoseconds < 0 ? nil : .now + .nanoseconds(nanoseconds)
}

/// A level by its number in the C interface.
@inline(__always)
func level(_ number: Int32) throws(SpateError) -> DurabilityLevel {
  switch number {
  case 0: .durable
  case 1: .written
  case 2: .published
  default: throw .argument("\(number) is no level; give SPATE_DURABLE, SPATE_WRITTEN or SPATE_PUBLISHED")
  }
}

/// A start by its number in the C interface.
func startPosition(_ number: Int32, _ value: UInt64) throws(SpateError) -> StartPosition {
  switch number {
  case 0: .earliest
  case 1: .latest
  case 2: .sequence(value)
  case 3: .time(value)
  default:
    throw .argument("\(number) is no start; give SPATE_EARLIEST, SPATE_LATEST, SPATE_SEQUENCE or SPATE_TIME")
  }
}

/// Structs of the C interface that begin with their size.
protocol SizedStruct {
  init()
  var size: Int { get set }
}

extension spate_store_options: SizedStruct {}
extension spate_queue_options: SizedStruct {}
extension spate_cursor_options: SizedStruct {}
extension spate_store_statistics: SizedStruct {}
extension spate_queue_statistics: SizedStruct {}
extension spate_cursor_state: SizedStruct {}

/// Options that a caller built with this version, an older or a newer one; zeros for NULL.
///
/// - Throws: `invalidArgument` for a size that none has, or something set that this version does not know.
func options<Options: SizedStruct>(_ pointer: UnsafePointer<Options>?) throws(SpateError) -> Options {
  var options = Options()
  guard let pointer = unsafe pointer else { return options }
  let size = try unsafe sizeOfStruct(UnsafeRawPointer(pointer))
  let known = MemoryLayout<Options>.size
  let given = unsafe UnsafeRawBufferPointer(start: pointer, count: size)
  guard unsafe given.dropFirst(known).allSatisfy({ $0 == 0 }) else {
    throw .argument("the options have something set that this version of the library does not know")
  }
  unsafe withUnsafeMutableBytes(of: &options) { room in
    unsafe room.copyBytes(from: given.prefix(known))
  }
  return options
}

/// Copies values to a caller's struct, as far as the caller's version has them; the rest of it becomes zero.
func give<Values: SizedStruct>(_ values: Values, to pointer: UnsafeMutablePointer<Values>?) throws(SpateError)
{
  let pointer = try unsafe required(pointer, "the struct")
  let size = try unsafe sizeOfStruct(UnsafeRawPointer(pointer))
  var values = values
  values.size = size
  let room = unsafe UnsafeMutableRawBufferPointer(start: pointer, count: size)
  unsafe withUnsafeBytes(of: &values) { bytes in
    unsafe room.copyBytes(from: bytes.prefix(size))
  }
  for index in min(size, MemoryLayout<Values>.size)..<size { unsafe room[index] = 0 }
}

private func sizeOfStruct(_ pointer: UnsafeRawPointer) throws(SpateError) -> Int {
  let size = unsafe pointer.load(as: Int.self)
  guard size >= 16, size <= 4096 else {
    throw .argument("the size field says \(size); set it to the sizeof of the struct, and zero the rest")
  }
  return size
}
