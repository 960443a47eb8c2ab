// The tokens that the C interface gives out instead of addresses.
//
//     63              32 31                8 7    0
//     ┌─────────────────┬───────────────────┬──────┐
//     │ generation      │ place + 1         │ kind │
//     └─────────────────┴───────────────────┴──────┘
//
// Places stand in a table that never moves or shrinks. A place gets a new generation each time it is given out, so a
// token that was closed is told from the one that has its place now; anything else that is no token is told by its
// bounds. Looking a token up takes no lock.
#ifndef CSPATE_HANDLES_H
#define CSPATE_HANDLES_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

// What is behind atomic pointers cannot be said to be null or not.
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wnullability-completeness"

// What a token stands for.
enum {
  SPATE_HANDLE_STORE = 1,
  SPATE_HANDLE_QUEUE = 2,
  SPATE_HANDLE_CURSOR = 3,
  SPATE_HANDLE_BATCH = 4,
  SPATE_HANDLE_TRANSACTION = 5,
  SPATE_HANDLE_RANGES = 6,
};

// Places come in pieces, which are allocated when they are needed.
enum { SPATE_HANDLE_PIECE = 1024, SPATE_HANDLE_PIECES = 1024 };

struct spate_handle_place {
  _Atomic uint64_t token;  // what the place stands for now; 0 when it is free
  void *_Atomic object;    // the object of the Swift side
  void *_Atomic fast;      // what the hot path wants of it
  uint64_t generation;
  struct spate_handle_place *_Nullable next;  // the next free place
};

extern struct spate_handle_place *_Atomic spate_handle_pieces[SPATE_HANDLE_PIECES];

// The place of a token, if it is one that is open and of this kind.
static inline struct spate_handle_place *_Nullable spate_handle_place_of(const void *_Nullable handle, unsigned kind) {
  uint64_t token = (uint64_t)(uintptr_t)handle;
  uint64_t index = (token >> 8 & 0xFFFFFF) - 1;
  if ((token & 0xFF) != kind || index >= (uint64_t)SPATE_HANDLE_PIECE * SPATE_HANDLE_PIECES) return NULL;
  // ORDERING: acquire, pairs with the releases in `spate_handle_add`: the piece and the object are there.
  struct spate_handle_place *_Nullable piece =
      atomic_load_explicit(&spate_handle_pieces[index / SPATE_HANDLE_PIECE], memory_order_acquire);
  if (!piece) return NULL;
  struct spate_handle_place *place = &piece[index % SPATE_HANDLE_PIECE];
  return atomic_load_explicit(&place->token, memory_order_acquire) == token ? place : NULL;
}

// The object of a token; NULL when it is none, or closed.
static inline void *_Nullable spate_handle_object(const void *_Nullable handle, unsigned kind) {
  struct spate_handle_place *_Nullable place = spate_handle_place_of(handle, kind);
  return place ? atomic_load_explicit(&place->object, memory_order_relaxed) : NULL;
}

// What the hot path wants of a token's object; NULL when it is no token, or closed.
static inline void *_Nullable spate_handle_fast(const void *_Nullable handle, unsigned kind) {
  struct spate_handle_place *_Nullable place = spate_handle_place_of(handle, kind);
  return place ? atomic_load_explicit(&place->fast, memory_order_relaxed) : NULL;
}

// Gives a token out. NULL when there is no memory, or a million are out.
void *_Nullable spate_handle_add(unsigned kind, void *object, void *_Nullable fast);

// Takes a token back: its object for the one who took it, NULL for everybody else.
void *_Nullable spate_handle_remove(const void *_Nullable handle, unsigned kind);

// Whether this was a token of this kind once.
int spate_handle_was_open(const void *_Nullable handle, unsigned kind);

// In the child of a fork: no token stands for anything any more, and none can be given out.
void spate_handles_forget(void);

// Whether this process is a child that called `spate_handles_forget`.
int spate_handles_are_forgotten(void);

#pragma clang diagnostic pop

#endif
