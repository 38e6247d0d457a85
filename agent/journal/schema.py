"""The tables of one till's database, in the order in which versions added them.

``ops`` is the book: triggers forbid changing or removing a row. Everything else can be rebuilt from
it, from headquarters' feed, or is waiting to be sent or printed. A migration never touches ``ops``.
"""

from __future__ import annotations

from typing import Any

from agent.journal.database import Migrations

migrations = Migrations("jifen.agent")

NEVER_CHANGED = (
    (
        "ops_never_change",
        "CREATE TRIGGER ops_never_change BEFORE UPDATE ON ops"
        " BEGIN SELECT RAISE(ABORT, 'the book is never changed'); END",
    ),
    (
        "ops_never_removed",
        "CREATE TRIGGER ops_never_removed BEFORE DELETE ON ops"
        " BEGIN SELECT RAISE(ABORT, 'the book is never torn'); END",
    ),
)
"""What keeps the book as it is, by name."""

FIRST = """
CREATE TABLE ops (
  pos INTEGER PRIMARY KEY,              -- epoch * 2^32 + seq
  op_id TEXT NOT NULL UNIQUE,
  m INTEGER,
  kind TEXT NOT NULL,
  day INTEGER NOT NULL,
  body BLOB NOT NULL,
  hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE TABLE acts (act TEXT PRIMARY KEY, asked TEXT NOT NULL, pos INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE receipts_of_sales (receipt TEXT, day INTEGER, pos INTEGER NOT NULL,
  PRIMARY KEY (receipt, day)) STRICT, WITHOUT ROWID;
CREATE TABLE returns (sale TEXT, pos INTEGER, PRIMARY KEY (sale, pos)) STRICT, WITHOUT ROWID;

CREATE TABLE prints (
  id INTEGER PRIMARY KEY,               -- position of the operation * 256 + copy
  state TEXT NOT NULL,                  -- QUEUED SENDING CONFIRMED UNCERTAIN FAILED BLOCKED SENT
  why TEXT NOT NULL DEFAULT '',
  receipt TEXT NOT NULL
) STRICT;

CREATE TABLE rights (m INTEGER PRIMARY KEY, cell TEXT NOT NULL) STRICT;
CREATE TABLE intents (op_id TEXT PRIMARY KEY, m INTEGER NOT NULL, pts INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE envelopes (
  first INTEGER PRIMARY KEY,            -- position of its first operation
  last INTEGER NOT NULL,
  batch_id TEXT NOT NULL,
  bytes BLOB NOT NULL,
  ack BLOB
) STRICT;
CREATE TABLE outcomes (pos INTEGER PRIMARY KEY, letter TEXT NOT NULL, detail TEXT NOT NULL) STRICT;
CREATE TABLE sealed (op_id TEXT PRIMARY KEY, blob BLOB NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE members (m INTEGER PRIMARY KEY, ver INTEGER NOT NULL, row TEXT NOT NULL) STRICT;
CREATE TABLE codes (who INTEGER PRIMARY KEY, m INTEGER NOT NULL) STRICT;
CREATE TABLE phones (tag TEXT PRIMARY KEY, m INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE pool (m INTEGER PRIMARY KEY, code TEXT NOT NULL, used INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE feeds (topic TEXT, shard TEXT, ver INTEGER NOT NULL, g INTEGER NOT NULL, manifest BLOB NOT NULL,
  PRIMARY KEY (topic, shard)) STRICT, WITHOUT ROWID;
CREATE TABLE chunks (topic TEXT, shard TEXT, sha TEXT, PRIMARY KEY (topic, shard, sha)) STRICT, WITHOUT ROWID;
CREATE TABLE books (hash TEXT PRIMARY KEY, blob BLOB NOT NULL, current INTEGER NOT NULL)
  STRICT, WITHOUT ROWID;
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""


@migrations()
def first(db: Any) -> None:
    """The tables of the first version."""
    db.executescript(FIRST)
    db.executescript(";".join(trigger for _, trigger in NEVER_CHANGED) + ";")


@migrations()
def counted_outcomes(db: Any) -> None:
    """From which edition of members on an outcome is counted there; what an ack said is never waited for."""
    db.executescript("ALTER TABLE outcomes ADD COLUMN g INTEGER NOT NULL DEFAULT 0;")


@migrations()
def keys_of_all_tills(db: Any) -> None:
    """Who signed a paper of another store."""
    db.executescript(
        "CREATE TABLE device_keys (kid TEXT PRIMARY KEY, public BLOB NOT NULL, store TEXT NOT NULL,"
        " till TEXT NOT NULL, epoch INTEGER NOT NULL, suite TEXT NOT NULL, not_before_ms INTEGER NOT NULL,"
        " revoked_at_ms INTEGER, max_seq INTEGER) STRICT, WITHOUT ROWID;"
    )


@migrations()
def spent_by_trust(db: Any) -> None:
    """What was spent by trust, whose budget outlives a restart."""
    db.executescript(
        "CREATE TABLE trusts (pos INTEGER PRIMARY KEY, m INTEGER NOT NULL, day INTEGER NOT NULL,"
        " pts INTEGER NOT NULL) STRICT;"
    )


@migrations()
def wanted_from_sisters(db: Any) -> None:
    """What a sister till was asked to give and has not answered yet."""
    db.executescript(
        "CREATE TABLE wants (id TEXT PRIMARY KEY, till TEXT NOT NULL, m INTEGER NOT NULL,"
        " pts INTEGER NOT NULL, inc INTEGER NOT NULL, term INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    )


@migrations()
def shown_by_members(db: Any) -> None:
    """What members' tokens told, until it is out of date.

    An earlier program has passed over the row with headquarters' keys for them, so that page is read again.
    """
    db.executescript("DELETE FROM chunks WHERE topic = 'till';")
    db.executescript(
        "CREATE TABLE tokens (m INTEGER PRIMARY KEY, row INTEGER NOT NULL, tier INTEGER NOT NULL,"
        " points INTEGER NOT NULL, debt INTEGER NOT NULL, issued_ms INTEGER NOT NULL,"
        " expires_ms INTEGER NOT NULL, shown_ms INTEGER NOT NULL) STRICT;"
    )


@migrations()
def refunds_by_reservation(db: Any) -> None:
    """Sales that only headquarters lets this till refund, intents to refund them, and what was refunded."""
    db.executescript(
        "CREATE TABLE papers (n INTEGER PRIMARY KEY, sale TEXT NOT NULL UNIQUE, store TEXT NOT NULL,"
        " till TEXT NOT NULL, m INTEGER, body BLOB NOT NULL, digits TEXT NOT NULL,"
        " rest TEXT NOT NULL) STRICT;"
        "CREATE TABLE refund_intents (op_id TEXT PRIMARY KEY, sale TEXT NOT NULL) STRICT, WITHOUT ROWID;"
        "CREATE TABLE refunds_elsewhere (op_id TEXT PRIMARY KEY, sale TEXT NOT NULL, before TEXT NOT NULL)"
        " STRICT, WITHOUT ROWID;"
        "CREATE INDEX refunds_of_paper ON refunds_elsewhere (sale);"
    )


@migrations()
def refunds_given_by_sisters(db: Any) -> None:
    """The gift by which the right to refund a sale is this till's, as its giver signed it."""
    db.executescript("ALTER TABLE papers ADD COLUMN given TEXT;")


@migrations()
def papers_shown_to_sisters(db: Any) -> None:
    """The paper by which a sister till is asked for the right to refund its sale; '' where points are."""
    db.executescript("ALTER TABLE wants ADD COLUMN paper TEXT NOT NULL DEFAULT '';")


@migrations()
def receipts_with_codes(db: Any) -> None:
    """The receipts that still have a member's code on them, few among many, for the night."""
    db.executescript(
        "CREATE INDEX prints_with_codes ON prints (id) WHERE instr(receipt, '\"member_code\"');"
        "DELETE FROM facts WHERE name = 'codes_forgotten';"
    )


@migrations()
def moved_to_another_lane(db: Any) -> None:
    """Where operations stood before the book went on in another lane, and the hash that each had there."""
    db.executescript(
        "CREATE TABLE moved (pos INTEGER PRIMARY KEY, hash BLOB NOT NULL, to_pos INTEGER NOT NULL) STRICT;"
        "CREATE TRIGGER moved_never_changes BEFORE UPDATE ON moved"
        " BEGIN SELECT RAISE(ABORT, 'the book is never changed'); END;"
        "CREATE TRIGGER moved_never_removed BEFORE DELETE ON moved"
        " BEGIN SELECT RAISE(ABORT, 'the book is never torn'); END;"
    )


@migrations()
def witnessed_log(db: Any) -> None:
    """Headquarters' log as this till has seen it: heads, where its acks stand, what was contradicted."""
    db.executescript(
        "ALTER TABLE envelopes ADD COLUMN leaf INTEGER;"
        "ALTER TABLE envelopes ADD COLUMN proof TEXT;"
        "ALTER TABLE envelopes ADD COLUMN in_head TEXT;"  # origin and size, as in log_heads
        "CREATE INDEX envelopes_without_leaf ON envelopes (first) WHERE ack IS NOT NULL AND leaf IS NULL;"
        "CREATE TABLE log_heads (n INTEGER PRIMARY KEY, head TEXT NOT NULL UNIQUE, note BLOB NOT NULL,"
        " cited INTEGER NOT NULL DEFAULT 0) STRICT;"
        "CREATE TABLE log_evidence (n INTEGER PRIMARY KEY, why TEXT NOT NULL, number INTEGER NOT NULL,"
        " heard_ms INTEGER NOT NULL, held BLOB NOT NULL, answer BLOB NOT NULL, shown BLOB NOT NULL,"
        " UNIQUE (why, number)) STRICT;"
        "CREATE TRIGGER log_evidence_never_changes BEFORE UPDATE ON log_evidence"
        " BEGIN SELECT RAISE(ABORT, 'evidence is never changed'); END;"
        "CREATE TRIGGER log_evidence_never_removed BEFORE DELETE ON log_evidence"
        " BEGIN SELECT RAISE(ABORT, 'evidence is never removed'); END;"
    )


@migrations()
def questions_on_sticks(db: Any) -> None:
    """What was asked of headquarters by a stick, so that its answer is known when it comes, however late."""
    db.executescript(
        "CREATE TABLE sticks (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, question BLOB NOT NULL)"
        " STRICT;"
    )


@migrations()
def members_by_pieces(db: Any) -> None:
    """Which edition told a member's row, while that edition is not here as a whole, and from which edition on
    an own operation is counted."""
    db.executescript(
        "ALTER TABLE members ADD COLUMN g INTEGER NOT NULL DEFAULT 0;"
        "CREATE TABLE counted (g INTEGER PRIMARY KEY, pos INTEGER NOT NULL) STRICT;"
    )


@migrations()
def visitors(db: Any) -> None:
    """Which of the members that are known here are at home in another region."""
    db.executescript("CREATE TABLE visitors (m INTEGER PRIMARY KEY) STRICT;")
