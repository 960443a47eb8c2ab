/* One thread that waits for a watermark, and the committer that covers it.
 *
 * Waiter.swift `sleep` and `complete`, Watermarks.swift `wait` and `advance`, with a deadline that may pass at any time.
 *
 * What must hold: the waiter comes back; it says that it was covered only when it was; and nobody touches it after it went
 * back to the pool and serves somebody else.
 *
 * SIZE lines are what scripts/model explores. GUARD lines name what it takes out, one at a time, by -DWITHOUT_<name>: each
 * must then fail.
 *
 * SIZE short
 *
 * GUARD CHECK_UNDER_LOCK    Watermarks.swift `wait`: whether it is covered already is asked where the waiter is queued
 * GUARD SLEEP_BY_EXCHANGE   Waiter.swift `sleep`: `word.exchange(0, to: 2)` fails when it is 1
 * GUARD WAKE_IF_ASLEEP      Waiter.swift `complete`: `word.exchange(1) == 2` wakes
 * GUARD WAIT_FOR_COMPLETER  Watermarks.swift `wait`: after a deadline, who finds itself taken out of the heap waits for who took it
 */
bit lock; bit isCovered; bit isQueued; byte word; bit isAsleep; bit isPooled; bit isTaken; bit isOver;

proctype Waiting() {
  bit isDone; bit wasQueued;
#ifdef WITHOUT_CHECK_UNDER_LOCK
  if
  :: isCovered -> goto over
  :: else
  fi;
  atomic { lock == 0 -> lock = 1 };
#else
  atomic { lock == 0 -> lock = 1 };
  if
  :: isCovered -> lock = 0; goto over
  :: else
  fi;
#endif
  word = 0; isQueued = 1; lock = 0;
#ifdef WITHOUT_SLEEP_BY_EXCHANGE
  word = 2;
#else
  atomic { if :: word == 0 -> word = 2 :: else fi };
#endif
  atomic { if :: word == 2 -> isAsleep = 1 :: else fi };    /* spate_futex_wait(…, 2, deadline) */
  if
  :: !isAsleep -> skip
  :: isAsleep -> isAsleep = 0                               /* the deadline */
  fi;
  isDone = (word == 1);
  if
  :: !isDone ->
    atomic { lock == 0 -> lock = 1 };
    wasQueued = isQueued; isQueued = 0; lock = 0;
#ifndef WITHOUT_WAIT_FOR_COMPLETER
    if
    :: !wasQueued -> (word == 1); isDone = 1
    :: else
    fi
#endif
  :: else
  fi;
  assert(!isDone || isCovered);
  isPooled = 1;
over:
  isOver = 1
}

/* One that has no deadline. */
proctype Patient() {
#ifdef WITHOUT_CHECK_UNDER_LOCK
  if
  :: isCovered -> goto over
  :: else
  fi;
  atomic { lock == 0 -> lock = 1 };
#else
  atomic { lock == 0 -> lock = 1 };
  if
  :: isCovered -> lock = 0; goto over
  :: else
  fi;
#endif
  word = 0; isQueued = 1; lock = 0;
#ifdef WITHOUT_SLEEP_BY_EXCHANGE
  word = 2;
#else
  atomic { if :: word == 0 -> word = 2 :: else fi };
#endif
  do
  :: word == 1 -> break
  :: else ->
    atomic { if :: word == 2 -> isAsleep = 1 :: else fi };
    (!isAsleep)
  od;
  assert(isCovered);
over:
  isOver = 1
}

proctype Committer() {
  byte old;
  atomic { lock == 0 -> lock = 1 };                         /* Watermarks.swift `advance` */
  isCovered = 1;
  if
  :: isQueued -> isQueued = 0; isTaken = 1
  :: else
  fi;
  lock = 0;
  if
  :: isTaken ->                                             /* Waiter.swift `complete` */
    assert(!isPooled);
    atomic { old = word; word = 1 };
    if
#ifdef WITHOUT_WAKE_IF_ASLEEP
    :: skip
#else
    :: old == 2 -> isAsleep = 0                             /* spate_futex_wake */
    :: else
#endif
    fi
  :: else
  fi
}

init {
  atomic {
    run Committer();
    if
    :: run Waiting()
    :: run Patient()
    fi
  }
}
