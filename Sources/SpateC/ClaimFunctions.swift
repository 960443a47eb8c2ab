// The functions are named as spate.h declares them.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CSpateHandles
import CSpateInterface
import Spate

/// A claim in the memory of a caller:
///
///     opaque[0]    a number made from the claim's address while it is open: tells copies, and claims that are over
///     opaque[1]    the queue's box, which the claim counts for
///     opaque[2...] the claim itself
@safe
struct ClaimPlace {
  // SAFETY: the caller's memory, which the caller keeps from the beginning to the end of the claim.
  private let place: UnsafeMutablePointer<spate_claim>

  init(_ claim: UnsafeMutablePointer<spate_claim>?) throws(SpateError) {
    unsafe place = try required(claim, "claim")
  }

  private var words: UnsafeMutablePointer<UInt64> {
    unsafe (UnsafeMutableRawPointer(place) + MemoryLayout<spate_claim>.offset(of: \.opaque)!)
      .assumingMemoryBound(to: UInt64.self)
  }

  private var mark: UInt64 { unsafe 0x4D49_414C_4345_5053 ^ UInt64(UInt(bitPattern: place)) }

  /// Puts a claim there.
  func open(_ claim: consuming Claim, of box: QueueBox) {
    // SAFETY: eleven words are left, which `fitsItsPlace` compares.
    unsafe place.pointee.size = claim.byteCount
    unsafe place.pointee.sequence = claim.sequence
    unsafe words[1] = UInt64(UInt(bitPattern: Unmanaged.passRetained(box).toOpaque()))
    let memory = unsafe UnsafeMutableRawPointer(words + 2).bindMemory(to: Claim.self, capacity: 1)
    unsafe memory.initialize(to: claim)
    var bytes = unsafe memory.pointee.bytes
    unsafe place.pointee.bytes = bytes.withUnsafeMutableBytes { $0.baseAddress }
    unsafe words[0] = mark
  }

  /// Ends the claim for the caller. Returns the box that it counted for; ``take()`` comes next.
  func close() throws(SpateError) -> QueueBox {
    if spate_handles_are_forgotten() != 0 { throw unsafe .missing(nil, .queue) }
    guard unsafe words[0] == mark else { throw .argument("the claim is over, was copied, or never began") }
    unsafe words[0] = 0
    unsafe place.pointee.bytes = nil
    let box = unsafe UnsafeRawPointer(bitPattern: UInt(words[1])).unsafelyUnwrapped
    return unsafe Unmanaged<QueueBox>.fromOpaque(box).takeRetainedValue()
  }

  /// The claim, once, after ``close()``.
  func take() -> Claim {
    unsafe UnsafeMutableRawPointer(words + 2).assumingMemoryBound(to: Claim.self).move()
  }

  /// Whether a claim has room in what callers give.
  static var fitsItsPlace: Bool { MemoryLayout<Claim>.size <= 11 * 8 }
}

@c @implementation
public func spate_claim_begin(
  _ queue: OpaquePointer?,
  _ size: Int,
  _ timeout_ns: Int64,
  _ claim: UnsafeMutablePointer<spate_claim>?,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe reporting(to: error) { () throws(SpateError) in
    let box = try unsafe object(queue, .queue, as: QueueBox.self)
    let place = try unsafe ClaimPlace(claim)
    guard size >= 0 else { throw SpateError(.tooLarge, "\(UInt(bitPattern: size)) bytes are absurd") }
    let made: Claim
    if timeout_ns == 0 {
      guard let claim = try box.queue.tryClaim(byteCount: size) else { throw .refused(.backPressured) }
      made = claim
    } else {
      made = try box.queue.claim(byteCount: size, until: deadline(timeout_ns))
    }
    // Counted after the wait, so that the store can be closed meanwhile. When it was, the claim is dropped, and with
    // that abandoned.
    try box.lend()
    place.open(made, of: box)
    return 0
  }
}

@c @implementation
public func spate_claim_publish(
  _ claim: UnsafeMutablePointer<spate_claim>?,
  _ level: Int32,
  _ timeout_ns: Int64,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe reporting(to: error) { () throws(SpateError) in
    let place = try unsafe ClaimPlace(claim)
    let level = try SpateC.level(level)
    let box = try place.close()
    defer { box.takeBack() }
    try place.take().publish(level: level, until: deadline(timeout_ns))
    return 0
  }
}

@c @implementation
public func spate_claim_abandon(
  _ claim: UnsafeMutablePointer<spate_claim>?,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe reporting(to: error) { () throws(SpateError) in
    let place = try unsafe ClaimPlace(claim)
    let box = try place.close()
    defer { box.takeBack() }
    place.take().abandon()
    return 0
  }
}
