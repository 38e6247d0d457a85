/* A PC that burnt or was stolen: its rights come home by people's decision, once, and its lane is sealed.
 *
 * Till 0 may be declared lost at any moment, whether its PC is gone or only silent. It may go on selling
 * until it hears that its key is revoked, or its disk is found. What it recorded beyond the last operation
 * that headquarters had heard surfaces then, whole, or never. A shortage that this makes is headquarters' or
 * the store's, never the member's, and never more than what was out when the PC was declared lost. The
 * other till must be as safe as without all this.
 *
 * What is named M_ is a protocol with one rule broken, which must be found out.
 */
#ifndef POINTS
#define POINTS 2
#endif
#ifndef EARNS
#define EARNS 2 /* points earned at tills, spendable there at once */
#endif
#ifndef GRANTS
#define GRANTS 3 /* points that headquarters sets aside in all */
#endif

#define LOST 0
#define SAFE 1
#define LANE 8

mtype = { earn, spend, redeem, give_back };

typedef Till {
  byte granted; /* heard */
  byte used;
  byte local_left;
  bool is_authorised /* an answer came, and its operation is not recorded yet */
};

typedef Cell {
  byte granted;
  byte used;
  byte added;
  byte local_used;
  byte reserved /* H: one authorisation */
};

Till till[2];
Cell cell[2];
short available = POINTS; /* A; below zero it is exposure: what was handed out twice */
bool is_lost; /* the decision was posted: the key is revoked at the last operation that was heard */
bool is_stopped; /* the lost PC has heard it, or its disk was found: it sells no more */
byte out; /* what was out at that moment: E + F + H */
byte grants, earns, returns;

chan lane[2] = [LANE] of { mtype, byte, byte }; /* kind, allowance points, local points */

byte issued = POINTS, spent; /* at counters */
byte unposted_spends[2], unposted_adds[2];
byte unposted_allowance, unposted_local; /* used at the other till, spent or given back */

hidden mtype k;
hidden byte a, l, n, at;
hidden short home;

#define LEFT(i) (till[i].granted - till[i].used)
#define E(i) (cell[i].granted - cell[i].used)
#define F(i) (cell[i].added - cell[i].local_used)
#define HELD(i) (E(i) + F(i) + cell[i].reserved)

inline check() {
  assert(spent <= issued + out); /* handed out twice: never more than was out with the lost PC */
  assert(available + out >= 0); /* and headquarters sees no more than that */
  assert(cell[0].used <= cell[0].granted && cell[1].used <= cell[1].granted);
  assert(cell[0].local_used <= cell[0].added && cell[1].local_used <= cell[1].added);
  assert(!is_lost || HELD(LOST) == 0); /* nothing makes rights for a PC that is lost */
  assert(LEFT(SAFE) + unposted_allowance <= E(SAFE)); /* R10 of the other till */
  assert(till[SAFE].local_left + unposted_local == F(SAFE) + unposted_adds[SAFE]);
  assert(available + HELD(0) + HELD(1) ==
    issued - spent + unposted_spends[0] + unposted_spends[1] - unposted_adds[0] - unposted_adds[1])
}

inline record(i, kind, pa, pl) {
  lane[i] ! kind(pa, pl);
  if
  :: kind == earn -> unposted_adds[i] = unposted_adds[i] + pl
  :: kind == spend || kind == redeem ->
    unposted_spends[i] = unposted_spends[i] + pa + pl; spent = spent + pa + pl
  :: else
  fi;
  if
  :: i == SAFE && (kind == spend || kind == give_back) ->
    unposted_allowance = unposted_allowance + pa; unposted_local = unposted_local + pl
  :: else
  fi
}

inline give_all_back(i) {
  n = LEFT(i);
  l = till[i].local_left;
  till[i].used = till[i].granted;
  till[i].local_left = 0;
  record(i, give_back, n, l)
}

#define SELLS (i != LOST || !is_stopped)

proctype counter(byte i) {
end:
  do
  :: d_step { /* the newest page */
    SELLS && till[i].granted < cell[i].granted -> till[i].granted = cell[i].granted; check()
  }
  :: d_step { SELLS && till[i].local_left > 0 -> till[i].local_left--; record(i, spend, 0, 1); check() }
  :: d_step { SELLS && LEFT(i) > 0 -> till[i].used++; record(i, spend, 1, 0); check() }
  :: d_step { /* what a member earns is the member's, whole, whatever is short anywhere */
    SELLS && earns < EARNS ->
    earns++; issued++;
#ifdef M_SHORTAGE_IS_THE_MEMBERS /* what is short because of a lost PC is taken from the next points earned */
    n = (available < 0 -> 0 : 1);
#else
    n = 1;
#endif
    till[i].local_left = till[i].local_left + n; record(i, earn, 0, n); assert(n == 1); check()
  }
  :: d_step { /* the answer came: the operation is recorded */
    SELLS && till[i].is_authorised -> till[i].is_authorised = false; record(i, redeem, 0, 1); check()
  }
  :: d_step { /* everything left goes home, once */
    SELLS && returns < 1 && LEFT(i) + till[i].local_left > 0 -> returns++; give_all_back(i); check()
  }
  od
}

/* ---- headquarters ---- */

#ifdef M_LANE_NOT_SEALED /* what surfaces is posted like any lane's */
#define IS_SEALED(i) false
#else
#define IS_SEALED(i) (i == LOST && is_lost)
#endif

inline post(i) { /* the operation k(a, l) */
  home = HELD(i);
  if
  :: IS_SEALED(i) -> /* a fact like any other, and no right of any till */
#ifdef M_RETURNED_AND_LOST /* rights that the lost PC had given back come home a second time */
    if
    :: k == give_back -> available = available + a + l
    :: else
    fi;
#endif
    skip
  :: else ->
    if
    :: k == earn -> cell[i].added = cell[i].added + l
    :: k == redeem -> cell[i].reserved = 0
    :: k == spend || k == give_back ->
      cell[i].used = cell[i].used + a; cell[i].local_used = cell[i].local_used + l
    fi
  fi;
  available = available + home - HELD(i);
  if
  :: k == earn -> available = available + l; unposted_adds[i] = unposted_adds[i] - l
  :: k == spend || k == redeem ->
    available = available - a - l; unposted_spends[i] = unposted_spends[i] - a - l
  :: else
  fi;
  if
  :: i == SAFE && (k == spend || k == give_back) ->
    unposted_allowance = unposted_allowance - a; unposted_local = unposted_local - l
  :: else
  fi
}

#ifdef M_GRANT_TO_THE_LOST /* headquarters goes on granting to a PC that it has declared lost */
#define MAY_HOLD(i) true
#else
#define MAY_HOLD(i) !(i == LOST && is_lost)
#endif

inline declare_lost() {
  home = HELD(LOST);
  out = home;
  available = available + home;
  cell[LOST].used = cell[LOST].granted;
#ifndef M_LOST_LEAVES_LOCAL /* only the allowance comes home */
  cell[LOST].local_used = cell[LOST].added;
#endif
  cell[LOST].reserved = 0;
  is_lost = true
}

inline hear_whole_lane(i) {
  do
  :: len(lane[i]) > 0 -> lane[i] ? k(a, l); post(i)
  :: else -> break
  od
}

inline stop_selling() { /* the lost PC's rights came home without it, so it has none */
  is_stopped = true;
  till[LOST].used = till[LOST].granted;
  till[LOST].local_left = 0;
  till[LOST].is_authorised = false
}

proctype headquarters(byte i) {
end:
  do
  :: d_step { /* set one more point aside */
    grants < GRANTS && available > 0 && MAY_HOLD(i) -> grants++; cell[i].granted++; available--; check()
  }
  :: d_step { /* an authorisation: reserved, then said */
    available > 0 && MAY_HOLD(i) && cell[i].reserved == 0 && grants < GRANTS ->
    grants++; cell[i].reserved = 1; available--; till[i].is_authorised = true; check()
  }
  :: d_step { !IS_SEALED(i) && lane[i] ? [k, a, l] -> lane[i] ? k(a, l); post(i); check() }
  :: d_step { i == LOST && is_lost && !is_stopped -> stop_selling(); hear_whole_lane(i); check() }
#ifdef M_SURFACES_IN_PIECES /* its points are granted again before its spends were heard */
  :: d_step { IS_SEALED(i) && lane[i] ? [k, a, l] -> stop_selling(); lane[i] ? k(a, l); post(i); check() }
#endif
#ifdef M_SELLS_WHEN_REVOKED /* a PC that was told that it is lost goes on selling */
  :: d_step { IS_SEALED(i) && len(lane[i]) > 0 -> hear_whole_lane(i); check() }
#endif
  :: d_step { i == LOST && !is_lost -> declare_lost(); check() } /* two people decide it, with evidence */
#ifdef M_LOST_TWICE /* the decision is heard again, and is counted again */
  :: d_step { i == LOST && is_lost -> available = available + out; check() }
#endif
  od
}

/* The night may come at any moment: all that can surface does. Every point is at headquarters again, and
 * what is missing there is exactly what was handed out twice. */
active proctype night() {
  atomic { run counter(0); run counter(1); run headquarters(0); run headquarters(1) }
end:
  do
  :: d_step {
    at = 0;
    do
    :: at < 2 ->
      till[at].granted = cell[at].granted;
      if
      :: at == LOST && is_lost -> stop_selling()
      :: else
      fi;
      if
      :: till[at].is_authorised -> till[at].is_authorised = false; record(at, redeem, 0, 1)
      :: else
      fi;
      give_all_back(at);
      hear_whole_lane(at);
      at++
    :: else -> break
    od;
    check();
    assert(HELD(0) + HELD(1) == 0);
    assert(available == issued - spent)
  }
  od
}
