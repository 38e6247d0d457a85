"""Words for people, by key, in Chinese first and English beside it.

`words/zh*.toml` are the original; `words/en*.toml` have the same keys and {placeholders}, and a test
holds them together. Keys are organised by the place where a person reads them: `receipt`, `refusal`,
`reason`, `state`, `fault`, `page`, `doctor`, `console`, `verify`. A sentence says what to do next, not what
broke.

A key or a placeholder that is missing is our mistake, never a person's, so it stops us (assert) instead of
printing half a sentence on a member's receipt. Numbers for people are written here as well: fen become
yuan only on their way to a reader's eye.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

LANGUAGES = ("zh", "en")
PARTS = (
    "",
    "_refunds",
    "_sticks",
    "_log",
    "_console",
    "_restoring",
    "_second_pcs",
    "_versions",
    "_directory",
)
"""Files of a language: tills, another till's receipts, sticks, the log, headquarters' pages, its copies,
second PCs, versions of the program, the directory of all members."""
PLACES = (
    *("receipt", "refusal", "reason", "state", "fault", "page", "doctor", "stick", "console"),
    "verify",
)
PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language."""

    language: str
    sentences: Mapping[str, str]

    def say(self, key: str, **values: str | int) -> str:
        """The sentence of `key` with its placeholders filled. What is filled in is never read again."""
        sentence = self.sentences.get(key)
        assert sentence is not None, f"no words for {key!r} in {self.language}"
        wanted = placeholders(sentence)
        assert wanted <= values.keys(), f"{key!r} needs {sorted(wanted - values.keys())}"
        return PLACEHOLDER.sub(lambda found: str(values[found[1]]), sentence)

    def __contains__(self, key: str) -> bool:
        return key in self.sentences

    def under(self, place: str) -> dict[str, str]:
        """Every sentence of a place, for a page that needs them all: `under("page")`."""
        return {key: text for key, text in self.sentences.items() if key.startswith(place + ".")}


def placeholders(sentence: str) -> frozenset[str]:
    return frozenset(PLACEHOLDER.findall(sentence))


@cache
def load_words(language: str) -> Words:
    """The words of "zh" or "en", read from the package's own files."""
    assert language in LANGUAGES, f"no words in {language!r}"
    sentences: dict[str, str] = {}
    for part in PARTS:
        text = (files("config") / "words" / f"{language}{part}.toml").read_text("utf-8")
        sentences |= dict(_flat("", tomllib.loads(text)))
    return Words(language, sentences)


def _flat(prefix: str, table: Mapping[str, object]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in table.items():
        if isinstance(value, Mapping):
            found += _flat(f"{prefix}{name}.", value)
        else:
            assert isinstance(value, str), f"{prefix}{name} is not a sentence"
            found.append((prefix + name, value))
    return found


def money(fen: int) -> str:
    """¥10.00 from 1000 fen; the minus stands before the sign: -¥0.05."""
    yuan, rest = divmod(abs(fen), 100)
    return f"{'-' if fen < 0 else ''}¥{yuan:,}.{rest:02d}"


def number(count: int, signed: bool = False) -> str:
    """1,304 or, signed, +24 and -100; zero has no sign."""
    return f"{count:+,}" if signed and count else f"{count:,}"
