"""The manager's PIN: what the rule book puts above a cashier's limit needs it, at the counter, offline.

The PIN is kept as a salted scrypt hash. A wrong try is written down before the PIN is compared, so
pulling the plug gives no try back; after five the PIN is locked for 5, then 10, then 15 minutes, by
store time, which a wall clock set forward cannot shorten.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

from agent.funding import No
from agent.store import feeds
from agent.till import Till
from config.faults import Fault
from points.refusals import Refusal

PIN = re.compile(r"[0-9]{6,12}\Z")
TRIES = 5
LOCK_MINUTES = (5, 10, 15)
COST, BLOCK, LANES = 1 << 14, 8, 1
MANAGER = "manager"


def set_pin(till: Till, pin: str) -> None:
    """Keep a new PIN and forget earlier wrong tries. Raises a Fault when it is not 6 to 12 digits."""
    if not PIN.match(pin):
        raise Fault("fault.pin_shape", "a manager PIN has 6 to 12 digits")
    salt = secrets.token_bytes(16)
    with till.book.turn() as turn:
        feeds.keep_fact(turn, "manager_pin", f"{salt.hex()},{_hash(pin, salt).hex()}")
        feeds.keep_fact(turn, "manager_tries", "0,0")


def is_set(till: Till) -> bool:
    """Whether this till has a manager PIN."""
    return feeds.fact(till.book, "manager_pin") is not None


def needed(till: Till, *, redeem_pts: int = 0, refund_fen: int = 0) -> bool:
    """Whether the rule book asks for the manager; a limit of 0 never asks."""
    rules = till.rule()
    return bool(
        (rules.manager_redeem_pts and redeem_pts > rules.manager_redeem_pts)
        or (rules.manager_refund_fen and refund_fen > rules.manager_refund_fen)
    )


def approve(till: Till, pin: str) -> No | None:
    """None when the PIN is right; else why not: none is set, none was given, locked or wrong."""
    with till.book.lock:
        kept = feeds.fact(till.book, "manager_pin")
        if kept is None:
            return No(Refusal.pin_not_set, {})
        if not pin:
            return No(Refusal.manager_needed, {})
        now = till.time().st_ms
        wrong, locked_until = map(int, (feeds.fact(till.book, "manager_tries") or "0,0").split(","))
        if now < locked_until:
            return No(Refusal.pin_locked, {"minutes": -(-(locked_until - now) // 60_000)})
        wrong += 1
        rounds, rest = divmod(wrong, TRIES)
        if rest == 0:
            locked_until = now + LOCK_MINUTES[min(rounds, len(LOCK_MINUTES)) - 1] * 60_000
        _keep_tries(till, wrong, locked_until)
        salt, digest = map(bytes.fromhex, kept.split(","))
        if hmac.compare_digest(_hash(pin, salt), digest):
            _keep_tries(till, 0, 0)
            return None
        if rest == 0:
            return No(Refusal.pin_locked, {"minutes": (locked_until - now) // 60_000})
        return No(Refusal.pin_wrong, {"left": TRIES - rest})


def _keep_tries(till: Till, wrong: int, locked_until: int) -> None:
    with till.book.turn() as turn:
        feeds.keep_fact(turn, "manager_tries", f"{wrong},{locked_until}")


def _hash(pin: str, salt: bytes) -> bytes:
    return hashlib.scrypt(
        pin.encode(), salt=salt, n=COST, r=BLOCK, p=LANES, maxmem=64 * 1024 * 1024, dklen=32
    )
