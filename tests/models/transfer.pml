/* One till gives another a part of its allowance over the shop's own network, without headquarters.
 *
 * The giving is recorded in the giver's lane, then a message carries it; the taking is recorded in the
 * receiver's. The message may be lost, doubled and late; headquarters hears the two lanes in whatever order
 * and moves the points once, by the giving's id. What was given and never taken comes home with the close of
 * the term that the receiver was in.
 *
 * What is named M_ is a protocol with one rule broken, which must be found out.
 */
#ifndef POINTS
#define POINTS 2
#endif
#ifndef GIVES
#define GIVES 2 /* gifts of one point, three at most */
#endif
#ifndef GRANTS
#define GRANTS 3 /* points that headquarters sets aside in all */
#endif

#define TERMS 2 /* in the day; at night another begins */
#define LANE 10

mtype = { spend, give, take, close_term };

typedef Till {
  byte term = 1;
  byte granted; /* heard, in this term */
  byte taken; /* from the other till, in this term */
  byte used /* spent, given away or given back */
};

typedef Cell {
  byte term = 1;
  byte granted;
  short moved; /* what was given to it, less what it gave */
  byte used;
  short coming /* the same of the next term, whose beginning headquarters has not heard of yet */
};

Till till[2];
Cell cell[2];
byte term_of[2] = 1;
short available = POINTS; /* A */
byte gives, grants;
byte giver[3]; /* of a gift */
byte gave_in[3]; /* the giver's term */
byte names_term[3]; /* the receiver's term that the gift is for */
bool was_taken[3]; /* the receiver has recorded it */
bool is_posted[3]; /* headquarters has moved it */
chan lane[2] = [LANE] of { mtype, byte, byte }; /* kind, term, gift */

byte spent, posted_spent; /* at counters, and what is posted of it */

hidden mtype k;
hidden byte t, id;

#define LEFT(i) (till[i].granted + till[i].taken - till[i].used)
#define E(i) (cell[i].granted + cell[i].moved - cell[i].used)
#define HELD(i) (E(i) + cell[i].coming)

inline check() {
  assert(spent <= POINTS); /* no overspend, at the counters themselves */
  assert(available >= 0 && E(0) >= 0 && E(1) >= 0 && cell[0].coming >= 0 && cell[1].coming >= 0);
  assert(available + HELD(0) + HELD(1) == POINTS - posted_spent)
}

#define HEAR_GIFT(g) (gives > g && giver[g] != i && CAN_TAKE(g))
#ifdef M_TAKEN_TWICE /* a message that comes again is taken again */
#define IS_TAKEN(g) false
#else
#define IS_TAKEN(g) (was_taken[g])
#endif
#ifdef M_TAKEN_AFTER_CLOSE /* a gift that was for a closed term is taken in the next one */
#define CAN_TAKE(g) !IS_TAKEN(g)
#else
#define CAN_TAKE(g) (!IS_TAKEN(g) && names_term[g] == till[i].term)
#endif

inline record(i, kind, gift) { /* in the term that the till is in */ lane[i] ! kind(till[i].term, gift) }

inline take_gift(i, g) { was_taken[g] = true; till[i].taken++; record(i, take, g) }

inline end_term(i) {
  record(i, close_term, 0);
  till[i].term++; till[i].granted = 0; till[i].taken = 0; till[i].used = 0
}

#define HAS_ROOM(i) (len(lane[i]) < LANE - 3)

proctype counter(byte i) {
end:
  do
  :: d_step { /* the newest page of its term */
    till[i].term == cell[i].term && till[i].granted < cell[i].granted ->
    till[i].granted = cell[i].granted; check()
  }
  :: d_step { HAS_ROOM(i) && LEFT(i) > 0 -> till[i].used++; spent++; record(i, spend, 0); check() }
  :: d_step { /* the sister till needs a point: recorded first, then sent, for the term it is in */
    HAS_ROOM(i) && LEFT(i) > 0 && gives < GIVES ->
    giver[gives] = i; gave_in[gives] = till[i].term; names_term[gives] = till[1 - i].term;
#ifndef M_GAVE_AND_KEPT /* the message leaves before the giving is on disk, and the PC is killed */
    till[i].used++; record(i, give, gives);
#endif
    gives++; check()
  }
  :: d_step { HAS_ROOM(i) && HEAR_GIFT(0) -> take_gift(i, 0); check() }
  :: d_step { HAS_ROOM(i) && HEAR_GIFT(1) -> take_gift(i, 1); check() }
  :: d_step { HAS_ROOM(i) && HEAR_GIFT(2) -> take_gift(i, 2); check() }
#ifdef M_GIVER_TAKES_BACK /* a gift that was not confirmed for long is the giver's again */
  :: d_step { gives > 0 && giver[0] == i && till[i].used > 0 -> till[i].used--; check() }
#endif
  :: d_step { /* another term: the old one is closed */
    HAS_ROOM(i) && till[i].term < term_of[i] -> end_term(i); check()
  }
  od
}

#ifdef M_POSTED_TWICE /* the giving and the taking each move the points */
#define IS_MOVED(id) false
#else
#define IS_MOVED(id) (is_posted[id])
#endif

inline move(id) { /* by whichever lane comes first */
  if
  :: !IS_MOVED(id) ->
    is_posted[id] = true;
    if
    :: gave_in[id] > cell[giver[id]].term -> cell[giver[id]].coming--
    :: else -> cell[giver[id]].moved--
    fi;
    if
    :: names_term[id] == cell[1 - giver[id]].term -> cell[1 - giver[id]].moved++
    :: names_term[id] > cell[1 - giver[id]].term -> cell[1 - giver[id]].coming++
#ifdef M_UNTAKEN_IS_NOBODYS /* a gift whose receiver has closed its term is in no place */
    :: names_term[id] < cell[1 - giver[id]].term -> skip
#else
    :: names_term[id] < cell[1 - giver[id]].term -> available++ /* it comes home with that close */
#endif
    fi
  :: else
  fi
}

inline post(i) { /* the operation k(t, id) */
  if
  :: k == spend -> cell[i].used++; posted_spent++
  :: k == give || k == take -> move(id)
  :: k == close_term ->
    available = available + E(i);
    cell[i].term++; cell[i].granted = 0; cell[i].used = 0;
    cell[i].moved = cell[i].coming; cell[i].coming = 0
  fi
}

proctype headquarters(byte i) {
end:
  do
  :: d_step { /* nothing is granted in a term before the old one is closed */
    grants < GRANTS && available > 0 && cell[i].term == term_of[i] ->
    grants++; cell[i].granted++; available--; check()
  }
  :: d_step { term_of[i] < TERMS -> term_of[i]++; check() }
  :: d_step { lane[i] ? k(t, id) -> post(i); check() }
  od
}

/* The night may come at any moment, once: terms end, lanes are heard; no gift is lost, taken or not. */
active proctype night() {
  atomic { run counter(0); run counter(1); run headquarters(0); run headquarters(1) }
end:
  do
  :: d_step {
        term_of[0] < 3 ->
    term_of[0] = 3; term_of[1] = 3;
    do
    :: till[0].term < 3 -> end_term(0)
    :: till[0].term == 3 && till[1].term < 3 -> end_term(1)
    :: else -> break
    od;
    do
    :: len(lane[0]) > 0 -> lane[0] ? k(t, id); post(0)
    :: len(lane[0]) == 0 && len(lane[1]) > 0 -> lane[1] ? k(t, id); post(1)
    :: else -> break
    od;
    check();
    assert(HELD(0) + HELD(1) == 0);
    assert(available == POINTS - spent)
  }
  od
}
