/* Threads that wait and commit meanwhile, and the committer's thread that naps because they do.
 *
 * Each record here has somebody who waits for it, on a thread that may take the committer's turn, or on one that may not
 * (an assistant, a caller). An assistant looks again and again for a free turn, or for another's round that has drained its
 * record, and at last sleeps, too; it leaves the turn to a committer that waits for it. A turn that is taken may come to nothing: a disk that is busy, a pause of assisting. A nap has
 * no end of its own here, though in truth it lasts half a millisecond: so that a call which is lost is seen. Publishing is sequentially
 * consistent: who waits has been through a lock since.
 *
 * What must hold: when nobody can do anything any more, all records were drained; and nobody steps the committer beside
 * who has its turn.
 *
 * Left out: parking, of which park.pml tells; a nap needs one turn of somebody else before it here, not two.
 *
 * SIZE lines are what scripts/model explores: `short` ones also in the tests. ASSISTED and CALLED are how many records
 * each kind of thread waits for. GUARD lines name what scripts/model takes out, one at a time, by -DWITHOUT_<name>: each must
 * then fail in some size.
 *
 * SIZE short -DASSISTED=2 -DCALLED=1
 * SIZE short -DASSISTED=1 -DCALLED=2
 * SIZE long  -DASSISTED=3 -DCALLED=2
 * SIZE long  -DASSISTED=2 -DCALLED=2 -DSECOND
 *
 * GUARD TURN                CommitTurn.swift `take`: one at a time
 * GUARD ROUND_AFTER_FLAG    Committer+Thread.swift `rest`: a round after `mustBeCalled.exchange(true, …)`
 * GUARD LOOK_AFTER_PARKED   Committer+Thread.swift `nap`: `isCalled.load` after `parked.set(1)`
 * GUARD FUTEX_COMPARES      Committer+Thread.swift `sleep`: sleeps only while `parked` is 1
 * GUARD ROUND_AFTER_CALL    Committer+Thread.swift `nap`: `assistCount = 0` after a call ends the naps
 * GUARD WISH                Committer+Thread.swift `withoutTurn`: `isTurnWanted` is set before it sleeps
 * GUARD SECOND_TAKE         Committer+Thread.swift `withoutTurn`: the turn is asked for once more after that
 * GUARD CALL_BEFORE_WAKE    Committer+Assist.swift `attend`: `isCalled` is set before `wake()`
 * GUARD CALL                Committer+Assist.swift `attend`: who could not commit for itself calls
 */
byte published; byte drained;
mtype = { nobody, committer, assistant };
mtype turn = committer;
byte holders = 1;                     /* who step the committer; never two */
bit mustBeCalled; bit isCalled; bit parked; bit isAsleep; bit isAssisted; bit isTurnWanted;
byte over;

#ifdef WITHOUT_TURN
#define TAKE(who) atomic { turn = who; holders++ }; assert(holders == 1)
#else
#define TAKE(who) atomic { turn == nobody -> turn = who; holders++ }; assert(holders == 1)
#endif
#define LEAVE d_step { holders--; turn = nobody }
#define ROUND drained = published

/* Committer+Thread.swift `withoutTurn`: the turn again, which an assistant may have. */
inline retake() {
  do
  :: TAKE(committer); break
  :: turn != nobody ->
    parked = 1;
#ifndef WITHOUT_WISH
    isTurnWanted = 1;
#endif
    if
#ifndef WITHOUT_SECOND_TAKE
    :: TAKE(committer); parked = 0; isTurnWanted = 0; break
    :: turn != nobody ->
#else
    :: true ->
#endif
      atomic { if :: parked == 1 -> isAsleep = 1 :: else fi };
      (!isAsleep);
      parked = 0; isTurnWanted = 0
    fi
  od
}

inline call() {
#ifdef WITHOUT_CALL_BEFORE_WAKE
  d_step { wasParked = parked; parked = 0 };
  if :: wasParked -> isAsleep = 0 :: else fi;
  isCalled = 1
#else
  isCalled = 1;
  d_step { wasParked = parked; parked = 0 };                /* Committer.swift `wake` */
  if :: wasParked -> isAsleep = 0 :: else fi
#endif
}

/* What follows where the thread could not, or may not, take the turn; then its wait. */
inline wait() {
  if
#ifdef WITHOUT_CALL
  :: false -> call()
#else
  :: drained < mine && mustBeCalled -> call()
#endif
  :: else
  fi;
  end: (drained >= mine);
  over++
}

proctype Assistant(byte count) {
  byte mine; bit wasParked;
  do
  :: count == 0 -> break
  :: else ->
    d_step { published++; mine = published };
    do                                                      /* Committer+Assist.swift `assist` */
    :: drained >= mine -> break
    :: !isTurnWanted ->
      if
      :: TAKE(assistant)
      :: turn != nobody -> break
      fi;
      if
      :: d_step { ROUND; isAssisted = 1 }
      :: skip                                               /* a pause, or something is in flight */
      fi;
      LEAVE;
      if
      :: isTurnWanted ->
        d_step { wasParked = parked; parked = 0 };
        if :: wasParked -> isAsleep = 0 :: else fi
      :: else
      fi
    :: true -> break                                        /* looked long enough */
    od;
    wait();
    count--
  od
}

proctype Caller(byte count) {
  byte mine; bit wasParked;
  do
  :: count == 0 -> break
  :: else ->
    d_step { published++; mine = published };
    wait();
    count--
  od
}

proctype Committer() {
  bit isLate; bit sawCall;
round:
  if
  :: drained < published -> ROUND; goto round               /* worked */
  :: else
  fi;
  if                                                        /* `rest` */
  :: isAssisted ->
#ifdef WITHOUT_ROUND_AFTER_FLAG
    mustBeCalled = 1;
#else
    if
    :: !mustBeCalled -> mustBeCalled = 1; goto round
    :: else
    fi;
#endif
nap:
    isAssisted = 0;
#ifdef WITHOUT_LOOK_AFTER_PARKED
    isLate = !isCalled;
    LEAVE;
    parked = 1;
#else
    LEAVE;
    parked = 1;
    isLate = !isCalled;
#endif
    if
    :: isLate ->
#ifdef WITHOUT_FUTEX_COMPARES
      isAsleep = 1;
#else
      atomic { if :: parked == 1 -> isAsleep = 1 :: else fi };
#endif
      end_nap: (!isAsleep)
    :: else
    fi;
    parked = 0;
    retake();
    atomic { sawCall = isCalled; isCalled = 0 };
#ifndef WITHOUT_ROUND_AFTER_CALL
    if
    :: sawCall -> isAssisted = 0
    :: else
    fi;
#endif
    if
    :: isAssisted -> goto nap
    :: else -> goto round
    fi
  :: else
  fi;
  mustBeCalled = 0;
  LEAVE;                                                    /* `look`: spinning sees what is published by itself */
  end_look: (drained < published || isAssisted);
  retake();
  goto round
}

#ifdef SECOND
#define THREADS run Assistant(ASSISTED - 1); run Assistant(1)
#else
#define THREADS run Assistant(ASSISTED)
#endif

/* Nobody can do anything: every wait is over. */
proctype Monitor() {
  end: timeout -> assert(over == ASSISTED + CALLED)
}

init {
  atomic { run Committer(); THREADS; run Caller(CALLED); run Monitor() }
}
