#include "CSpateDescriptors.h"
#include "CSpateEvents.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int spate_event_make(void) {
  int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return fd < 0 ? -errno : spate_descriptor_note(fd);
}

void spate_event_signal(int fd) {
  uint64_t one = 1;
  // Fails only where the count is at its limit: the descriptor is readable then.
  while (write(fd, &one, sizeof one) < 0 && errno == EINTR) {}
}

void spate_event_clear(int fd) {
  uint64_t count;
  // Fails only where nothing was signalled.
  while (read(fd, &count, sizeof count) < 0 && errno == EINTR) {}
}
