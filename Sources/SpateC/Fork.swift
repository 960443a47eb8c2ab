import CSpate
import CSpateHandles
import CSpateInterface

@c @implementation
public func spate_atfork_child() {
  spate_handles_forget()
  spate_descriptors_close()
}
