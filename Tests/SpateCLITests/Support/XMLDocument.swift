/// The elements of a piece of XML, taken apart as strictly as is needed to see that every one is closed.
struct XMLDocument {
  struct Malformed: Error { var place: String }

  /// The names of all elements, in order.
  private(set) var elements: [String] = []

  init(_ bytes: [UInt8]) throws {
    var open: [String] = []
    var rest = String(decoding: bytes, as: UTF8.self)[...]
    while let start = rest.firstIndex(of: "<") {
      guard let end = rest[start...].firstIndex(of: ">") else {
        throw Malformed(place: String(rest[start...]))
      }
      let tag = rest[rest.index(after: start)..<end]
      rest = rest[rest.index(after: end)...]
      if tag.hasPrefix("/") {
        guard open.popLast() == String(tag.dropFirst()) else { throw Malformed(place: String(tag)) }
        continue
      }
      guard tag.count(where: { $0 == "\"" }) % 2 == 0 else { throw Malformed(place: String(tag)) }
      let name = String(tag.prefix { $0 != " " && $0 != "/" })
      elements.append(name)
      if !tag.hasSuffix("/") { open.append(name) }
    }
    guard open.isEmpty else { throw Malformed(place: open.joined(separator: " ")) }
  }
}
