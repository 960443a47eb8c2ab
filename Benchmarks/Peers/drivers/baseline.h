/* What the two baselines and the limits share: a file whose blocks were all written and synced. */
#ifndef BASELINE_H
#define BASELINE_H

#include <stddef.h>
#include <stdint.h>

enum { PREWRITTEN_BYTES = 512 << 20 };

/* Opens it for reading and writing; makes it when it is not there. */
int prewritten_file(const char *directory);
void write_fully(int file, const uint8_t *bytes, size_t count, uint64_t offset);

#endif
