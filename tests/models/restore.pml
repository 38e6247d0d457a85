/* Headquarters comes back from a backup: what it forgot is heard again, and nothing is granted before that.
 *
 * A backup is taken at any moment, headquarters falls back to it at any later one. It has forgotten grants
 * that it made and operations that it had heard; tills have not. The restore counter (inc) rises: whoever
 * hears it closes the old term, behind everything that stands in its lane; local rights stay. Lanes are
 * delivered again from where the backup knows them.
 *
 * What is named M_ is a protocol with one rule broken, which must be found out.
 */
#ifndef POINTS
#define POINTS 1
#endif
#ifndef EARNS
#define EARNS 1 /* points earned at tills, spendable there at once */
#endif
#ifndef GRANTS
#define GRANTS 3 /* points that headquarters sets aside in all */
#endif

#define LANE 8

mtype = { earn, spend, give_back, close_term };

typedef Op {
  mtype kind;
  byte a; /* allowance points */
  byte l /* local points */
};

typedef Till { /* durable */
  byte inc = 1;
  byte granted;
  byte used;
  byte local_left;
  byte written; /* operations in its lane */
  Op op[LANE]
};

typedef Cell { /* headquarters' view of a till */
  byte granted;
  byte used;
  byte added;
  byte local_used;
  byte heard; /* operations of its lane */
  bool closed /* the till has closed the term that was before the restore */
};

typedef Books {
  short balance = POINTS; /* what is the member's by all that is posted */
  Cell cell[2]
};

Till till[2];
Books books;
Books backup;
bool is_saved;
byte inc = 1;
byte told[2]; /* the largest grant of the time before the restore that was ever sent to a till */
byte grants, earns;

byte issued = POINTS, spent; /* at counters */

hidden byte at, n, l;

#define LEFT(i) (till[i].granted - till[i].used)
#define LESS(all, used) ((all < used) -> 0 : all - used)
#define E(i) LESS(books.cell[i].granted, books.cell[i].used)
#define F(i) LESS(books.cell[i].added, books.cell[i].local_used)
#define AVAILABLE (books.balance - E(0) - E(1) - F(0) - F(1))

#ifdef M_GRANT_BEFORE_CLOSE /* what the backup knows is believed at once */
#define MAY_GRANT(i) true
#elif defined(M_GRANT_AFTER_OWN_CLOSE) /* only the till that is granted to must have closed its old term */
#define MAY_GRANT(i) (inc == 1 || books.cell[i].closed)
#else
#define MAY_GRANT(i) (inc == 1 || (books.cell[0].closed && books.cell[1].closed))
#endif

inline check() {
  assert(spent <= issued); /* no overspend, at the counters themselves */
  assert(inc > 1 || AVAILABLE >= 0);
  assert(inc == 1 || !books.cell[0].closed || !books.cell[1].closed || AVAILABLE >= 0)
}

inline record(i, k, pa, pl) {
  till[i].op[till[i].written].kind = k;
  till[i].op[till[i].written].a = pa;
  till[i].op[till[i].written].l = pl;
  till[i].written++
}

inline hear_page(i) { /* the newest; after a restore it closes the old term */
  if
  :: till[i].inc < inc ->
    record(i, close_term, 0, 0);
    till[i].inc = inc; till[i].granted = 0; till[i].used = 0
  :: else
  fi;
  n = (inc == 1 || books.cell[i].closed -> books.cell[i].granted : 0);
  if
  :: n > till[i].granted -> till[i].granted = n
  :: else
  fi
}

inline give_all_back(i) {
  n = LEFT(i);
  l = till[i].local_left;
  if
  :: n + l > 0 -> till[i].used = till[i].granted; till[i].local_left = 0; record(i, give_back, n, l)
  :: else
  fi
}

#define HAS_ROOM(i) (till[i].written < LANE - 2)

proctype counter(byte i) {
end:
  do
  :: d_step { /* a page of before the restore is still on its way */
    till[i].inc == 1 && told[i] > till[i].granted -> till[i].granted = told[i]; check()
  }
  :: d_step { HAS_ROOM(i) && inc > 1 -> hear_page(i); check() }
  :: d_step { /* a member pays with points */
    HAS_ROOM(i) && till[i].local_left > 0 -> till[i].local_left--; record(i, spend, 0, 1); spent++; check()
  }
  :: d_step { HAS_ROOM(i) && LEFT(i) > 0 -> till[i].used++; record(i, spend, 1, 0); spent++; check() }
  :: d_step {
    HAS_ROOM(i) && earns < EARNS -> earns++; issued++; till[i].local_left++; record(i, earn, 0, 1); check()
  }
  :: d_step { HAS_ROOM(i) && LEFT(i) + till[i].local_left > 0 -> give_all_back(i); check() }
  od
}

#define NEXT(i) till[i].op[books.cell[i].heard]

inline post(i) { /* the next operation of the lane */
  if
  :: NEXT(i).kind == earn ->
    books.balance = books.balance + NEXT(i).l;
#ifdef M_LOCAL_COUNTED_TWICE /* old local rights come home with it, and the till keeps them */
    n = (inc > 1 -> 0 : NEXT(i).l);
    books.cell[i].added = books.cell[i].added + n
#else
    books.cell[i].added = books.cell[i].added + NEXT(i).l
#endif
  :: NEXT(i).kind == spend || NEXT(i).kind == give_back ->
    books.cell[i].used = books.cell[i].used + NEXT(i).a;
    books.cell[i].local_used = books.cell[i].local_used + NEXT(i).l;
    if
    :: NEXT(i).kind == spend -> books.balance = books.balance - NEXT(i).a - NEXT(i).l
    :: else
    fi
  :: NEXT(i).kind == close_term ->
    books.cell[i].granted = 0; books.cell[i].used = 0; books.cell[i].closed = true
  fi;
  books.cell[i].heard++
}

inline copy_books(to, from) {
  to.balance = from.balance;
  at = 0;
  do
  :: at < 2 ->
    to.cell[at].granted = from.cell[at].granted;
    to.cell[at].used = from.cell[at].used;
    to.cell[at].added = from.cell[at].added;
    to.cell[at].local_used = from.cell[at].local_used;
#ifndef M_LANES_NOT_REWOUND /* what was heard before the restore is not asked for again */
    to.cell[at].heard = from.cell[at].heard;
#endif
    at++
  :: else -> break
  od
}

proctype headquarters(byte i) {
end:
  do
  :: d_step {
    grants < GRANTS && AVAILABLE > 0 && MAY_GRANT(i) ->
    grants++; books.cell[i].granted++;
    if
    :: inc == 1 -> told[i] = books.cell[i].granted
    :: else
    fi;
    check()
  }
  :: d_step { books.cell[i].heard < till[i].written -> post(i); check() }
  :: d_step { i == 0 && !is_saved && inc == 1 -> is_saved = true; copy_books(backup, books); check() }
  :: d_step { i == 0 && inc == 1 -> inc = 2; copy_books(books, backup); check() }
  od
}

/* The night may come at any moment: every till hears the newest page, gives back, and is heard to its end. */
active proctype night() {
  atomic { run counter(0); run counter(1); run headquarters(0); run headquarters(1) }
end:
  do
  :: d_step {
    HAS_ROOM(0) && HAS_ROOM(1) ->
    at = 0;
    do
    :: at < 2 ->
      if
      :: till[at].inc == 1 && told[at] > till[at].granted -> till[at].granted = told[at]
      :: else
      fi;
      hear_page(at);
      give_all_back(at);
      do
      :: books.cell[at].heard < till[at].written -> post(at)
      :: else -> break
      od;
      at++
    :: else -> break
    od;
    check();
    assert(E(0) + E(1) + F(0) + F(1) == 0);
    assert(AVAILABLE == issued - spent)
  }
  od
}
