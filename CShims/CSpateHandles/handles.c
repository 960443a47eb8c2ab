#include "CSpateHandles.h"

#include <pthread.h>
#include <stdlib.h>

struct spate_handle_place *_Atomic spate_handle_pieces[SPATE_HANDLE_PIECES];

// `lock` guards the free list and the count of pieces.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct spate_handle_place *freePlaces;
static unsigned pieceCount;
static _Atomic int isForgotten;

// Puts the places of a new piece on the free list. With the lock held.
static int addPiece(void) {
  if (pieceCount == SPATE_HANDLE_PIECES) return 0;
  struct spate_handle_place *piece = calloc(SPATE_HANDLE_PIECE, sizeof *piece);
  if (!piece) return 0;
  uint64_t first = (uint64_t)pieceCount * SPATE_HANDLE_PIECE;
  for (unsigned index = SPATE_HANDLE_PIECE; index-- > 0;) {
    // The place's own number waits in the token's bits of the generation.
    piece[index].generation = (first + index + 1) << 8;
    piece[index].next = freePlaces;
    freePlaces = &piece[index];
  }
  atomic_store_explicit(&spate_handle_pieces[pieceCount++], piece, memory_order_release);
  return 1;
}

void *spate_handle_add(unsigned kind, void *object, void *fast) {
  pthread_mutex_lock(&lock);
  if (atomic_load(&isForgotten) || (!freePlaces && !addPiece())) {
    pthread_mutex_unlock(&lock);
    return NULL;
  }
  struct spate_handle_place *place = freePlaces;
  freePlaces = place->next;
  place->generation += UINT64_C(1) << 32;
  uint64_t token = place->generation | kind;
  pthread_mutex_unlock(&lock);
  atomic_store_explicit(&place->object, object, memory_order_relaxed);
  atomic_store_explicit(&place->fast, fast, memory_order_relaxed);
  // ORDERING: release, pairs with the acquire in `spate_handle_place_of`: the object is there.
  atomic_store_explicit(&place->token, token, memory_order_release);
  return (void *)(uintptr_t)token;
}

void *spate_handle_remove(const void *handle, unsigned kind) {
  struct spate_handle_place *place = spate_handle_place_of(handle, kind);
  if (!place) return NULL;
  void *object = atomic_load_explicit(&place->object, memory_order_relaxed);
  uint64_t token = (uint64_t)(uintptr_t)handle;
  if (!atomic_compare_exchange_strong(&place->token, &token, 0)) return NULL;
  pthread_mutex_lock(&lock);
  place->next = freePlaces;
  freePlaces = place;
  pthread_mutex_unlock(&lock);
  return object;
}

int spate_handle_was_open(const void *handle, unsigned kind) {
  uint64_t token = (uint64_t)(uintptr_t)handle;
  uint64_t index = (token >> 8 & 0xFFFFFF) - 1;
  if ((token & 0xFF) != kind || index >= (uint64_t)SPATE_HANDLE_PIECE * SPATE_HANDLE_PIECES) return 0;
  struct spate_handle_place *piece = atomic_load(&spate_handle_pieces[index / SPATE_HANDLE_PIECE]);
  if (!piece || token >> 32 == 0) return 0;
  if (atomic_load(&isForgotten)) return 1;
  pthread_mutex_lock(&lock);
  uint64_t generation = piece[index % SPATE_HANDLE_PIECE].generation;
  pthread_mutex_unlock(&lock);
  return token >> 32 <= generation >> 32;
}

void spate_handles_forget(void) {
  // The only thread of the child: whoever held the lock in the parent is not here.
  pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;
  lock = fresh;
  atomic_store(&isForgotten, 1);
  for (unsigned piece = 0; piece < SPATE_HANDLE_PIECES; piece++) {
    struct spate_handle_place *places = atomic_load(&spate_handle_pieces[piece]);
    if (!places) break;
    for (unsigned index = 0; index < SPATE_HANDLE_PIECE; index++) atomic_store(&places[index].token, 0);
  }
}

int spate_handles_are_forgotten(void) { return atomic_load_explicit(&isForgotten, memory_order_relaxed); }
