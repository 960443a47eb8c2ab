/* The ring of one queue: claim, publish, close, open, drain, pin, detach, with descriptors and buffers that are used again.
 *
 * Two producers, the committer, a cursor that follows what is published; two descriptors, each with a buffer of its own,
 * since both come back together in the code, too. A cell of a buffer is the least that a record takes; BLOCK of them are
 * a block. Every statement is a step that others may come between. What is `atomic` or a `d_step` is one atomic instruction
 * of the code, or what the lock of the ring guards alone, or what nobody else may look at meanwhile. Memory is sequentially consistent here: what store buffers do is in park.pml.
 *
 * What must hold, as assertions:
 *   - the committer and the cursor meet every sequence once, in order (none is skipped, none comes twice);
 *   - what they read is what was written for that place (no unread byte is overwritten, none is read unpublished):
 *     a buffer that is given back is wiped at once, so that who still looks at it is found out;
 *   - a cell that the cursor looks at does not change until it lets go (no pinned byte is overwritten);
 *   - everybody comes to the end (no wait is for nothing): spin reports invalid end states.
 *
 * Left out: what begins a chunk (a chunk frame, which takes no sequence: a chunk may be closed empty here), segments,
 * claims that expire, the copy that a cursor reads when too much is pinned, appends at an expected sequence, refusals,
 * truncation.
 *
 * SIZE lines are what scripts/model explores: `short` ones also in the tests.
 * GUARD lines name what scripts/model takes out, one at a time, by -DWITHOUT_<name>: each must then fail in some size.
 *
 * SIZE short -DFIRST=3 -DSECOND=1
 * SIZE short -DFIRST=2 -DSECOND=1 -DBLOCK=2 -DWIDE
 * SIZE short -DFIRST=1 -DSECOND=1 -DWIDE -DRUN
 * SIZE long  -DFIRST=2 -DSECOND=1 -DWIDE -DRUN
 * SIZE long  -DFIRST=4 -DSECOND=1
 * SIZE long  -DFIRST=2 -DSECOND=2 -DWIDE
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
 * GUARD LOCK                Ring+Claim.swift `claimSlowly`: `state.withLock` around `openStep`
 */
#define CHUNKS 2
#define CELLS 2           /* of a buffer */
#define NONE 255
#define FAR 3             /* beyond every capacity: offsets do not grow further, to keep the states few */
#define PADDING 100
/* FIRST and SECOND are how many records each producer appends. */
#ifndef BLOCK
#define BLOCK 1
#endif
#define TOTAL (FIRST + SECOND)
#define RECORDS(p) (p -> SECOND : FIRST)
#ifdef WIDE               /* the second producer's first record takes two cells … */
#define WIDTH(p, made) (p == 1 && made == 0 -> 2 : 1)
#else
#define WIDTH(p, made) 1
#endif
#ifdef RUN                /* … and a chunk of its own */
#define IS_RUN(p, made) (p == 1 && made == 0)
#else
#define IS_RUN(p, made) false
#endif
#if BLOCK == 1
#define CAPACITY(width) (width == 2 || openedCount > 1 -> 2 : 1)  /* chunks grow */
#else
#define CAPACITY(width) 2
#endif
#define ALIGN(position) (((position) + BLOCK - 1) / BLOCK * BLOCK)

typedef Descriptor {
  byte offset = FAR; byte count; byte capacityInWord;   /* one word: the claim word */
  byte capacity; byte base; byte baseSequence;
  byte end; byte endSequence;                           /* `endPosition`: 0 while it is open */
  byte next = NONE;
  byte pins; bit attached;                              /* one word */
  bit isFree = 1
};
typedef Cell { byte stamp; byte sequence; byte width };

Descriptor d[CHUNKS];
Cell cell[CHUNKS * CELLS];
byte current = NONE; bit blocked = 1;                   /* one word: RingHeader.current */
bit lock;
byte oldest = NONE; byte newest = NONE; byte stateEnd = BLOCK; byte stateEndSequence;
byte openedCount;
byte durable = BLOCK; byte durableSequence;

#ifdef WITHOUT_LOCK
#define LOCK skip
#else
#define LOCK atomic { lock == 0 -> lock = 1 }
#endif
#define UNLOCK lock = 0
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
#define AT(c, position) cell[c * CELLS + (position) - d[c].base]
#define IS_IN(c, position) ((position) >= d[c].base && (position) - d[c].base < d[c].capacity)
#define IS_PUBLISHED(c, position) (IS_IN(c, position) && AT(c, position).stamp == (position))
#define IS_PADDING(c, position) (IS_IN(c, position) && AT(c, position).stamp == PADDING + (position))
#define HOLDS(c, position) (d[c].attached && d[c].base <= position && (d[c].end == 0 || position < d[c].end))
#define MIN(a, b) ((a) < (b) -> (a) : (b))

/* Ring+Reclaim.swift `retire`, and the end of the lock. The bytes are nobody's from here on. */
inline retire(c) {
  d_step {
    assert(!d[c].isFree);
    d[c].isFree = 1;
    cell[c * CELLS].stamp = 0; cell[c * CELLS].sequence = 0; cell[c * CELLS].width = 0;
    cell[c * CELLS + 1].stamp = 0; cell[c * CELLS + 1].sequence = 0; cell[c * CELLS + 1].width = 0;
    UNLOCK
  }
}

/* Ring+Reclaim.swift `unpin`. */
inline unpin(c) {
  atomic { assert(d[c].pins > 0); d[c].pins--; isLast = (d[c].pins == 0 && !d[c].attached) };
  if
  :: isLast -> isLast = 0; LOCK; retire(c)
  :: else
  fi
}

/* The add on the claim word: of `old`, what the sum came to. Counts behind the capacity mean nothing. */
inline add(c, width) {
  d_step {
    old = d[c].offset; oldCount = d[c].count; oldCapacity = d[c].capacityInWord;
    d[c].offset = MIN(old + width, FAR);
    d[c].count = (old + width <= oldCapacity -> oldCount + 1 : 0)
  }
}

/* Ring+Claim.swift `close`: the padding word, then where the chunk ends. */
inline close(c) {
  if
  :: ALIGN(d[c].base + old) > d[c].base + old -> AT(c, d[c].base + old).stamp = PADDING + d[c].base + old
  :: else
  fi;
  d_step {
    d[c].endSequence = d[c].baseSequence + oldCount;
    d[c].end = ALIGN(d[c].base + old);
    old = 0; oldCount = 0; oldCapacity = 0
  }
}

proctype Producer(bit number) {
  byte made; byte c; byte old; byte oldCount; byte oldCapacity;
  do
  :: made == RECORDS(number) -> break
  :: else ->
claimOnce:                                              /* Ring+Claim.swift `claimOnce` */
    if
    :: IS_RUN(number, made) -> goto claimSlowly
    :: else
    fi;
    atomic { c = (blocked -> NONE : current) };
    if
    :: c == NONE -> goto claimSlowly
    :: else
    fi;
    add(c, WIDTH(number, made));                        /* claim.wrappingAdd */
#ifdef WITHOUT_CAPACITY_IN_WORD
    oldCapacity = d[c].capacity;
#endif
    if
    :: old + WIDTH(number, made) <= oldCapacity -> goto claimed
#ifdef WITHOUT_ONE_CLOSER
    :: else -> close(c)
#else
    :: old + WIDTH(number, made) > oldCapacity && old <= oldCapacity -> close(c)
    :: old > oldCapacity -> d_step { old = 0; oldCount = 0; oldCapacity = 0 }
#endif
    fi;
claimSlowly:                                            /* `claimSlowly`, and Ring+Open.swift `openStep` */
    LOCK;
    if
    :: newest != NONE && d[newest].end == 0 ->
      c = newest;
      if
      :: d[c].offset > d[c].capacityInWord ->           /* .waitForCloser: `changed` is signalled by a close and an open */
        UNLOCK; (newest != c || d[c].end != 0 || d[c].offset <= d[c].capacityInWord); goto claimSlowly
      :: else
      fi;
      UNLOCK;
      if
      :: IS_RUN(number, made) ->                        /* .closeThenRetry: `closeNow` */
        add(c, FAR);
        if
        :: old <= oldCapacity -> close(c)
        :: else -> d_step { old = 0; oldCount = 0; oldCapacity = 0 }
        fi;
        goto claimSlowly
      :: else -> goto claimOnce                         /* .retry */
      fi
    :: else
    fi;
    if                                                  /* pool.allocate, takeDescriptor */
    :: d[0].isFree -> d_step { d[0].isFree = 0; c = 0 }
    :: !d[0].isFree && d[1].isFree -> d_step { d[1].isFree = 0; c = 1 }
    :: !d[0].isFree && !d[1].isFree ->                  /* `block`, .backPressured; `changed` is signalled when memory comes */
      d_step { blocked = 1; c = NONE; UNLOCK };
      (d[0].isFree || d[1].isFree);
      goto claimOnce
    fi;
#ifdef WITHOUT_CLOSED_WORD
    d_step {
      d[c].offset = (IS_RUN(number, made) -> FAR : 0); d[c].count = 0;
      d[c].capacityInWord = (IS_RUN(number, made) -> 0 : CAPACITY(WIDTH(number, made)))
    };
#endif
    d_step {                                            /* `begin`; nobody reads these before the word opens, or a pin is there */
      d[c].capacity = (IS_RUN(number, made) -> 2 : CAPACITY(WIDTH(number, made)));
      openedCount = MIN(openedCount + 1, 2);
      d[c].base = (newest != NONE -> d[newest].end : stateEnd);
      d[c].baseSequence = (newest != NONE -> d[newest].endSequence : stateEndSequence);
      d[c].end = (IS_RUN(number, made) -> d[c].base + 2 : 0);
      d[c].endSequence = (IS_RUN(number, made) -> d[c].baseSequence + 1 : 0);
      d[c].next = NONE
    };
    d_step { d[c].pins = 0; d[c].attached = 1 };        /* `install`: chunk.attach() */
#ifndef WITHOUT_CLOSED_WORD
    d_step {                                            /* claim.store(word) */
      d[c].offset = (IS_RUN(number, made) -> FAR : 0); d[c].count = 0;
      d[c].capacityInWord = (IS_RUN(number, made) -> 0 : d[c].capacity)
    };
#endif
    if
    :: newest != NONE -> d[newest].next = c             /* next.store(chunk) */
    :: else -> oldest = c
    fi;
    newest = c;
    d_step { current = c; blocked = 0 };                /* current.store(chunk) */
    UNLOCK;
    if
    :: !IS_RUN(number, made) -> goto claimOnce
    :: else                                             /* .run: all of the chunk is this claim's, from offset 0 on */
    fi;
claimed:                                                /* the frame, and `publish` */
#ifdef WITHOUT_STAMP_LAST
    AT(c, d[c].base + old).stamp = d[c].base + old;
#endif
    atomic {
      AT(c, d[c].base + old).sequence = d[c].baseSequence + oldCount;
      AT(c, d[c].base + old).width = WIDTH(number, made)
    };
#ifndef WITHOUT_STAMP_LAST
    AT(c, d[c].base + old).stamp = d[c].base + old;
#endif
    d_step { made++; c = NONE; old = 0; oldCount = 0; oldCapacity = 0 }
  od
}

proctype Committer() {
  byte drainChunk = NONE; byte lastDrained = NONE; byte position = BLOCK; byte sequence; byte c = NONE; bit isLast;
  do
  :: sequence == TOTAL && durable == position -> break
  :: drainChunk == NONE && lastDrained != NONE && d[lastDrained].next != NONE -> /* QueueWriter.swift `chunk(behind:)` */
    drainChunk = d[lastDrained].next
  :: atomic { drainChunk == NONE && lastDrained == NONE && lock == 0 && oldest != NONE -> drainChunk = oldest }
  :: drainChunk != NONE && IS_PUBLISHED(drainChunk, position) ->    /* `scan`, one frame */
    d_step {
      assert(AT(drainChunk, position).sequence == sequence && AT(drainChunk, position).width > 0);
      position = position + AT(drainChunk, position).width; sequence++
    }
  :: drainChunk != NONE && IS_PADDING(drainChunk, position) -> position = ALIGN(position + 1)
  :: drainChunk != NONE && d[drainChunk].end != 0 && position == d[drainChunk].end -> /* `drain`: the end of the chunk */
    d_step { lastDrained = drainChunk; drainChunk = NONE }
  :: durable < position -> d_step { durable = position; durableSequence = sequence } /* written and synced, some time later */
  :: lock == 0 && oldest != NONE && d[oldest].end != 0 && IS_SETTLED(oldest) && IS_LEFT(oldest) -> /* `reclaim` */
    c = oldest;
#ifndef WITHOUT_LAST_DRAINED
    if
    :: lastDrained == c -> lastDrained = NONE
    :: else
    fi;
#endif
    LOCK;                                               /* Ring+Reclaim.swift `detachOldest` */
    oldest = d[c].next;
    if
    :: newest == c -> d_step { stateEnd = d[c].end; stateEndSequence = d[c].endSequence; newest = NONE; blocked = 1 }
    :: else
    fi;
    d_step { d[c].attached = 0; isLast = (d[c].pins == 0) };    /* chunk.detach() */
#ifdef WITHOUT_PINS
    isLast = 1;
#endif
    if
    :: isLast -> isLast = 0; retire(c)
    :: else -> UNLOCK
    fi;
    c = NONE
  od
}

proctype Cursor() {
  byte held = NONE; byte position = BLOCK; byte sequence; byte c = NONE; bit isLast;
  do
  :: sequence == TOTAL -> break
  :: sequence < TOTAL && held == NONE ->                /* Ring+Reclaim.swift `pinChunk(holding:)`, all under the lock */
    if
    :: atomic {
        lock == 0 && (HOLDS(0, position) || HOLDS(1, position)) ->
        c = oldest;
        do
        :: c == NONE || HOLDS(c, position) -> break
        :: else -> c = d[c].next
        od;
        assert(c != NONE);
        d[c].pins++; held = c; c = NONE
      }
    :: atomic {                                         /* what the ring gave up is durable, and read from the disk */
        lock == 0 && !HOLDS(0, position) && !HOLDS(1, position) && position < durable ->
        position = durable; sequence = durableSequence
      }
    fi
  :: held != NONE && d[held].end != 0 && position >= d[held].end -> /* FrameReader+Refill.swift `follow` */
    c = d[held].next;
    if
    :: c != NONE ->
      atomic {                                          /* Chunk.swift `tryPin` */
        if
#ifndef WITHOUT_ATTACHED
        :: !d[c].attached -> c = NONE
#endif
        :: else -> d[c].pins++
        fi
      }
    :: else
    fi;
#ifndef WITHOUT_SECOND_CHECK
    if
    :: c != NONE && (d[c].base != position || d[c].baseSequence != sequence) -> unpin(c); c = NONE
    :: else
    fi;
#endif
    unpin(held);
    d_step { held = c; c = NONE }
  :: sequence < TOTAL && held != NONE && IS_PUBLISHED(held, position) ->
    c = held;                                           /* a record is lent, and looked at until the next move */
    d_step {
      assert(IS_PUBLISHED(c, position) && AT(c, position).sequence == sequence && AT(c, position).width > 0);
      position = position + AT(c, position).width; sequence++; c = NONE
    }
  :: held != NONE && IS_PADDING(held, position) -> position = ALIGN(position + 1)
  od;
  if
  :: held != NONE -> unpin(held)
  :: else
  fi
}

init {
  atomic { run Producer(0); run Producer(1); run Committer(); run Cursor() }
}
