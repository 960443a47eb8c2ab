/* The ring of one queue: claim, publish, close, open, drain, pin, detach, with descriptors and buffers that are used again.
 *
 * Two producers, the committer, a cursor that follows what is published; two descriptors, two buffers. A cell of a buffer
 * stands for a block: a claim takes one or two. Every statement is a step that others may come between, but for
 * `atomic` ones, which are one atomic instruction in the code. Memory is sequentially consistent here: what
 * store buffers do is in park.pml.
 *
 * What must hold, as assertions:
 *   - the committer and the cursor meet every sequence once, in order (none is skipped, none comes twice);
 *   - what they read is what was written for that place (no unread byte is overwritten, none is read unpublished);
 *   - a cell that the cursor looks at does not change until it lets go (no pinned byte is overwritten);
 *   - everybody comes to the end (no wait is for nothing): spin reports invalid end states.
 *
 * GUARD lines name what scripts/model takes out, one at a time, by -DWITHOUT_<name>: each must then fail.
 *
 * GUARD SECOND_CHECK        FrameReader+Refill.swift `follow`: `next.basePosition == end` after `tryPin`
 * GUARD ATTACHED            Chunk.swift `tryPin`: `while seen & attached != 0`
 * GUARD PINS                Chunk.swift `detach`: `return left == 0`
 * GUARD CLOSED_WORD         Ring+Open.swift `install`: the claim word opens after everything else of the descriptor is set
 * GUARD CAPACITY_IN_WORD    ClaimWord.swift: a claim is compared with the capacity that its own add read
 * GUARD ONE_CLOSER          Ring+Claim.swift `claimOnce`: only a claim that began within the capacity closes
 * GUARD STAMP_LAST          Ring+Claim.swift `publish`: the stamp is stored after the frame
 * GUARD DURABLE_FIRST       QueueWriter+Credit.swift `reclaim`: `end <= settled`
 * GUARD DRAINED_CHUNK       QueueWriter+Credit.swift `reclaim`: `candidate != drainChunk`
 * GUARD LAST_DRAINED        QueueWriter+Credit.swift `reclaim`: `if lastDrained == candidate { lastDrained = nil }`
 * GUARD LOCK                Ring+Open.swift `openStep`: one at a time opens a chunk
 */
#define DESCRIPTORS 2
#define CELLS 2
#define NONE 255
#define FAR 7             /* beyond every capacity: offsets do not grow further, to keep the states few */
#define PADDING 100
#ifndef RECORDS
#define RECORDS 2         /* of each producer */
#endif
#define TOTAL (2 * RECORDS)

typedef Descriptor {
  /* The claim word, which is one: offset, sequences, capacity. */
  byte offset = FAR; byte count; byte capacityInWord;
  byte capacity; byte buffer; byte base; byte baseSequence;
  byte end; byte endSequence;       /* `endPosition`: 0 while it is open */
  byte next = NONE;
  byte pins; bit attached           /* one word */
};
typedef Cell { byte stamp; byte body; byte size; byte sequence };

Descriptor d[DESCRIPTORS];
Cell cell[DESCRIPTORS * CELLS];     /* of all buffers */
bit isFreeDescriptor[DESCRIPTORS] = 1;
bit isFreeBuffer[DESCRIPTORS] = 1;
byte current = NONE; bit blocked = 1; /* one word: RingHeader.current */
bit lock;
byte oldest = NONE; byte newest = NONE; byte stateEnd; byte stateEndSequence;
byte openedCount;
byte durable; byte durableSequence;

#ifdef WITHOUT_LOCK
#define LOCK skip
#define UNLOCK skip
#else
#define LOCK atomic { lock == 0 -> lock = 1 }
#define UNLOCK lock = 0
#endif
#ifdef WITHOUT_DURABLE_FIRST
#define IS_SETTLED(c) true
#else
#define IS_SETTLED(c) (d[c].end <= durable)
#endif
#ifdef WITHOUT_DRAINED_CHUNK
#define IS_LEFT(c) true
#else
#define IS_LEFT(c) (c != drainChunk)
#endif
#define READABLE(c, position) \
  ((position) - d[c].base < d[c].capacity && (AT(c, position).stamp == (position) + 1 || AT(c, position).stamp == PADDING + (position)))
#define AT(c, position) cell[d[c].buffer * CELLS + (position) - d[c].base]
#define MIN(a, b) ((a) < (b) -> (a) : (b))

/* Ring+Reclaim.swift `retire`, under the lock; then `pool.free`. */
inline retire(c) {
  isFreeDescriptor[c] = 1;
  UNLOCK;
  isFreeBuffer[d[c].buffer] = 1
}

/* Ring+Reclaim.swift `unpin`. */
inline unpin(c) {
  atomic { d[c].pins--; isLast = (d[c].pins == 0 && !d[c].attached) };
  if
  :: isLast -> LOCK; retire(c)
  :: else
  fi
}

/* Ring+Claim.swift `close`: the padding word, then where the chunk ends. */
inline close(c, old) {
  if
  :: old < d[c].capacity -> AT(c, d[c].base + old).stamp = PADDING + d[c].base + old
  :: else
  fi;
  d[c].endSequence = d[c].baseSequence + oldCount;
  d[c].end = d[c].base + d[c].capacity
}

/* Ring+Open.swift `begin` and `install`, under the lock; `c` and its buffer are ours. */
inline open(c, position, first, size) {
#ifdef WITHOUT_CLOSED_WORD
  atomic { d[c].offset = 0; d[c].count = 0; d[c].capacityInWord = 2 };
#endif
  d[c].capacity = (size == 2 || openedCount % 2 == 0 -> 2 : 1);
  d[c].base = position; d[c].baseSequence = first;
  d[c].end = 0; d[c].next = NONE;
  openedCount++;
  atomic { d[c].pins = 0; d[c].attached = 1 };              /* chunk.attach() */
#ifndef WITHOUT_CLOSED_WORD
  atomic { d[c].offset = 0; d[c].count = 0; d[c].capacityInWord = d[c].capacity }; /* claim.store(word) */
#endif
  if
  :: newest != NONE -> d[newest].next = c                   /* next.store(chunk) */
  :: else -> oldest = c
  fi;
  newest = c;
  atomic { current = c; blocked = 0 }                       /* current.store(chunk) */
}

proctype Producer(bit number) {
  byte made; byte size; byte c; byte old; byte oldCount; byte oldCapacity; byte position; byte free; byte buffer;
  byte opened; bit isBlocked;
  do
  :: made == RECORDS -> break
  :: else ->
    size = (number == 1 && made == 0 -> 2 : 1);
claimOnce:                                                  /* Ring+Claim.swift `claimOnce` */
    atomic { c = current; isBlocked = blocked };
    if
    :: isBlocked -> goto claimSlowly
    :: else
    fi;
    atomic {                                                /* claim.wrappingAdd */
      old = d[c].offset; oldCount = d[c].count; oldCapacity = d[c].capacityInWord;
      d[c].offset = MIN(old + size, FAR); d[c].count = MIN(oldCount + 1, FAR)
    };
#ifdef WITHOUT_CAPACITY_IN_WORD
    oldCapacity = d[c].capacity;
#endif
    if
    :: old + size <= oldCapacity -> goto claimed
#ifdef WITHOUT_ONE_CLOSER
    :: else -> close(c, old)
#else
    :: old + size > oldCapacity && old <= oldCapacity -> close(c, old)
    :: else
#endif
    fi;
claimSlowly:                                                /* `claimSlowly`, and Ring+Open.swift `openStep` */
    LOCK;
    if
    :: newest != NONE && d[newest].end == 0 ->
      c = newest;
      if
      :: d[c].offset <= d[c].capacityInWord -> UNLOCK; goto claimOnce        /* .retry */
      :: else ->                                           /* .waitForCloser: `changed` is signalled by a close and an open */
        opened = openedCount; UNLOCK; (openedCount != opened || d[c].end != 0); goto claimSlowly
      fi
    :: else
    fi;
    atomic {                                                /* pool.allocate, takeDescriptor */
      buffer = NONE; free = NONE;
      for (c : 0 .. DESCRIPTORS - 1) {
        if :: isFreeBuffer[c] -> buffer = c :: else fi;
        if :: isFreeDescriptor[c] -> free = c :: else fi
      };
      if
      :: buffer != NONE && free != NONE -> isFreeBuffer[buffer] = 0; isFreeDescriptor[free] = 0; c = free
      :: else -> c = NONE; blocked = 1                      /* `block`, .backPressured */
      fi
    };
    if
    :: c == NONE -> UNLOCK; (isFreeBuffer[0] || isFreeBuffer[1]); goto claimSlowly
    :: else
    fi;
    d[c].buffer = buffer;
    if
    :: newest != NONE -> open(c, d[newest].end, d[newest].endSequence, size)
    :: else -> open(c, stateEnd, stateEndSequence, size)
    fi;
    UNLOCK;
    goto claimOnce;
claimed:                                                    /* the frame, and `publish` */
    position = d[c].base + old;
#ifdef WITHOUT_STAMP_LAST
    AT(c, position).stamp = position + 1;
#endif
    atomic {
      AT(c, position).body = position + 1; AT(c, position).size = size;
      AT(c, position).sequence = d[c].baseSequence + oldCount
    };
#ifndef WITHOUT_STAMP_LAST
    AT(c, position).stamp = position + 1;
#endif
    made++
  od
}

proctype Committer() {
  byte drainChunk = NONE; byte lastDrained = NONE; byte position; byte sequence; byte c; byte end; bit isLast; bit moved;
  do
  :: sequence == TOTAL -> break
  :: else ->
    moved = 0;
    if                                                      /* QueueWriter.swift `nextChunk` */
    :: drainChunk == NONE && lastDrained != NONE -> drainChunk = d[lastDrained].next
    :: drainChunk == NONE && lastDrained == NONE -> LOCK; drainChunk = oldest; UNLOCK
    :: else
    fi;
    if
    :: drainChunk != NONE ->                                /* `scan`, one frame; then the end of the chunk */
      c = drainChunk;
      if
      :: position - d[c].base < d[c].capacity && AT(c, position).stamp == position + 1 ->
        assert(AT(c, position).body == position + 1 && AT(c, position).sequence == sequence);
        position = position + AT(c, position).size; sequence++; moved = 1
      :: position - d[c].base < d[c].capacity && AT(c, position).stamp == PADDING + position ->
        position = d[c].base + d[c].capacity; moved = 1
      :: else
      fi;
      end = d[c].end;
      if
      :: end != 0 && position == end -> lastDrained = c; drainChunk = NONE; moved = 1
      :: else
      fi
    :: else
    fi;
    if                                                      /* written and synced, some time later */
    :: atomic { durable = position; durableSequence = sequence }
    :: skip
    fi;
    LOCK; c = oldest; UNLOCK;                               /* `reclaim` */
    if
    :: c != NONE && d[c].end != 0 && IS_SETTLED(c) && IS_LEFT(c) ->
#ifndef WITHOUT_LAST_DRAINED
      if
      :: lastDrained == c -> lastDrained = NONE
      :: else
      fi;
#endif
      LOCK;                                                 /* Ring+Reclaim.swift `detachOldest` */
      oldest = d[c].next;
      if
      :: newest == c -> stateEnd = d[c].end; stateEndSequence = d[c].endSequence; newest = NONE; blocked = 1
      :: else
      fi;
      atomic { d[c].attached = 0; isLast = (d[c].pins == 0) };
#ifdef WITHOUT_PINS
      isLast = 1;
#endif
      if
      :: isLast -> retire(c)
      :: else -> UNLOCK
      fi;
      moved = 1
    :: else
    fi;
    if                                                      /* nothing moved: park.pml; here, until there is more */
    :: !moved ->
      if
      :: drainChunk != NONE && READABLE(drainChunk, position)
      :: drainChunk != NONE && d[drainChunk].end != 0 && d[drainChunk].end == position
      :: drainChunk == NONE && lastDrained != NONE && d[lastDrained].next != NONE
      :: drainChunk == NONE && lastDrained == NONE && oldest != NONE
      :: durable < position                                 /* a sync ends */
      :: oldest != NONE && d[oldest].end != 0 && d[oldest].end <= durable && oldest != drainChunk
      fi
    :: else
    fi
  od;
  atomic { durable = position; durableSequence = sequence }
}

proctype Cursor() {
  byte held = NONE; byte position; byte sequence; byte c; byte end; byte seen; bit isLast; bit isPinned;
  do
  :: sequence == TOTAL -> break
  :: sequence < TOTAL && held == NONE ->                    /* Ring+Reclaim.swift `pinChunk(holding:)`, under the lock */
    LOCK;
    c = oldest;
    do
    :: c == NONE -> break
    :: c != NONE && position < d[c].base -> c = NONE; break
    :: c != NONE && position >= d[c].base && (d[c].end == 0 || position < d[c].end) -> break
    :: else -> c = d[c].next
    od;
    if
    :: c != NONE ->
      atomic { d[c].attached -> d[c].pins++ };
      held = c;
      UNLOCK
    :: else ->
      UNLOCK;
      if                                                    /* what the ring gave up is durable, and read from the disk */
      :: position < durable -> atomic { position = durable; sequence = durableSequence }
      :: oldest != NONE && (d[oldest].end == 0 || d[oldest].end > position)
      fi
    fi
  :: sequence < TOTAL && held != NONE ->
    end = d[held].end;                                      /* FrameReader+Refill.swift `continueChunk` */
    if
    :: end != 0 && position >= end ->                       /* `follow` */
      c = d[held].next;
      isPinned = 0;
      if
      :: c != NONE ->
        atomic {                                            /* Chunk.swift `tryPin` */
          if
#ifdef WITHOUT_ATTACHED
          :: d[c].pins++; isPinned = 1
#else
          :: d[c].attached -> d[c].pins++; isPinned = 1
          :: else
#endif
          fi
        }
      :: else
      fi;
#ifndef WITHOUT_SECOND_CHECK
      if
      :: isPinned && (d[c].base != end || d[c].baseSequence != sequence) -> unpin(c); isPinned = 0
      :: else
      fi;
#endif
      unpin(held);
      held = (isPinned -> c : NONE)
    :: else ->
      if
      :: position - d[held].base < d[held].capacity && AT(held, position).stamp == position + 1 ->
        seen = AT(held, position).body;                     /* a record is lent, and looked at until the next move */
        assert(seen == position + 1 && AT(held, position).sequence == sequence);
        assert(AT(held, position).body == seen && AT(held, position).stamp == position + 1);
        position = position + AT(held, position).size; sequence++
      :: position - d[held].base < d[held].capacity && AT(held, position).stamp == PADDING + position ->
        position = d[held].base + d[held].capacity
      :: else ->                                            /* not published, or the end: until there is more */
        (d[held].end != 0 || READABLE(held, position));
        assert(position >= d[held].base)
      fi
    fi
  od;
  if
  :: held != NONE -> unpin(held)
  :: else
  fi
}

init {
  atomic { run Producer(0); run Producer(1); run Committer(); run Cursor() }
}
