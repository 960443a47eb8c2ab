// The functions are named as spate.h declares them.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CSpate
import CSpateHandles
import CSpateInterface

@c @implementation
public func spate_atfork_child() {
  spate_handles_forget()
  spate_descriptors_close()
}
