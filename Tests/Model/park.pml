/* Who sleeps and who wakes: the committer, a cursor that follows what is published, and one who has the committer do something.
 *
 * Two producers publish into one queue. A producer's stores of stamps wait in its store buffer, and reach memory at any
 * later time, in order: that is what x86 does, and it is the one reordering that this protocol must survive without
 * a barrier on the producers' side. An atomic read-modify-write empties the buffer of who does it, and `membarrier`
 * that of all. Other loads and stores take effect where they stand. That acquire and release keep the order that their
 * comments claim on weaker machines is not looked at here.
 *
 * What must hold: when nobody can do anything any more, everything that was published was drained, and seen by the
 * cursor, and what the committer was asked for was done (no wake-up is lost).
 *
 * Left out: several queues, tasks that wait (their list is under a lock), stopping, deadlines, syncs that wait for their time.
 *
 * SIZE lines are what scripts/model explores: `short` ones also in the tests. FIRST and SECOND are how many records each
 * producer publishes. With -DCOMMAND somebody has the committer do something. With -DNO_MEMBARRIER the kernel has no
 * membarrier, and each publish is a barrier of its own.
 * GUARD lines name what scripts/model takes out, one at a time, by -DWITHOUT_<name>: each must then fail in some size.
 *
 * SIZE short -DFIRST=1 -DSECOND=1
 * SIZE short -DFIRST=1 -DSECOND=0 -DCOMMAND
 * SIZE short -DFIRST=1 -DSECOND=1 -DNO_MEMBARRIER
 * SIZE long  -DFIRST=2 -DSECOND=1
 * SIZE long  -DFIRST=2 -DSECOND=0 -DCOMMAND
 * SIZE long  -DFIRST=2 -DSECOND=1 -DNO_MEMBARRIER
 *
 * GUARD BARRIER             Committer.swift `settle`: `spate_membarrier()` after the idle bit is set
 * GUARD PUBLISH_BARRIER     Ring+Claim.swift `attendIfAsked`: a read-modify-write where there is no membarrier
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
#define RECORDS(p) (p -> SECOND : FIRST)
#define TOTAL (FIRST + SECOND)

byte buffered[3];           /* stamps in the store buffer of each producer; who commands has none */
byte published;             /* stamps in memory */
byte drained; byte seen;
bit idle = 1; bit following;  /* RingHeader.attention: committerIdle, followerParked */
bit isListed; bit isCommanded; bit isDone; bit hasReady; bit parked; bit isCommitterAsleep;
byte events; bit waiterCount; bit isCursorAsleep;

#define FLUSH(p) published = published + buffered[p]; buffered[p] = 0
#ifdef NO_MEMBARRIER
#define MEMBARRIER skip
#else
#define MEMBARRIER d_step { FLUSH(0); FLUSH(1) }
#endif

/* A store buffer empties itself, one store at a time. */
proctype Memory() {
  end: do
  :: d_step { buffered[0] > 0 -> buffered[0]--; published++ }
  :: d_step { buffered[1] > 0 -> buffered[1]--; published++ }
  od
}

/* EventCount.swift `signal`. */
inline signal(p) {
  d_step { FLUSH(p); events++ };
  if
  :: waiterCount > 0 -> isCursorAsleep = 0                  /* spate_futex_wake */
  :: else
  fi
}

/* Committer.swift `wake`. */
inline wake(p) {
  d_step { FLUSH(p); wasParked = parked; parked = 0 };      /* parked.exchange(0) */
  if
  :: wasParked -> d_step { isCommitterAsleep = 0; wasParked = 0 }   /* spate_futex_wake */
  :: else
  fi
}

proctype Producer(bit p) {
  byte made; bit isIdle; bit isFollowing; bit wasIdle; bit wasParked;
  do
  :: made == RECORDS(p) -> break
  :: else ->
    buffered[p]++;                                          /* Ring+Claim.swift `publish`: storeStamp */
    d_step {                                                /* `attendIfAsked`: one load of attention */
#if defined(NO_MEMBARRIER) && !defined(WITHOUT_PUBLISH_BARRIER)
      FLUSH(p);                                             /* a read-modify-write */
#endif
      isIdle = idle; isFollowing = following
    };
    if
    :: isFollowing ->                                       /* QueueCore.swift `attend` */
      d_step { FLUSH(p); following = 0; isFollowing = 0 };
      signal(p)
    :: else
    fi;
    if
    :: isIdle ->
      d_step { FLUSH(p); wasIdle = idle; idle = 0; isIdle = 0 };    /* `clearIdle` */
      if
      :: wasIdle ->                                         /* Committer.swift `enqueue` */
        d_step { FLUSH(p); isListed = 1; wasIdle = 0 };     /* under the list's lock */
#ifdef WITHOUT_FLAG_BEFORE_WAKE
        wake(p);
        d_step { FLUSH(p); hasReady = 1 }
#else
        d_step { FLUSH(p); hasReady = 1 };
        wake(p)
#endif
      :: else
      fi
    :: else
    fi;
    made++
  od
}

#define TAKE \
  d_step { isActive = isActive || isListed; isListed = 0 }; \
  d_step { isDone = isDone || isCommanded; isCommanded = 0 }  /* each under its list's lock */

proctype Committer() {
  bit isActive;
round:
  if                                                        /* `takeReady` */
#ifdef WITHOUT_CLEAR_BEFORE_TAKE
  :: hasReady -> TAKE; hasReady = 0
#else
  :: hasReady -> hasReady = 0; TAKE
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
    MEMBARRIER;                                             /* spate_membarrier */
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
  byte count;
look:
  if
  :: seen < published -> seen = published; goto look        /* `advance` */
  :: else
  fi;
  count = events;                                           /* event.current */
  following = 1;                                            /* QueueCore.swift `parkFollower` */
#ifndef WITHOUT_FOLLOWER_BARRIER
  MEMBARRIER;
#endif
#ifndef WITHOUT_FOLLOWER_LOOK
  if
  :: seen < published -> d_step { seen = published; count = 0 }; goto look
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
  d_step { waiterCount--; count = 0 };
  goto look
}

#ifdef COMMAND
/* Committer.swift `perform`; its own sleep is one futex that is compared with 0, and nothing else. */
proctype Commander() {
  bit wasParked;
  isCommanded = 1;
#ifdef WITHOUT_FLAG_BEFORE_WAKE
  wake(2);
  hasReady = 1;
#else
  hasReady = 1;
  wake(2);
#endif
  end: (isDone)
}
#define IS_PERFORMED isDone
#else
#define IS_PERFORMED true
#endif

/* Nobody can do anything: all that was published has arrived. */
proctype Monitor() {
  end: timeout -> assert(drained == TOTAL && seen == TOTAL && IS_PERFORMED)
}

init {
  atomic { run Memory(); run Producer(0); run Producer(1); run Committer(); run Cursor(); run Monitor();
#ifdef COMMAND
    run Commander()
#endif
  }
}
