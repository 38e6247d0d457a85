"""The one way to write JSON and the strict way to read it."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_samples import body

from points.wire import canonical
from points.wire.faults import Malformed, TooLarge, WireFault

WHOLE = st.integers(-canonical.WHOLE_MAX, canonical.WHOLE_MAX)
TEXT = st.text(st.characters(exclude_categories=["Cs"])).map(lambda text: unicodedata.normalize("NFC", text))
VALUES = st.recursive(
    st.none() | st.booleans() | WHOLE | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=30,
)
OBJECTS = st.dictionaries(TEXT, VALUES, max_size=6)


@given(OBJECTS)
def test_what_is_written_is_read_and_is_canonical(value: dict[str, object]) -> None:
    raw = canonical.encode(value)
    assert canonical.decode(raw) == value
    assert canonical.is_canonical(raw, value)
    assert canonical.encode(canonical.decode(raw)) == raw
    assert b"\n" not in raw


@given(OBJECTS.filter(bool))
def test_another_way_to_write_the_same_is_read_but_is_not_canonical(value: dict[str, object]) -> None:
    raw = json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1).encode()
    assert canonical.decode(raw) == value
    assert not canonical.is_canonical(raw, value)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":1.5}',
        b'{"a":1.0}',
        b'{"a":1e3}',
        b'{"a":-1E3}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b'{"a":9007199254740992}',
        b'{"a":-9007199254740992}',
        b'{"a":[1, 9007199254740992]}',
        b'{"a":\t123456789012345678901234567890}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":"\\ud800"}',
        b'{"\\udfff":1}',
        b'{"a":"e\\u0301"}',
        '{"a":"e\u0301"}'.encode(),
        '{"e\u0301":1}'.encode(),
        b'{"a":"\xff"}',
        b'{"a":"\xed\xa0\x80"}',  # a surrogate in UTF-8 clothes
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":"line\nbreak"}',
        b'{"a":"nul\x00"}',
        b'{"a":' * 33 + b"1" + b"}" * 33,
        b'{"a":' + b"[" * 32 + b"]" * 32 + b"}",
        b'{"a":' + b"[" * 20000 + b"]" * 20000 + b"}",
        b'{"a":1}}',
        b'{"a":1} {"b":1}',
        b"{'a':1}",
        b'{"a":01}',
        b'{"a":1,}',
        b'["a"]',
        b'"a"',
        b"1",
        b"null",
        b"",
    ],
)
def test_what_two_programs_could_read_differently_is_refused(raw: bytes) -> None:
    with pytest.raises(Malformed):
        canonical.decode(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":9007199254740991,"b":-9007199254740991}',
        b'{"a":' + b"[" * 31 + b"]" * 31 + b"}",
        b'{"id":"12345678901234567890123456789012"}',
        '{"a":"\u00e9"}'.encode(),
        b'{"a":"\\u00e9\\n\\u0001"}',
        b'{"a":"\\ud83d\\ude00"}',  # a pair is one character
        b' {"a" : 1}\n',
    ],
)
def test_the_limits_themselves_are_allowed(raw: bytes) -> None:
    assert canonical.decode(raw) == json.loads(raw)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_and_nothing_else(raw: bytes) -> None:
    try:
        value = canonical.decode(raw)
    except Malformed:
        return
    assert canonical.decode(canonical.encode(value)) == value


@given(st.data())
def test_a_damaged_body_is_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    raw = bytearray(body(1))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        value = canonical.decode(bytes(raw))
    except WireFault:
        return
    assert canonical.decode(canonical.encode(value)) == value


@pytest.mark.parametrize(
    "value",
    [
        {"a": 1.0},
        {"a": 2**53},
        {"a": "\ud800"},
        {"a": "e\u0301"},
        {1: "a"},
        {"a": b"x"},
        {"a": {"b": {1, 2}}},
        {"a": float("nan")},
    ],
)
def test_a_writer_cannot_write_what_a_reader_refuses(value: object) -> None:
    with pytest.raises(Malformed):
        canonical.encode(value)


def test_a_value_that_holds_itself_is_refused_and_not_followed_for_ever() -> None:
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(Malformed):
        canonical.encode({"a": loop})


def test_a_body_beyond_64_kib_is_too_large() -> None:
    raw = canonical.encode({"a": "x" * (canonical.BODY_BYTES_MAX - 8)})
    assert len(raw) == canonical.BODY_BYTES_MAX
    assert canonical.decode(raw)
    with pytest.raises(TooLarge) as told:
        canonical.decode(raw + b" ")
    assert told.value.detail == {"max": canonical.BODY_BYTES_MAX}


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_brackets_inside_strings_neither_hide_depth_nor_make_it(opening: str) -> None:
    """A level that holds `"]"` before and `"["` after the next one looks flat if strings are counted."""
    closing = "]" if opening == "[" else "}"

    def nested(levels: int) -> bytes:
        inner = "1"
        for _ in range(levels - 1):
            inner = f'["]",{opening}{inner}{closing},"["]' if opening != "[" else f'["]",{inner},"["]'
        return f'{{"a":{inner}}}'.encode()

    per_level = 1 if opening == "[" else 2
    deepest = canonical.DEPTH_MAX // per_level
    assert canonical.decode(nested(deepest))
    with pytest.raises(Malformed):
        canonical.decode(nested(deepest + 1))
    flat = canonical.encode({"a": ["[[[[{{{{"] * 40, "b": [[n] for n in range(200)]})
    assert canonical.decode(flat)


def test_one_poison_body_spoils_no_other() -> None:
    found = canonical.decode_each([body(1), b'{"a":1,"a":2}', body(2)])
    assert isinstance(found[1], Malformed)
    assert [type(found[0]), type(found[2])] == [dict, dict]


def test_sorting_is_by_code_point_and_text_is_not_escaped() -> None:
    raw = canonical.encode({"z": 1, "a": "饮料/é", "é": 2})
    assert raw == '{"a":"饮料/é","z":1,"é":2}'.encode()


def _strictly(raw: bytes) -> object:
    try:
        return canonical._read_strictly(raw)
    except Malformed:
        return "refused"


NUMBERS = st.sampled_from(
    [b"1.5", b"1e+16", b"1e-7", b"-0", b"-0.0", b"9007199254740992", b"1" * 16, b"2" * 30]
)


@given(st.one_of(OBJECTS, st.lists(VALUES, max_size=3)), NUMBERS, st.integers(0, 40), st.data())
def test_the_short_way_and_the_strict_way_read_the_same(
    value: object, number: bytes, depth: int, data: st.DataObject
) -> None:
    """Whatever the short way believes, the strict way reads alike; what it does not believe, it leaves."""
    inner = b'{"a":' + number + b',"b":' + canonical.encode(value) + b"}"
    raw = bytearray(data.draw(st.sampled_from([canonical.encode(value), inner, b"[" * depth + b"]" * depth])))
    if raw and data.draw(st.booleans()):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    short = canonical._read_canonical(bytes(raw))
    assert short is None or short == _strictly(bytes(raw))


@given(OBJECTS)
def test_the_standard_library_writes_the_same_bytes(value: dict[str, object]) -> None:
    told = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    assert canonical.encode(value) == told.encode()


def test_a_sale_is_read_the_short_way() -> None:
    assert canonical._read_canonical(body(1)) == json.loads(body(1))
