#pragma once
#include <stddef.h>
#include <stdint.h>

// libFuzzer's entry when a program brings its own main.
int LLVMFuzzerRunDriver(int *argumentCount, char ***arguments,
                        int (*body)(const uint8_t *bytes, size_t byteCount));
