"""Headquarters' tables, portable by construction.

Every key of a member-scoped table holds ``bucket`` and every key of a store-scoped table holds
``store``, so the same schema can be distributed; no triggers, no unique key without its distribution
column; what is looked up by operation or by alias is keyed by that thing's own hash. ``facts``, ``batches``
and ``postings`` are only ever appended to. Balances are derived: ``members.row`` is
the fold's checkpoint and can be rebuilt from the facts.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    text,
)

metadata = MetaData()
WHOLE = BigInteger().with_variant(Integer(), "sqlite")
SHARD = SmallInteger().with_variant(Integer(), "sqlite")

MEMBER_SCOPED = (
    *("members", "cells", "reserved", "voided", "postings", "facts", "personal", "issued"),
    *("changed", "recalls", "trusted", "unlocked", "denied", "written_off", "blocks"),
)
STORE_SCOPED = (
    *("agents", "lanes", "batches", "waiting", "told", "pool", "counted", "phone_tags", "dismissed"),
    *("losses", "refund_wanted", "visits"),
)
OPERATION_SCOPED = ("op_seen", "resolved", "sealed", "claims", "ceded", "refund_given", "refund_reserved")
"""Keyed by ``op_bucket``, which is computed from the operation's id alone; of a refund, from the sale's."""
REFERENCE = (
    "stores",
    "keys",
    "tickets",
    "books",
    "settings",
    "manifests",
    "blobs",
    "cases",
    "case_acts",
    *("identities", "log_leaves", "log_subtrees", "log_heads"),
)
"""Small, or keyed by a hash, and known everywhere."""
FOLD, RIGHTS, EXPIRY, AT_ONCE = 0, 1, 2, 3
"""What a posting's ``rights`` says: legs of the fold are corrected by a re-fold, those of expiry with it,
those of rights never. One of ``AT_ONCE`` is two: issued to the member, and from there a till's own right."""


def _text(name: str, **more: object) -> Column[str]:
    return Column(name, Text, nullable=False, **more)  # type: ignore[arg-type]


def _whole(name: str, **more: object) -> Column[int]:
    return Column(name, WHOLE, nullable=False, **more)  # type: ignore[arg-type]


def _bucket() -> Column[int]:
    return Column("bucket", SHARD, nullable=False)


# -- reference: small, known everywhere ----------------------------------------------------------

stores = Table("stores", metadata, _text("store", primary_key=True), _text("name"), _text("region"))
keys = Table(
    "keys",
    metadata,
    _text("kid", primary_key=True),
    Column("public", LargeBinary, nullable=False),
    _text("store"),
    _text("till"),
    Column("epoch", WHOLE, nullable=False),
    _text("suite"),
    _whole("not_before_ms"),
    Column("revoked_at_ms", WHOLE),
    Column("max_seq", WHOLE),
    _whole("term", server_default="0"),
    _text("parent", server_default=""),
    _whole("parent_seq", server_default="0"),
    _text("parent_head", server_default=""),
    Column("granted", LargeBinary),
)
tickets = Table(
    "tickets", metadata, _text("id", primary_key=True), _text("store"), _text("till"),
    Column("proof_key", LargeBinary, nullable=False), _whole("expires_ms"), Column("request", Text),
    Column("answer", LargeBinary),
)  # fmt: skip
books = Table(
    "books",
    metadata,
    _text("hash", primary_key=True),
    Column("blob", LargeBinary, nullable=False),
    _whole("current"),
)
settings = Table("settings", metadata, _text("name", primary_key=True), _text("value"))
manifests = Table(
    "manifests", metadata, _text("topic"), _text("shard"), _whole("ver"), _whole("g"),
    Column("bytes", LargeBinary, nullable=False), PrimaryKeyConstraint("topic", "shard"),
)  # fmt: skip
blobs = Table(
    "blobs", metadata, _text("sha"), _text("topic"), _text("shard"), Column("unnamed_ms", WHOLE),
    Column("bytes", LargeBinary, nullable=False), PrimaryKeyConstraint("sha", "topic", "shard"),
)  # fmt: skip
cases = Table(
    "cases",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    _text("reason"),
    _text("op_id"),
    Column("m", WHOLE),
    _text("store"),
    _text("detail"),
    _whole("opened_ms"),
    Column("closed_ms", WHOLE),
)

case_acts = Table(
    "case_acts", metadata, _whole("case_id"), _whole("n"), _whole("at_ms"), _text("by"), _text("act"),
    _text("note"), PrimaryKeyConstraint("case_id", "n"),
)  # fmt: skip

# -- by store ------------------------------------------------------------------------------------

agents = Table(
    "agents",
    metadata,
    _text("store"),
    _text("till"),
    _whole("epoch"),
    _whole("term"),
    _whole("first_member"),
    _whole("next_member"),
    _whole("granted_at"),
    Column("last_seen_ms", WHOLE),
    _text("version"),
    PrimaryKeyConstraint("store", "till"),
)
lanes = Table(
    "lanes", metadata, _text("store"), _text("till"), _whole("epoch"), _whole("seq"), _text("head"),
    _whole("st"), PrimaryKeyConstraint("store", "till", "epoch"),
)  # fmt: skip
batches = Table(
    "batches",
    metadata,
    _text("store"),
    _text("till"),
    _whole("epoch"),
    _whole("first"),
    _whole("last"),
    _text("batch_id"),
    Column("envelope", LargeBinary, nullable=False),
    Column("ack", LargeBinary, nullable=False),
    Column("g", WHOLE),
    _whole("arrived"),
    PrimaryKeyConstraint("store", "till", "epoch", "first", "batch_id"),
)
Index(
    "batches_unnumbered",
    batches.c.arrived,
    batches.c.store,
    sqlite_where=batches.c.g.is_(None),
    postgresql_where=batches.c.g.is_(None),
)
waiting = Table(
    "waiting",
    metadata,
    _text("store"),
    _text("till"),
    _whole("epoch"),
    _whole("seq"),
    _text("on_what"),
    Column("m", WHOLE),
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("store", "till", "epoch", "seq"),
)
Index("waiting_on", waiting.c.on_what, waiting.c.store)
NOT_DOUBTED = "substr(on_what, 1, 3) <> 'pc:'"
"""What waits by itself, and not because its PC is doubted (``doubted_pcs.ON``)."""
Index("waiting_of", waiting.c.store, waiting.c.till, waiting.c.m,
      sqlite_where=text(NOT_DOUBTED), postgresql_where=text(NOT_DOUBTED))  # fmt: skip
told = Table(
    "told",
    metadata,
    _text("store"),
    _text("till"),
    _whole("epoch"),
    _whole("seq"),
    _text("letter"),
    _text("detail"),
    _whole("later"),
    Column("g", WHOLE),
    PrimaryKeyConstraint("store", "till", "epoch", "seq"),
)
"""``later``: it was not said in the ack. ``g``: from this edition of members on it is counted there; NULL
until the next edition is made."""
Index("told_unnumbered", told.c.store, told.c.till,
      sqlite_where=told.c.g.is_(None), postgresql_where=told.c.g.is_(None))  # fmt: skip
dismissed = Table(
    "dismissed", metadata, _text("store"), _text("till"), _whole("epoch"), _whole("seq"), _text("op_id"),
    PrimaryKeyConstraint("store", "till", "epoch", "seq"),
)  # fmt: skip
pool = Table(
    "pool", metadata, _text("store"), _text("till"), _whole("m"),
    Column("code", LargeBinary, nullable=False), PrimaryKeyConstraint("store", "till", "m"),
)  # fmt: skip
counted = Table(
    "counted", metadata, _text("store"), _text("till"), _whole("epoch"), _whole("last_seq"), _whole("g"),
    PrimaryKeyConstraint("store", "till", "epoch", "g"),
)  # fmt: skip
visits = Table("visits", metadata, _text("store"), _bucket(), _whole("m"), _whole("day"),
    PrimaryKeyConstraint("store", "bucket", "m"))  # fmt: skip
"""Members who were seen at a store of a region that is not theirs, and the latest day."""

# -- by operation --------------------------------------------------------------------------------

op_seen = Table(
    "op_seen",
    metadata,
    _text("op_id"),  # first, for it begins with the time: a batch's ids are neighbours
    Column("op_bucket", SHARD, nullable=False),
    _text("store"),
    _text("till"),
    _whole("epoch"),
    _whole("seq"),
    Column("digest", LargeBinary, nullable=False),
    Column("m", WHOLE),
    _whole("posted"),
    PrimaryKeyConstraint("op_id", "op_bucket"),
    sqlite_with_rowid=False,
)
resolved = Table("resolved", metadata, Column("op_bucket", SHARD, nullable=False), _text("op_id"),
    _whole("m"), PrimaryKeyConstraint("op_bucket", "op_id"))  # fmt: skip
sealed = Table(
    "sealed", metadata, Column("op_bucket", SHARD, nullable=False), _text("op_id"), _text("pii"),
    Column("blob", LargeBinary, nullable=False), PrimaryKeyConstraint("op_bucket", "op_id", "pii"),
)  # fmt: skip
losses = Table(
    "losses",
    metadata,
    _text("store"),
    _text("till"),
    _whole("inc"),
    _whole("term"),
    _whole("epoch"),
    _text("evidence"),
    _text("asked_by"),
    _text("asked_in"),
    _whole("asked_ms"),
    Column("approved_by", Text),
    Column("approved_ms", WHOLE),
    _whole("seq"),
    _whole("pts"),
    PrimaryKeyConstraint("store", "till", "epoch"),
)
claims = Table(
    "claims", metadata, Column("op_bucket", SHARD, nullable=False), _text("op_id"), _text("kid"),
    _text("state"), _text("digits"), Column("m", WHOLE), _whole("shown_ms"),
    PrimaryKeyConstraint("op_bucket", "op_id"),
)  # fmt: skip
Index("claims_by_state", claims.c.state, claims.c.op_bucket)
ceded = Table(
    "ceded", metadata, Column("op_bucket", SHARD, nullable=False), _text("sale"), _text("op_id"),
    PrimaryKeyConstraint("op_bucket", "sale"),
)  # fmt: skip
"""Sales whose right to be refunded is headquarters'."""
refund_given = Table(
    "refund_given", metadata, Column("op_bucket", SHARD, nullable=False), _text("sale"), _text("op_id"),
    _text("store"), _text("till"), _whole("epoch"), PrimaryKeyConstraint("op_bucket", "sale"),
)  # fmt: skip
refund_reserved = Table(
    "refund_reserved", metadata, Column("op_bucket", SHARD, nullable=False), _text("sale"), _text("intent"),
    _text("store"), _text("till"), _whole("inc"), _whole("term"), _text("lines"), _whole("ended"),
    PrimaryKeyConstraint("op_bucket", "sale", "intent", "store", "till"),
)  # fmt: skip
Index("refunds_of_agent", refund_reserved.c.store, refund_reserved.c.till, refund_reserved.c.op_bucket)
refund_wanted = Table(
    "refund_wanted", metadata, _text("store"), _text("till"), _whole("epoch"), _text("sale"),
    _whole("asked_ms"), PrimaryKeyConstraint("store", "till", "epoch", "sale"),
)  # fmt: skip

# -- by member -----------------------------------------------------------------------------------

issued = Table(
    "issued", metadata, _bucket(), _whole("m"), _text("who"), PrimaryKeyConstraint("bucket", "m"),
)  # fmt: skip
blocks = Table("blocks", metadata, _bucket(), _whole("first"), _text("region"),
    PrimaryKeyConstraint("bucket", "first"))  # fmt: skip
"""Blocks of numbers whose members are at home outside the main region."""
identities = Table("identities", metadata, _text("alias", primary_key=True), _whole("m"), _text("kind"))
members = Table(
    "members",
    metadata,
    _bucket(),
    _whole("m"),
    _whole("ver"),
    _text("row"),
    _text("last_key"),
    _whole("legs"),
    _whole("touched"),
    _whole("online"),
    PrimaryKeyConstraint("bucket", "m"),
    sqlite_with_rowid=False,
)
phone_tags = Table("phone_tags", metadata, _text("store"), _text("tag"), _whole("m"), _whole("seen_ms"),
    PrimaryKeyConstraint("store", "tag"))  # fmt: skip
personal = Table(
    "personal", metadata, _bucket(), _whole("m"), Column("sealed", LargeBinary, nullable=False),
    _text("name_masked"), _text("tail"), PrimaryKeyConstraint("bucket", "m"),
)  # fmt: skip
facts = Table(
    "facts", metadata, _bucket(), _whole("m"), _whole("n"), _text("op_id"), _text("store"), _text("till"),
    _text("kind"), Column("body", LargeBinary, nullable=False), PrimaryKeyConstraint("bucket", "m", "n"),
)  # fmt: skip
postings = Table(
    "postings", metadata, _bucket(), _whole("m"), _whole("n"), _whole("rights"), _text("op_id"),
    _text("debit"), _text("credit"), _text("ref"), _whole("pts"), PrimaryKeyConstraint("bucket", "m", "n"),
)  # fmt: skip
cells = Table(
    "cells",
    metadata,
    _bucket(),
    _whole("m"),
    _text("store"),
    _text("till"),
    _whole("inc"),
    _whole("term"),
    _whole("granted"),
    _whole("allowance_used"),
    _whole("added"),
    _whole("local_used"),
    _whole("closed"),
    _text("sched"),
    _whole("seen_on"),
    _text("bought_on"),
    _whole("taken", server_default="0"),
    PrimaryKeyConstraint("bucket", "m", "store", "till"),
    sqlite_with_rowid=False,
)
"""What a till holds of a member, and when it saw the member: ``seen_on`` is the latest day, ``bought_on`` the
days of the latest purchases, a word each, in the order they arrived."""
reserved = Table(
    "reserved",
    metadata,
    _bucket(),
    _whole("m"),
    _text("intent"),
    _text("store"),
    _text("till"),
    _whole("pts"),
    _whole("inc", server_default="1"),
    _whole("term", server_default="0"),
    PrimaryKeyConstraint("bucket", "m", "intent"),
)
voided = Table(
    "voided", metadata, _bucket(), _whole("m"), _text("intent"),
    PrimaryKeyConstraint("bucket", "m", "intent"),
)  # fmt: skip
Index("cells_of_agent", cells.c.store, cells.c.till, cells.c.bucket)
recalls = Table(
    "recalls", metadata, _bucket(), _whole("m"), _whole("by_hand"), _whole("day"), _text("by"), _text("note"),
    _whole("at_ms"), PrimaryKeyConstraint("bucket", "m", "by_hand"),
)  # fmt: skip
trusted = Table(
    "trusted", metadata, _bucket(), _whole("m"), _text("op_id"), _text("store"), _text("till"),
    _whole("epoch"), _whole("pts"), PrimaryKeyConstraint("bucket", "m", "op_id"),
)  # fmt: skip
Index("trusted_of_pc", trusted.c.store, trusted.c.till, trusted.c.epoch, trusted.c.bucket)
unlocked = Table(
    "unlocked", metadata, _bucket(), _whole("m"), _text("intent"), _text("store"), _text("till"),
    _whole("pts"), _whole("at_ms"), PrimaryKeyConstraint("bucket", "m", "intent", "store", "till"),
)  # fmt: skip
denied = Table(
    "denied", metadata, _bucket(), _whole("m"), _whole("at_ms"), _whole("denied"), _text("by"),
    _text("note"), PrimaryKeyConstraint("bucket", "m", "at_ms"),
)  # fmt: skip
written_off = Table(
    "written_off", metadata, _bucket(), _whole("m"), _whole("asked_ms"), _whole("pts"), _text("note"),
    _text("asked_by"), _text("asked_in"), Column("approved_by", Text), Column("approved_ms", WHOLE),
    Column("op_id", Text), PrimaryKeyConstraint("bucket", "m", "asked_ms"),
)  # fmt: skip
changed = Table("changed", metadata, Column("bucket", SHARD, primary_key=True, autoincrement=False),
    _whole("touched"))  # fmt: skip

for _table in metadata.tables.values():  # on SQLite too a column takes nothing but its own type
    _table.dialect_kwargs["sqlite_strict"] = True
