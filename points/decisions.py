"""What an operation may say that moves no goods: rights that go home or to somebody else, and decisions.

Kind by kind, like ``points.operations``, which asks these checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from points.amounts import whole
from points.days import day
from points.fields import (
    EPOCH_MAX,
    LINES_MAX,
    SEQ_MAX,
    ST_MAX_MS,
    BadOperation,
    agent,
    many,
    numbered_once,
    one_ref,
    return_line,
    term,
    word,
)
from points.fund import GIVES, POINTS
from points.identifiers import MEMBER_MAX, name, op_id

SCHED_MAX = 500
TILLS_MAX = 100
EVIDENCE_MAX = 400
CODES_MAX = 1024
BODY_CHARS_MAX = 16 * 1024
HEX_MAX = 128


def rights_return(body: Mapping[str, Any]) -> None:
    """A till gives rights back."""
    whole(body["m"], 0)
    if any(entry[0] not in ("back_l", "back_a") for entry in body["fund"]):
        raise BadOperation("fund", "a return of rights only gives back")


def rights_give(body: Mapping[str, Any]) -> None:
    """A till gives rights to one term of one sister till, named the same in every entry of its ``fund``."""
    whole(body["m"], 0)
    fund = many(body["fund"], 2, lambda entry: None, least=1)
    for act, _, asset, (store, till, inc, number, *_), *_ in fund:
        if act not in GIVES or asset != POINTS:
            raise BadOperation("fund", "a till gives points, and nothing else in the same operation")
        agent([store, till])
        term({"inc": inc, "term": number})
    if any(entry[3] != fund[0][3] for entry in fund):
        raise BadOperation("fund", "one till is given to")
    _schedule(body, sum(entry[1] for entry in fund))


def rights_take(body: Mapping[str, Any]) -> None:
    """A till takes what a sister till gave it: ``given`` is that till's operation with its place and the
    signature over both, ``[till, epoch, seq, kid, signature, body]``."""
    whole(body["m"], 0)
    one_ref(body)
    ((act, n, asset, ref, *_),) = body["fund"]
    if (act, asset, ref) != ("take", POINTS, body["refs"][0]):
        raise BadOperation("fund", "what was given is taken, and nothing else in the same operation")
    _schedule(body, n)
    given(body["given"])


def given(told: Any) -> None:
    """Another till's operation as its receiver carries it: ``[till, epoch, seq, kid, signature, body]``."""
    till, epoch, seq, kid, signature, text, *_ = told
    name(till)
    whole(epoch, 1, EPOCH_MAX)
    whole(seq, 1, SEQ_MAX)
    word(kid, 16)
    word(signature, HEX_MAX)
    word(text, BODY_CHARS_MAX)


def _schedule(body: Mapping[str, Any], pts: int) -> None:
    sched = many(body["sched"], SCHED_MAX, lambda entry: (whole(entry[0], 0), whole(entry[1], 1)))
    if sum(entry[1] for entry in sched) != pts:
        raise BadOperation("sched", "the schedule does not add up to the points")


def grant(body: Mapping[str, Any]) -> None:
    """Headquarters sets points aside for a till: ``g`` of them in all, in this term."""
    whole(body["m"], 0)
    agent(body["to"])
    term(body)
    _schedule(body, whole(body["g"], 0))


def reserve(body: Mapping[str, Any]) -> None:
    """Headquarters reserves points for one operation of a till."""
    whole(body["m"], 0)
    one_ref(body)
    agent(body["to"])
    term(body)
    whole(body["n"], 1)


def unlock(body: Mapping[str, Any]) -> None:
    """The same, though part of the points lie at silent tills: ``unlock`` [[store, till, points]…] says how
    many where."""
    reserve(body)
    entries = many(body["unlock"], TILLS_MAX, lambda entry: whole(entry[2], 1), least=1)
    for entry in entries:
        agent(entry[:2])
    if sum(entry[2] for entry in entries) > body["n"]:
        raise BadOperation("unlock", "more lies at silent tills than is promised")


def cede(body: Mapping[str, Any]) -> None:
    """A till gives the right to refund a sale to headquarters, for ever: of one of its own, or of one whose
    right a sister till has ``given`` it."""
    one_ref(body)
    if "given" in body:
        given(body["given"])


def give_refund(body: Mapping[str, Any]) -> None:
    """A till gives the right to refund one of its sales to one PC of its store, ``to`` [store, till, epoch],
    for ever; ``rest`` is what had not come back by then, ``[[line, units, fen]…]``."""
    one_ref(body)
    agent(body["to"])
    whole(body["to"][2], 1, EPOCH_MAX)
    numbered_once(many(body["rest"], LINES_MAX, return_line, least=1))


def reserve_refund(body: Mapping[str, Any]) -> None:
    """Headquarters reserves lines of a ``sale`` for one refund of a till: ``[[line, units, fen]…]``."""
    one_ref(body)
    op_id(body["sale"])
    agent(body["to"])
    term(body)
    numbered_once(many(body["lines"], LINES_MAX, return_line, least=1))


def void_refund(body: Mapping[str, Any]) -> None:
    """A till's intent to refund a ``sale`` has ended without its operation."""
    one_ref(body)
    op_id(body["sale"])


def issue(body: Mapping[str, Any]) -> None:
    """Headquarters gives a till numbers and codes for new members."""
    agent(body["to"])
    whole(body["first"], 0, MEMBER_MAX - 1)
    many(body["codes"], CODES_MAX, lambda who: word(who, 32), least=1)


def resolve(body: Mapping[str, Any]) -> None:
    """Another operation is ended, or its member named."""
    whole(body["m"], 0)
    one_ref(body)


def dismiss(body: Mapping[str, Any]) -> None:
    """People have closed an operation unposted."""
    store, till, epoch, seq, *_ = body["place"]
    name(store)
    name(till)
    whole(epoch, 1, EPOCH_MAX)
    whole(seq, 1, SEQ_MAX)
    if "refs" in body:
        one_ref(body)
    if "back" in body:
        whole(body["m"], 0)
        term(body)
        allowance, local, *_ = body["back"]
        whole(allowance, 0)
        whole(local, 0)


def lost(body: Mapping[str, Any]) -> None:
    """Two people have declared a PC lost, whose lane is known to ``seq``. ``went_on`` [[epoch, seq]…] are the
    lanes in which it went on after forks, as far as they were known."""
    agent(body["agent"])
    term(body)
    whole(body["epoch"], 1, EPOCH_MAX)
    whole(body["seq"], 0, SEQ_MAX)
    for entry in body.get("went_on", ()):
        if type(entry) is not list or len(entry) < 2:
            raise BadOperation("went_on", "is lanes and how far each is known")
        whole(entry[0], body["epoch"] + 1, EPOCH_MAX), whole(entry[1], 0, SEQ_MAX)
    word(body["evidence"], EVIDENCE_MAX)
    if word(body["approved_by"]) == word(body["asked_by"]):
        raise BadOperation("approved_by", "two people decide")


def write_off(body: Mapping[str, Any]) -> None:
    """Two people have written off what a member owes, up to ``pts``, behind the fact that it refers to."""
    whole(body["m"], 0)
    one_ref(body)
    whole(body["pts"], 1)
    word(body["note"], EVIDENCE_MAX)
    if word(body["approved_by"]) == word(body["asked_by"]):
        raise BadOperation("approved_by", "two people decide")


def charge(body: Mapping[str, Any]) -> None:
    """Somebody has charged to its store up to ``pts`` of what the operation ``spent`` used beyond every
    right, behind the fact that it refers to."""
    whole(body["m"], 0)
    one_ref(body)
    op_id(body["spent"])
    whole(body["pts"], 1)
    word(body["note"], EVIDENCE_MAX)
    word(body["decided_by"])


def fix_clock(body: Mapping[str, Any]) -> None:
    """The time of a member's operation could not be true: it happened at ``true_st``, on ``true_day``."""
    whole(body["m"], 0)
    one_ref(body)
    whole(body["true_st"], 0, ST_MAX_MS)
    day(body["true_day"])


def claimed(body: Mapping[str, Any]) -> None:
    """What a paper of a lost PC gave: ``pts`` of a sale at ``earned_st``, that stood at ``place`` of its lane
    and had this ``digest``."""
    whole(body["m"], 0)
    one_ref(body)
    whole(body["pts"], 1)
    whole(body["earned_st"], 0, ST_MAX_MS)
    word(body["digest"], 32)
    store, till, epoch, seq, *_ = body["place"]
    agent([store, till])
    whole(epoch, 1, EPOCH_MAX)
    whole(seq, 1, SEQ_MAX)
