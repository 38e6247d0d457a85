/* What two tills may spend of one member's points without asking: grants, local points, returns, terms.
 *
 * Headquarters raises a cumulative grant, a till counts what it used; each number has one writer. What a
 * till records stands in its lane; headquarters hears a lane in order, each operation once, as late as it
 * likes. Every page that headquarters ever wrote may be heard at any later time, any number of times, in
 * any order. So loss, doubling, delay and reordering are all in here, and no clock is.
 *
 * Each option of a loop below is one thing that may happen next; what is atomic is one durable write.
 * What is named M_ is a protocol with one rule broken, which must be found out.
 */
#ifndef POINTS
#define POINTS 1 /* points that headquarters holds at the beginning */
#endif
#ifndef EARNS
#define EARNS 1 /* points earned at tills, spendable there at once */
#endif
#ifndef PENDING
#define PENDING 0 /* points of a sale that become the member's later, or never */
#endif
#ifndef TERMS
#define TERMS 2 /* terms a till may have, one after another */
#endif
#ifndef RETURNS
#define RETURNS 1 /* how often rights are given back in the day */
#endif
#ifndef PARKS
#define PARKS 1 /* operations that headquarters cannot read at first and keeps in custody */
#endif
#ifndef GRANTED
#define GRANTED 2 /* the largest cumulative grant of a term, four at most */
#endif

#define TILLS 2
#define LANE 12 /* operations that a till may record before headquarters hears the first */

mtype = { earn, spend, give_back, close_term };

typedef Till { /* what a till knows, all of it durable */
  byte term = 1;
  byte granted; /* the largest grant heard in this term */
  byte used; /* of the allowance, in this term: spent or given back */
  byte local_left; /* points earned here and not spent yet */
  bool closed /* the term is over, for good */
};

typedef Cell { /* headquarters' view of a till: sums over posted operations, and its own grants */
  byte term = 1;
  byte granted;
  byte used;
  bool closed;
  byte added;
  byte local_used
};

Till till[TILLS];
Cell cell[TILLS];
byte term_of[TILLS] = 1; /* the term that headquarters says a till is in */
int pages[TILLS]; /* every page ever written for a till: a bit for each (term, grant) */
short available = POINTS; /* A: what headquarters holds itself */

/* Operations: kind, term, points of the allowance, local points; a close has the term that begins there. */
chan lane[TILLS] = [LANE] of { mtype, byte, byte, byte };
chan custody[TILLS] = [LANE] of { mtype, byte, byte, byte }; /* heard, and not posted yet */

byte earns, pending_sales, pending, returns, parks;
#if defined(M_CLOSE_IN_TWO_WRITES) || defined(M_HEARD_TWICE)
bool is_torn; /* the accident happens once */
#endif

/* The truth, which no program reads: what was handed out and earned at counters. */
byte issued = POINTS;
byte spent;
byte unposted_allowance[TILLS]; /* used of the allowance by operations that are not posted yet */
byte unposted_spends[TILLS];
byte unposted_adds[TILLS];

/* Scratch of one step; nothing is remembered in it. */
hidden mtype k;
hidden byte t, a, l, n, at, newest;
hidden short home;

#define LEFT(i) (till[i].closed -> 0 : till[i].granted - till[i].used)
#define E(i) ((cell[i].closed || cell[i].granted < cell[i].used) -> 0 : cell[i].granted - cell[i].used)
#define F(i) ((cell[i].added < cell[i].local_used) -> 0 : cell[i].added - cell[i].local_used)
#define BIT(t, g) (1 << ((t - 1) * 5 + g))
#define NEWEST(i) (cell[i].term == term_of[i] -> cell[i].granted : 0)
#define WRITE_PAGE(i) pages[i] = pages[i] | BIT(term_of[i], NEWEST(i))

inline check() {
  assert(spent <= issued); /* no overspend, at the counters themselves */
  assert(available >= 0);
  /* R10: what a till may still spend, and what it used and headquarters has not posted, is all set aside */
  assert(LEFT(0) + unposted_allowance[0] <= E(0));
  assert(LEFT(1) + unposted_allowance[1] <= E(1));
  /* I1: every point is in one place */
  assert(available + E(0) + E(1) + F(0) + F(1) ==
    issued - spent + unposted_spends[0] + unposted_spends[1] - unposted_adds[0] - unposted_adds[1])
}

/* ---- a till ---- */

inline record(i, kind, a, l) {
  lane[i] ! kind(till[i].term, a, l);
  if
  :: kind == earn -> unposted_adds[i] = unposted_adds[i] + l
  :: kind == spend -> unposted_spends[i] = unposted_spends[i] + a + l
  :: else
  fi;
  unposted_allowance[i] = unposted_allowance[i] + a
}

inline close_before(i, begins) { /* the term is over; what the lane says names the term that comes after it */
  record(i, close_term, 0, begins);
  till[i].closed = true;
  till[i].granted = 0;
  till[i].used = 0
}

inline hear_page(i, t, g) { /* the larger grant wins, a later term closes the old one */
  if
#ifdef M_CLOSE_IN_TWO_WRITES /* the close is in the lane, and the till is killed before its term is over */
  :: t > till[i].term && !is_torn -> is_torn = true; record(i, close_term, 0, t)
  :: t > till[i].term && is_torn ->
#else
  :: t > till[i].term ->
#endif
    close_before(i, t);
    till[i].term = t;
    till[i].closed = false;
    till[i].granted = g
#ifdef M_REVIVED_TERM /* a page that was late opens the closed term again */
  :: t == till[i].term && till[i].closed -> till[i].closed = false; till[i].granted = g
#endif
#ifdef M_ADDITIVE_GRANT /* a page is counted each time it is heard */
  :: t == till[i].term && !till[i].closed && till[i].granted + g <= GRANTED ->
    till[i].granted = till[i].granted + g
#else
  :: t == till[i].term && !till[i].closed && g > till[i].granted -> till[i].granted = g
#endif
  :: else
  fi
}

inline give_all_back(i) {
  n = LEFT(i);
  l = till[i].local_left;
  if
  :: n + l > 0 ->
    record(i, give_back, n, l);
#ifndef M_GAVE_BACK_AND_KEPT /* the return is in the lane, and the till still counts the rights as its own */
    till[i].used = till[i].used + n;
    till[i].local_left = 0
#endif
  :: else
  fi
}

#define HEAR(t, g) :: d_step { (pages[i] & BIT(t, g)) -> hear_page(i, t, g); check() }

proctype counter(byte i) {
end:
  do /* hear any page that was ever written: (term, grant) */
  HEAR(1, 1) HEAR(1, 2) HEAR(1, 3) HEAR(1, 4)
  HEAR(2, 0) HEAR(2, 1) HEAR(2, 2) HEAR(2, 3) HEAR(2, 4)
  HEAR(3, 0) HEAR(3, 1) HEAR(3, 2) HEAR(3, 3) HEAR(3, 4)
  :: d_step { /* a member pays with points: local first, then the allowance */
    till[i].local_left > 0 ->
    till[i].local_left--; record(i, spend, 0, 1); spent++; check()
  }
  :: d_step {
    till[i].local_left == 0 && LEFT(i) > 0 ->
    till[i].used++; record(i, spend, 1, 0); spent++; check()
  }
  :: d_step { /* a member buys, and may spend here at once what was earned */
    earns < EARNS ->
    earns++; issued++; till[i].local_left++; record(i, earn, 0, 1); check()
  }
  :: d_step { /* a sale whose points become the member's later, or never: no right of this till */
    pending_sales < PENDING ->
    pending_sales++; pending++;
#ifdef M_LOCAL_FROM_PENDING /* they are made spendable here before they are points */
    till[i].local_left++;
#endif
    check()
  }
  :: d_step { /* headquarters wants them, or the day ends: everything left goes home */
    returns < RETURNS && LEFT(i) + till[i].local_left > 0 ->
    returns++; give_all_back(i); check()
  }
  :: d_step { /* the session ends, at any moment */
    !till[i].closed && till[i].term == term_of[i] && term_of[i] < TERMS ->
    n = till[i].term + 1; close_before(i, n); check()
  }
  od
}

/* ---- headquarters ---- */

#ifdef M_CLOSE_NAMES_OLD_ONLY /* a term that the till never heard of is closed by nobody */
#define ENDS(i) (t == cell[i].term)
#else
#define ENDS(i) (cell[i].term < l)
#endif

inline post(i) { /* the operation k(t, a, l) */
  home = E(i) + F(i);
  if
  :: k == earn -> cell[i].added = cell[i].added + l
  :: k == close_term && ENDS(i) -> /* every term up to the one that begins, heard of by the till or not */
#ifdef M_CLOSE_WITHOUT_NETTING /* the whole grant comes home, whatever the till used of it */
    available = available + (cell[i].closed -> 0 : cell[i].used);
#endif
#ifndef M_CLOSE_NAMES_OLD_ONLY
    cell[i].term = l - 1;
#endif
    cell[i].granted = 0;
    cell[i].used = 0;
    cell[i].closed = true
  :: k == spend || k == give_back ->
    if
    :: t >= cell[i].term -> cell[i].used = cell[i].used + a
    :: else
    fi;
    cell[i].local_used = cell[i].local_used + l
  :: else
  fi;
  available = available + home - E(i) - F(i);
  if /* and what the books of the member make of it */
  :: k == earn -> available = available + l; unposted_adds[i] = unposted_adds[i] - l
  :: k == spend -> available = available - a - l; unposted_spends[i] = unposted_spends[i] - a - l
  :: else
  fi;
  unposted_allowance[i] = unposted_allowance[i] - a
}

#define TERM_IS_OVER(i) (cell[i].closed && cell[i].term >= term_of[i])
#ifdef M_GRANT_BEFORE_CLOSE /* a new term is granted to while the old one may still spend */
#define OLD_TERM_HOLDS_NOTHING(i) true
#else
#define OLD_TERM_HOLDS_NOTHING(i) (cell[i].term == term_of[i] || E(i) == 0)
#endif

/* What moves rights home waits behind what is not posted yet. */
#ifdef M_SETTLE_BY_POSTED /* it goes past it: the rights are settled by what happens to be posted */
#define MUST_WAIT(i) false
#else
#define MUST_WAIT(i) ((k == give_back || k == close_term) && len(custody[i]) > 0)
#endif

inline hear(i) {
  if
  :: MUST_WAIT(i) -> custody[i] ! k(t, a, l)
  :: else -> post(i)
  fi
}

proctype headquarters(byte i) { /* its dealings with one till */
end:
  do
  :: d_step { /* set one more point aside; never in a term that is over, never before the old one is */
    available > 0 && cell[i].granted < GRANTED && !TERM_IS_OVER(i) && OLD_TERM_HOLDS_NOTHING(i) ->
    if
    :: cell[i].term != term_of[i] ->
      available = available + E(i);
      cell[i].term = term_of[i]; cell[i].granted = 0; cell[i].used = 0; cell[i].closed = false
    :: else
    fi;
    cell[i].granted++; available--; WRITE_PAGE(i); check()
  }
  :: d_step { /* another term: a restore, another PC, a session that was over */
    term_of[i] < TERMS ->
    term_of[i]++; WRITE_PAGE(i); check()
  }
  :: d_step { /* hear the next operation of the lane */
    lane[i] ? k(t, a, l) -> hear(i); check()
  }
  :: d_step { /* the next one cannot be read yet: it is kept in custody */
    parks < PARKS && lane[i] ? [spend, t, a, l] ->
    parks++; lane[i] ? k(t, a, l); custody[i] ! k(t, a, l); check()
  }
  :: d_step { /* what was in custody can be read now, and what waited behind it goes on */
    len(custody[i]) > 0 ->
    do
    :: len(custody[i]) > 0 -> custody[i] ? k(t, a, l); post(i)
    :: else -> break
    od;
    check()
  }
  :: d_step { i == 0 && pending > 0 -> pending--; issued++; available++; check() } /* they became points */
  :: d_step { i == 0 && pending > 0 -> pending--; check() } /* the goods came back */
#ifdef M_CLOSE_BEFORE_LANE /* the close is believed before everything in front of it was heard */
  :: d_step {
    lane[i] ?? [close_term, t, a, l] -> k = close_term; lane[i] ?? close_term(t, a, l); hear(i); check()
  }
#endif
#ifdef M_HEARD_TWICE /* what is delivered again is posted again */
  :: d_step {
    !is_torn && lane[i] ? [k, t, a, l] -> is_torn = true; lane[i] ? <k, t, a, l>; hear(i); check()
  }
#endif
#ifdef M_TIMER_RECLAIM /* rights of a till that was silent for long come home without its lane */
  :: d_step { E(i) > 0 -> available = available + E(i); cell[i].closed = true; check() }
#endif
  od
}

/* The night may come at any moment: every till hears its newest page and gives everything back, every lane
 * is heard to its end. Then every point is at headquarters, however the day went: nothing is stranded. */
proctype night() {
end:
  do
  :: d_step {
    at = 0;
    do
    :: at < TILLS ->
      newest = NEWEST(at);
      hear_page(at, term_of[at], newest);
      give_all_back(at);
      do
      :: len(custody[at]) > 0 -> custody[at] ? k(t, a, l); post(at)
      :: else -> break
      od;
      do
      :: len(lane[at]) > 0 -> lane[at] ? k(t, a, l); post(at)
      :: else -> break
      od;
      at++
    :: else -> break
    od;
    check();
    assert(E(0) + E(1) + F(0) + F(1) == 0);
    assert(available == issued - spent)
  }
  od
}

init { atomic { run counter(0); run counter(1); run headquarters(0); run headquarters(1); run night() } }
