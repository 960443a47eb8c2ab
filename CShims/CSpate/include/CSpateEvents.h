// An eventfd, for event loops that wait for descriptors.
#ifndef CSPATE_EVENTS_H
#define CSPATE_EVENTS_H

// Makes an eventfd, non-blocking and close-on-exec. The descriptor, or a negative errno.
int spate_event_make(void);

// Makes the descriptor readable, or leaves it so.
void spate_event_signal(int fd);

// Makes the descriptor not readable, until it is signalled again.
void spate_event_clear(int fd);

#endif
