"""What the business says no to, in the order in which it says it.

A refusal is a value, never an exception: the counter shows it in words that say what to do next
and the shop goes on. The order is policy: where several apply, the first is said.
"""

from __future__ import annotations

from enum import IntEnum, auto


class Refusal(IntEnum):
    """Each name is also the key of its words, ``refusal.<name>``."""

    payment_code = auto()
    bank_card = auto()
    unknown_code = auto()
    unknown_member = auto()
    token_not_proved = auto()
    token_expired = auto()
    day_closed = auto()
    already_member = auto()
    storage_full = auto()
    frozen = auto()
    earn_only = auto()
    rules_behind = auto()
    short_code_earns_only = auto()
    debt = auto()
    below_step = auto()
    above_bill_share = auto()
    confirm_later = auto()
    not_enough_points = auto()
    held_elsewhere = auto()
    not_here_offline = auto()
    silent_too_long = auto()
    nothing_to_refund = auto()
    refund_too_much = auto()
    receipt_not_proved = auto()
    refund_ceded = auto()
    refund_not_told = auto()
    refund_owner_silent = auto()
    refund_by_lines = auto()
    refund_elsewhere_offline = auto()
    refund_elsewhere_limit = auto()
    not_todays_sale = auto()
    receipt_known = auto()
    manager_needed = auto()
    pin_not_set = auto()
    pin_locked = auto()
    pin_wrong = auto()
    busy = auto()
