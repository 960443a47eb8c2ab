// Which process this is.
#ifndef CSPATE_PROCESS_H
#define CSPATE_PROCESS_H

#include <stdint.h>

// What getpid() says, for the cost of two loads: the number stands in a page that the kernel clears in a forked child
// (MADV_WIPEONFORK, madvise(2)), where it is asked for anew. A child of vfork() shares its parent's memory, and so gets its
// parent's. Any thread.
int32_t spate_process_identifier(void);

#endif
