/* Asking headquarters for points while the member waits: intent, reservation, answer, operation or void.
 *
 * PC 0 is a till, PC 1 the PC that takes its place, PC 2 another till, which holds the allowance at first.
 * A question and its answer are messages that may be lost, doubled and late: once sent, they may be heard
 * at any later time, or never. What a PC records stands in its lane and is heard in order, each once. The
 * intent is on disk before the question leaves; who waits for an answer is only in memory, and a PC may be
 * killed at any moment.
 *
 * What is named M_ is a protocol with one rule broken, which must be found out.
 */
#ifndef POINTS
#define POINTS 1
#endif
#ifndef INTENTS
#define INTENTS 2 /* questions that are asked in all, three at most */
#endif
#ifndef CLAWS
#define CLAWS 1 /* points that goods brought back elsewhere take away again */
#endif

#define PCS 3
#define HOLDER 2
#define LANE 8
#define NOBODY 255

mtype = { redeem, void, spend, give_back, close_term };
mtype = { unused, open, over }; /* an intent, on its PC's disk */

mtype intent[3] = unused;
byte asker[3] = NOBODY;
byte waits_for[PCS] = NOBODY; /* the intent whose answer a cashier waits for; in memory only */
bool asked[3]; /* the question was sent; it may arrive now, later, again */
bool granted[3]; /* the answer was sent; the same */
bool closed[PCS];
byte asks;

byte allowance = POINTS; /* what the holder may still spend */
bool is_wanted; /* headquarters said that it wants the allowance back */

bool is_replaced; /* PC 1 has taken PC 0's place */
short available; /* A */
byte escrow = POINTS; /* E of the holder */
byte reserved[3]; /* H, by intent */
bool ended[3]; /* headquarters has posted its operation or its void */
byte shortfall; /* points taken away while rights to them were out; every credit pays it first */
byte claws;

chan lane[PCS] = [LANE] of { mtype, byte }; /* kind, and the intent or the points */

byte spent, posted_spent; /* what counters handed out, and what headquarters has posted of it */

hidden mtype k;
hidden byte n, id, pc;

#ifdef M_RESERVED_TWICE /* a question that is heard again reserves again */
#define IS_RESERVED(id) false
#else
#define IS_RESERVED(id) (reserved[id] > 0)
#endif
#ifdef M_RESERVED_AFTER_ITS_END /* a reserve is made though the operation or the void was posted before */
#define IS_OVER(id) false
#else
#define IS_OVER(id) (ended[id])
#endif
#ifdef M_CLOSE_ENDS_ANOTHERS /* the close of the PC that was replaced frees what the new PC has reserved */
#define IS_OF_TERM(id, i) (asker[id] != HOLDER && asker[id] != NOBODY)
#else
#define IS_OF_TERM(id, i) (asker[id] == i)
#endif

inline check() {
  assert(spent <= POINTS); /* no overspend, at the counters themselves */
  assert(available >= 0);
  assert(allowance <= escrow); /* R10 */
  assert(available + escrow + reserved[0] + reserved[1] + reserved[2] ==
    POINTS - claws - posted_spent + shortfall) /* I1: every point is in one place */
}

/* ---- a PC ---- */

inline void_open_intents(i) {
  id = 0;
  do
  :: id < INTENTS ->
    if
    :: asker[id] == i && intent[id] == open -> intent[id] = over; lane[i] ! void(id)
    :: else
    fi;
    id++
  :: else -> break
  od
}

#define IS_THERE(i) (i != 1 || is_replaced)

proctype counter(byte i) {
end:
  do
  :: d_step { /* its own rights are not enough: the intent is written down, then headquarters is asked */
    i != HOLDER && IS_THERE(i) && !closed[i] && waits_for[i] == NOBODY && asks < INTENTS ->
    asker[asks] = i; intent[asks] = open; asked[asks] = true; waits_for[i] = asks; asks++; check()
  }
  :: d_step { /* the answer: the operation is recorded under the intent's id, and the goods are handed over */
    waits_for[i] != NOBODY && granted[waits_for[i]] ->
    intent[waits_for[i]] = over; lane[i] ! redeem(waits_for[i]); waits_for[i] = NOBODY; spent++; check()
  }
  :: d_step { /* no answer in time, or the cashier cancels: given up, and a late answer is worth nothing */
    waits_for[i] != NOBODY ->
    intent[waits_for[i]] = over; lane[i] ! void(waits_for[i]); waits_for[i] = NOBODY; check()
  }
#ifdef M_ANSWER_AFTER_VOID /* a late answer is taken although the intent was given up */
  :: d_step {
    asks > 0 && asker[0] == i && intent[0] == over && granted[0] && spent == 0 ->
    lane[i] ! redeem(0); spent++; check()
  }
#endif
  :: d_step { /* killed between the intent and the operation */
    waits_for[i] != NOBODY ->
#ifdef M_INTENT_IN_MEMORY /* the intent was not on disk */
    intent[waits_for[i]] = over;
#endif
    waits_for[i] = NOBODY; check()
  }
  :: d_step { i != HOLDER && waits_for[i] == NOBODY -> void_open_intents(i); check() } /* started again */
  :: d_step { /* the PC that was replaced hears it: what it asked is given up, its term is closed */
    i == 0 && is_replaced && !closed[0] ->
#ifndef M_CLOSE_WHILE_ASKING /* a question is still open when the close is written */
    waits_for[0] = NOBODY;
    void_open_intents(i);
#endif
    closed[0] = true; lane[i] ! close_term(0); check()
  }
  :: d_step { i == HOLDER && allowance > 0 -> allowance--; lane[i] ! spend(1); spent++; check() }
  :: d_step { /* the recall is heard: everything left goes home */
    i == HOLDER && is_wanted && allowance > 0 -> n = allowance; allowance = 0; lane[i] ! give_back(n); check()
  }
  od
}

/* ---- headquarters ---- */

inline credit(pts) { /* one point at a time: what is short is paid first */
  n = pts;
  do
  :: n > 0 && shortfall > 0 -> shortfall--; n--
  :: n > 0 && shortfall == 0 -> available++; n--
  :: else -> break
  od
}

inline release(id) {
  pc = reserved[id];
  reserved[id] = 0;
  credit(pc)
}

inline post(i) { /* the operation k(n) of a lane */
  if
  :: k == redeem ->
    assert(reserved[n] == 1); /* what was authorised finds its reservation */
    ended[n] = true;
#ifdef M_POSTED_BY_CREDIT /* released, then taken again: the shortfall is paid in between */
    id = n; release(id);
    available--;
#else
    reserved[n] = 0;
#endif
    posted_spent++
  :: k == void -> id = n; ended[id] = true; release(id)
  :: k == spend -> escrow = escrow - n; posted_spent = posted_spent + n
  :: k == give_back -> escrow = escrow - n; id = n; credit(id)
  :: k == close_term -> /* what this term still has reserved comes home */
    id = 0;
    do
    :: id < INTENTS ->
      if
      :: IS_OF_TERM(id, i) -> release(id)
      :: else
      fi;
      id++
    :: else -> break
    od
  fi
}

inline hear_question(q) {
  if
  :: IS_RESERVED(q) -> granted[q] = true /* the same question has the same answer */
  :: else ->
    if
    :: !IS_OVER(q) && available > 0 && shortfall == 0 && !(asker[q] == 0 && is_replaced) ->
      available--; reserved[q]++; granted[q] = true
    :: !IS_OVER(q) && available == 0 && escrow > 0 -> is_wanted = true
    :: else
    fi
  fi
}

active proctype headquarters() {
  atomic { run counter(0); run counter(1); run counter(HOLDER) }
end:
  do
  :: d_step { asked[0] -> hear_question(0); check() }
  :: d_step { asked[1] -> hear_question(1); check() }
  :: d_step { asked[2] -> hear_question(2); check() }
  :: d_step { lane[0] ? k(n) -> post(0); check() }
  :: d_step { lane[1] ? k(n) -> post(1); check() }
  :: d_step { lane[2] ? k(n) -> post(2); check() }
  :: d_step { !is_replaced -> is_replaced = true; check() }
  :: d_step { /* goods come back whose points are out already */
    claws < CLAWS ->
    claws++;
    if
    :: available > 0 -> available--
    :: else -> shortfall++
    fi;
    check()
  }
#ifdef M_RELEASE_BY_TIME /* a reservation that was not used for long is released */
  :: d_step { reserved[0] > 0 -> release(0); check() }
#endif
  od
}

/* The night may come at any moment: whoever waits gives up, the holder gives back, every lane is heard. */
active proctype night() {
end:
  do
  :: d_step {
    waits_for[0] = NOBODY; waits_for[1] = NOBODY;
    void_open_intents(0);
    void_open_intents(1);
    if
    :: allowance > 0 -> n = allowance; allowance = 0; lane[HOLDER] ! give_back(n)
    :: else
    fi;
    do
    :: len(lane[0]) > 0 -> lane[0] ? k(n); post(0)
    :: len(lane[0]) == 0 && len(lane[1]) > 0 -> lane[1] ? k(n); post(1)
    :: len(lane[0]) == 0 && len(lane[1]) == 0 && len(lane[2]) > 0 -> lane[2] ? k(n); post(2)
    :: else -> break
    od;
    check();
    assert(reserved[0] + reserved[1] + reserved[2] + escrow == 0); /* nothing dangles, nothing is stranded */
    assert(available - shortfall == POINTS - claws - spent)
  }
  od
}
