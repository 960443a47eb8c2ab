/* Who sleeps and who wakes: the committer, and a cursor that follows what is published.
 *
 * Two producers publish into one queue. A producer's stores of stamps wait in its store buffer, and reach memory at any
 * later time, in order: that is what x86 does, and it is the one reordering that this protocol must survive without
 * a barrier on the producers' side. An atomic read-modify-write empties the buffer of who does it, and `membarrier`
 * that of all. Other loads and stores take effect where they stand. That acquire and release keep the order that their
 * comments claim on weaker machines is not looked at here.
 *
 * What must hold: when nobody can do anything any more, everything that was published was drained, and seen by the cursor
 * (no wake-up is lost).
 *
 * GUARD lines name what scripts/model takes out, one at a time, by -DWITHOUT_<name>: each must then fail.
 *
 * GUARD BARRIER             Committer.swift `settle`: `spate_membarrier()` after the idle bit is set
 * GUARD LAST_SCAN           Committer.swift `settle`: `writer.drain()` after the idle bit is set
 * GUARD LOOK_AFTER_PARKED   Committer.swift `park`: `if hasReady.load` after `parked.set(1)`
 * GUARD CLEAR_BEFORE_TAKE   Committer.swift `takeReady`: `hasReady` is cleared before the list is taken
 * GUARD FLAG_BEFORE_WAKE    Committer.swift `enqueue`: `hasReady` is set before `wake()`
 * GUARD FUTEX_COMPARES      Committer.swift `park`: `spate_futex_wait(parked.address, 1, …)` sleeps only while it is 1
 * GUARD FOLLOWER_BARRIER    QueueCore.swift `parkFollower`: `spate_membarrier()` after the follower's bit is set
 * GUARD FOLLOWER_LOOK       FrameReader.swift `advance(until:)`: `advance()` after `parkFollower()`
 * GUARD EVENT_FIRST         FrameReader.swift `advance(until:)`: `event.current` is read before `parkFollower()`
 * GUARD EVENT_COMPARES      EventCount.swift `wait`: sleeps only while the count is the one that was seen
 */
#define RECORDS(p) (2 - p)  /* of each producer */
#define TOTAL 3

byte buffered[2];           /* stamps in the store buffer of each producer */
byte published;             /* stamps in memory */
byte drained; byte seen;
bit idle = 1; bit following;  /* RingHeader.attention: committerIdle, followerParked */
bit isListed; bit hasReady; byte parked; bit isCommitterAsleep;
byte events; byte waiterCount; bit isCursorAsleep;

#define FLUSH(p) published = published + buffered[p]; buffered[p] = 0

/* A store buffer empties itself, one store at a time. */
proctype Memory() {
  end: do
  :: atomic { buffered[0] > 0 -> buffered[0]--; published++ }
  :: atomic { buffered[1] > 0 -> buffered[1]--; published++ }
  od
}

/* EventCount.swift `signal`. */
inline signal(p) {
  atomic { FLUSH(p); events++ };
  if
  :: waiterCount > 0 -> isCursorAsleep = 0                  /* spate_futex_wake */
  :: else
  fi
}

/* Committer.swift `wake`. */
inline wake(p) {
  atomic { FLUSH(p); wasParked = parked; parked = 0 };      /* parked.exchange(0) */
  if
  :: wasParked -> isCommitterAsleep = 0                     /* spate_futex_wake */
  :: else
  fi
}

proctype Producer(bit p) {
  byte made; bit isIdle; bit isFollowing; bit wasIdle; byte wasParked;
  do
  :: made == RECORDS(p) -> break
  :: else ->
    buffered[p]++;                                          /* Ring+Claim.swift `publish`: storeStamp */
    atomic { isIdle = idle; isFollowing = following };      /* `attendIfAsked`: one load of attention */
    if
    :: isFollowing ->                                       /* QueueCore.swift `attend` */
      atomic { FLUSH(p); following = 0 };
      signal(p)
    :: else
    fi;
    if
    :: isIdle ->
      atomic { FLUSH(p); wasIdle = idle; idle = 0 };        /* `clearIdle` */
      if
      :: wasIdle ->                                         /* Committer.swift `enqueue` */
        atomic { FLUSH(p); isListed = 1 };                  /* under the list's lock */
#ifdef WITHOUT_FLAG_BEFORE_WAKE
        wake(p);
        atomic { FLUSH(p); hasReady = 1 }
#else
        atomic { FLUSH(p); hasReady = 1 };
        wake(p)
#endif
      :: else
      fi
    :: else
    fi;
    made++
  od
}

proctype Committer() {
  bit isActive; bit isFound;
round:
  if                                                        /* `takeReady` */
#ifdef WITHOUT_CLEAR_BEFORE_TAKE
  :: hasReady -> atomic { isActive = isActive || isListed; isListed = 0 }; hasReady = 0
#else
  :: hasReady -> hasReady = 0; atomic { isActive = isActive || isListed; isListed = 0 }
#endif
  :: else
  fi;
  if                                                        /* `writer.drain()`; only queues that are active */
  :: isActive && drained < published -> drained = published; goto round
  :: else
  fi;
  if                                                        /* `settle` */
  :: isActive ->
    idle = 1;
#ifndef WITHOUT_BARRIER
    atomic { FLUSH(0); FLUSH(1) };                          /* spate_membarrier */
#endif
#ifdef WITHOUT_LAST_SCAN
    isActive = 0
#else
    if
    :: drained < published -> drained = published; idle = 0; goto round
    :: else -> isActive = 0
    fi
#endif
  :: else
  fi;
  parked = 1;                                               /* `park` */
#ifndef WITHOUT_LOOK_AFTER_PARKED
  if
  :: hasReady -> parked = 0; goto round
  :: else
  fi;
#endif
#ifdef WITHOUT_FUTEX_COMPARES
  isCommitterAsleep = 1;
#else
  atomic {
    if
    :: parked == 1 -> isCommitterAsleep = 1
    :: else
    fi
  };
#endif
  end: (!isCommitterAsleep);
  parked = 0;
  goto round
}

/* A cursor that follows `published`. */
proctype Cursor() {
  byte count; bit isMore;
look:
  if
  :: seen < published -> seen = published; goto look        /* `advance` */
  :: else
  fi;
  count = events;                                           /* event.current */
  following = 1;                                            /* QueueCore.swift `parkFollower` */
#ifndef WITHOUT_FOLLOWER_BARRIER
  atomic { FLUSH(0); FLUSH(1) };
#endif
#ifndef WITHOUT_FOLLOWER_LOOK
  if
  :: seen < published -> seen = published; goto look
  :: else
  fi;
#endif
#ifdef WITHOUT_EVENT_FIRST
  count = events;
#endif
  waiterCount++;                                            /* EventCount.swift `wait` */
#ifdef WITHOUT_EVENT_COMPARES
  isCursorAsleep = 1;
#else
  atomic {                                                  /* `current == count`, again by spate_futex_wait */
    if
    :: events == count -> isCursorAsleep = 1
    :: else
    fi
  };
#endif
  end: (!isCursorAsleep);
  waiterCount--;
  goto look
}

/* Nobody can do anything: all that was published has arrived. */
proctype Monitor() {
  end: timeout -> assert(drained == TOTAL && seen == TOTAL)
}

init {
  atomic { run Memory(); run Producer(0); run Producer(1); run Committer(); run Cursor(); run Monitor() }
}
