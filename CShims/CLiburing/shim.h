#ifndef CLIBURING_SHIM_H
#define CLIBURING_SHIM_H

// liburing's own headers, found through pkg-config. Only CShims/CSpate uses them: it wraps the ring in
// functions that Swift can call without the library's macros.
#include <liburing.h>

#endif
