// What Swift cannot see or cannot express: CRC-32C with processor instructions, futexes, membarrier, clocks,
// file operations behind feature macros, and io_uring behind plain functions.
//
// Conventions: functions that ask the kernel return 0 (or a count) on success and a negative errno on failure,
// and never touch the caller's errno on purpose. Nothing prints, aborts or allocates unless it says so.
#ifndef CSPATE_H
#define CSPATE_H

#if !defined(__linux__) || !(defined(__x86_64__) || defined(__aarch64__))
#error "Spate needs Linux on x86-64 or arm64: it rests on io_uring, futexes and open-file-description locks."
#endif

#include "CSpateChecksum.h"
#include "CSpateDescriptors.h"
#include "CSpateEvents.h"
#include "CSpateFiles.h"
#include "CSpatePage.h"
#include "CSpateProcess.h"
#include "CSpateRing.h"
#include "CSpateThreads.h"

#endif
