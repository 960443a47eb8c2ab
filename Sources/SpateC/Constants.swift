// The functions are named as spate.h declares them.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CSpateInterface

/// The version of this library, in the form of SPATE_VERSION.
@c @implementation
public func spate_version() -> UInt32 { UInt32(SPATE_VERSION) }

/// The names of the codes, by their negated number.
private let codeNames: [StaticString] = [
  "SPATE_OK", "SPATE_EINVAL", "SPATE_ENOTFOUND", "SPATE_EKIND", "SPATE_EPERM", "SPATE_ELOCKED",
  "SPATE_EFORMAT",
  "SPATE_ECORRUPT", "SPATE_EFULL", "SPATE_EIO", "SPATE_ESYNC", "SPATE_EFAILED", "SPATE_ECLOSED",
  "SPATE_ETIMEDOUT", "SPATE_ECANCELLED", "SPATE_E2BIG", "SPATE_EEXPIRED", "SPATE_EREADONLY",
  "SPATE_ERESOURCES",
  "SPATE_EUNSUPPORTED", "SPATE_EFENCED", "SPATE_ERANGE", "SPATE_EBUSY", "SPATE_EAGAIN", "SPATE_EMISMATCH",
  "SPATE_EINUSE",
]

/// The names of the outcomes, by their number.
private let outcomeNames: [StaticString] = ["SPATE_OK", "SPATE_ALREADY", "SPATE_GAP", "SPATE_END"]

@c @implementation
public func spate_code_name(_ code: Int32) -> UnsafePointer<CChar>! {
  let names = code > 0 ? outcomeNames : codeNames
  let index = Int(code.magnitude)
  let name = index < names.count ? names[index] : "SPATE_E?"
  return unsafe UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
}
