// Which descriptors the engine has open in this process: what the child of a fork must close, since it holds the
// parent's locks with them. Any thread; no locks, so that a fork cannot come between.
#ifndef CSPATE_DESCRIPTORS_H
#define CSPATE_DESCRIPTORS_H

// Notes a descriptor that was opened. Returns it.
int spate_descriptor_note(int fd);

// Forgets a descriptor, before it is closed. Returns it.
int spate_descriptor_forget(int fd);

// Closes all that are noted. For the child of a fork, before it does anything else.
void spate_descriptors_close(void);

#endif
