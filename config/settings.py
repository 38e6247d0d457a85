"""Typed settings of an agent and of a hub, from one TOML file and the environment.

What always holds: a settings object exists only if every setting was understood; a key nobody knows is a
fault and not ignored (a mistyped `pinters` would be a store without paper); and all faults of a load are
told at once, each with its file and line or its variable, its key and what to do, so that a technician
mends the file once. The environment wins over the file, the file over the default. Defaults, ranges and
the meaning of every setting stand in the two tables below and, for people, in README.md.

This module refuses to know what an address means (that is `hardware.addresses`, and who loads an agent's
settings brings it along) or to touch a directory.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from config.faults import Fault
from config.night_window import NightWindow

SCANNERS_MAX = 8
PRINTERS_MAX = 4
STICKS_MAX = 8
SISTERS_MAX = 32
NAME = re.compile(r"[a-z0-9-]{1,16}")


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """One till's agent."""

    data_dir: Path
    key_dir: Path
    hub_url: str
    page_port: int
    scanners: tuple[str, ...]
    printers: tuple[str, ...]
    paper_mm: int
    language: str
    night: NightWindow
    network_enabled: bool
    sisters_port: int = 0
    sisters_interface: str = "0.0.0.0"
    sisters: tuple[tuple[str, int], ...] = ()
    sticks: tuple[str, ...] = ()
    mirror: str = ""
    reserve_mib: int = 0


@dataclass(frozen=True, slots=True)
class HubSettings:
    """One hub."""

    data_dir: Path
    key_dir: Path
    listen_host: str
    listen_port: int
    public_url: str
    database_url: str
    chain: str
    chain_name: str
    rulebook: Path | None
    language: str
    ticket_hours: int
    code_pool: int
    grant_policy: str
    night: NightWindow
    trust_operation_pts: int = 0
    trust_member_day_pts: int = 0
    trust_till_pts: int = 0
    trust_chain_pts: int = 0
    session_hours: int = 0
    unlock_member_pts: int = 0
    unlock_till_pts: int = 0
    unlock_chain_pts: int = 0
    spare_pcs: int = 0
    journal_dir: Path | None = None


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong with the settings: where it stands, which key, and what to do, in English."""

    where: str
    key: str
    what_to_do: str

    def __str__(self) -> str:
        return f"{self.where}: {self.key}: {self.what_to_do}"


class SettingsFault(Fault):
    """The settings cannot be used; `mistakes` holds all of them."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        told = "\n".join(map(str, mistakes))
        super().__init__("fault.settings", told, count=len(mistakes), mistakes=told)
        self.mistakes = tuple(mistakes)


class _NotUnderstood(ValueError):
    """What to write instead. It becomes a Mistake as soon as its place is known."""


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _NotUnderstood("write a text between quotation marks")
    return value.strip()


def _path(value: object) -> Path:
    path = Path(_text(value)).expanduser()
    if not path.is_absolute():
        raise _NotUnderstood("write an absolute path, such as /var/lib/jifen")
    return path


def _maybe_path(value: object) -> Path | None:
    return None if value == "" else _path(value)


def _whole(low: int, high: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value):
            value = int(value)  # from the environment everything is text
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise _NotUnderstood(f"write a whole number from {low} to {high}")
        return value

    return read


def _one_of(*choices: str | int) -> Callable[[object], Any]:
    def read(value: object) -> Any:
        for choice in choices:
            if not isinstance(value, bool) and str(value) == str(choice):
                return choice
        raise _NotUnderstood("write one of " + ", ".join(map(str, choices)))

    return read


def _truth(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise _NotUnderstood("write true or false")


def _addresses(
    at_most: int, sign: str = "://", such: str = 'addresses, such as ["tcp://10.0.0.5:9100"]'
) -> Callable[[object], tuple[str, ...]]:
    def read(value: object) -> tuple[str, ...]:
        if isinstance(value, str):
            value = value.split()  # JIFEN_AGENT_SCANNERS="serial:///dev/ttyACM0 page://"
        if not isinstance(value, list) or not all(isinstance(item, str) and sign in item for item in value):
            raise _NotUnderstood(f"write a list of {such}")
        if len(value) > at_most or len(set(value)) != len(value):
            raise _NotUnderstood(f"write at most {at_most} addresses, each once")
        return tuple(value)

    return read


def _interface(value: object) -> str:
    text = _text(value)
    try:
        return str(IPv4Address(text))
    except ValueError as error:
        raise _NotUnderstood("write this PC's own IPv4 address, or 0.0.0.0 for any") from error


def _places(at_most: int) -> Callable[[object], tuple[tuple[str, int], ...]]:
    def read(value: object) -> tuple[tuple[str, int], ...]:
        if isinstance(value, str):
            value = value.split()
        places = [_PLACE(item) for item in value] if isinstance(value, list) else []
        found = [(place[1], int(place[2])) for place in places if place and 0 < int(place[2]) < 65536]
        if not isinstance(value, list) or len(found) != len(value) or len(found) > at_most:
            raise _NotUnderstood(f'write a list of at most {at_most} places, such as ["10.0.0.12:8751"]')
        return tuple(found)

    return read


_PLACE = re.compile(r"([A-Za-z0-9.-]{1,253}):([0-9]{1,5})").fullmatch


def _url(value: object) -> str:
    text = _text(value).rstrip("/")
    if not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", text):
        raise _NotUnderstood("write an address that starts with https:// (or http:// for a trial)")
    return text


def _maybe_url(value: object) -> str:
    return "" if value == "" else _url(value)


def _name(value: object) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise _NotUnderstood("write 1 to 16 of a-z, 0-9 and -")
    return value


def _window(value: object) -> NightWindow:
    try:
        return NightWindow.read(str(value))
    except ValueError as error:
        raise _NotUnderstood(str(error)) from error


@dataclass(frozen=True, slots=True)
class Setting:
    """How one setting is read. A default of None means that somebody must write it."""

    read: Callable[[object], Any]
    default: object


Wrong = Callable[[str], str]
"""What to write instead of a text; "" where it is right."""


def _each(setting: Setting, wrong: Wrong) -> Setting:
    """The same setting, whose texts are looked at one by one."""

    def read(value: object) -> Any:
        texts = setting.read(value)
        found = [said for text in texts if (said := wrong(text))]
        if found:
            raise _NotUnderstood("; ".join(found))
        return texts

    return Setting(read, setting.default)


LANGUAGES = ("zh", "en")
GRANT_POLICIES = ("visits", "latest", "nobody")

AGENT: Mapping[str, Setting] = {
    "data_dir": Setting(_path, "/var/lib/jifen"),
    "key_dir": Setting(_path, "/var/lib/jifen-key"),
    "hub_url": Setting(_maybe_url, ""),
    "mirror": Setting(_maybe_url, ""),
    "page_port": Setting(_whole(1, 65535), 8750),
    "scanners": Setting(_addresses(SCANNERS_MAX), ["page://"]),
    "printers": Setting(_addresses(PRINTERS_MAX), []),
    "paper_mm": Setting(_one_of(58, 80), 58),
    "language": Setting(_one_of(*LANGUAGES), "zh"),
    "night": Setting(_window, "02:00-05:00"),
    "network_enabled": Setting(_truth, True),
    "sisters_port": Setting(_whole(0, 65535), 8751),
    "reserve_mib": Setting(_whole(0, 4096), 64),
    "sisters_interface": Setting(_interface, "0.0.0.0"),
    "sisters": Setting(_places(SISTERS_MAX), []),
    "sticks": Setting(
        _addresses(STICKS_MAX, "/", 'folders, such as ["/media/*"]'),
        ["/media/*", "/media/*/*", "/run/media/*/*"],
    ),
}

HUB: Mapping[str, Setting] = {
    "data_dir": Setting(_path, "/var/lib/jifen-hub"),
    "key_dir": Setting(_path, "/var/lib/jifen-hub-key"),
    "listen_host": Setting(_text, "127.0.0.1"),
    "listen_port": Setting(_whole(0, 65535), 8700),
    "public_url": Setting(_maybe_url, ""),
    "database_url": Setting(lambda value: value if value == "" else _text(value), ""),
    "journal_dir": Setting(_maybe_path, ""),
    "chain": Setting(_name, None),
    "chain_name": Setting(_text, None),
    "rulebook": Setting(_maybe_path, ""),
    "language": Setting(_one_of(*LANGUAGES), "zh"),
    "ticket_hours": Setting(_whole(1, 720), 72),
    "code_pool": Setting(_whole(1, 1000), 200),
    "grant_policy": Setting(_one_of(*GRANT_POLICIES), "visits"),
    "night": Setting(_window, "01:00-05:00"),
    "trust_operation_pts": Setting(_whole(0, 1_000_000), 0),
    "trust_member_day_pts": Setting(_whole(0, 1_000_000), 0),
    "trust_till_pts": Setting(_whole(0, 10_000_000), 0),
    "trust_chain_pts": Setting(_whole(0, 1_000_000_000), 0),
    "session_hours": Setting(_whole(0, 8760), 0),
    "unlock_member_pts": Setting(_whole(0, 1_000_000), 0),
    "unlock_till_pts": Setting(_whole(0, 10_000_000), 0),
    "unlock_chain_pts": Setting(_whole(0, 100_000_000), 0),
    "spare_pcs": Setting(_whole(0, 1_000), 0),
}


def load_agent(
    path: Path | None, environ: Mapping[str, str], devices: Mapping[str, Wrong] | None = None
) -> AgentSettings:
    """Settings of the `[agent]` table and of `JIFEN_AGENT_…`. Raises SettingsFault with every mistake.

    `devices` knows what is wrong with an address of `scanners` or of `printers`.
    """
    table = {**AGENT, **{key: _each(AGENT[key], wrong) for key, wrong in (devices or {}).items()}}
    values, mistakes = _load("agent", table, path, environ)
    if "data_dir" in values and values["data_dir"] == values.get("key_dir"):
        mistakes.append(
            Mistake(
                _place(path, "key_dir"),
                "key_dir",
                "choose a directory other than data_dir, best on another disk: the journal's mirror is there",
            )
        )
    if mistakes:
        raise SettingsFault(mistakes)
    return AgentSettings(**values)


def load_hub(path: Path | None, environ: Mapping[str, str]) -> HubSettings:
    """Settings of the `[hub]` table and of `JIFEN_HUB_…`. Raises SettingsFault with every mistake."""
    values, mistakes = _load("hub", HUB, path, environ)
    if mistakes:
        raise SettingsFault(mistakes)
    return HubSettings(**values)


def _load(
    side: str, table: Mapping[str, Setting], path: Path | None, environ: Mapping[str, str]
) -> tuple[dict[str, Any], list[Mistake]]:
    prefix = f"JIFEN_{side.upper()}_"
    mistakes: list[Mistake] = []
    written = {
        key: (_place(path, key), value) for key, value in _table_of(side, path, mistakes).items()
    }  # then the environment, which wins
    for variable, text in environ.items():
        if variable.startswith(prefix):
            written[variable.removeprefix(prefix).lower()] = (f"environment {variable}", text)
    for key, (where, _) in written.items():
        if key not in table:
            mistakes.append(Mistake(where, key, "unknown; use one of " + ", ".join(table)))
    values: dict[str, Any] = {}
    for key, setting in table.items():
        where, value = written.get(key, (_place(path, None), setting.default))
        try:
            if value is None:
                raise _NotUnderstood(f"write it under [{side}], or set {prefix}{key.upper()}")
            values[key] = setting.read(value)
        except _NotUnderstood as wanted:
            mistakes.append(Mistake(where, key, str(wanted)))
    return values, mistakes


def _table_of(side: str, path: Path | None, mistakes: list[Mistake]) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        mistakes.append(Mistake(str(path), f"[{side}]", f"make the file readable ({error.strerror})"))
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        mistakes.append(Mistake(str(path), f"[{side}]", f"mend the file, it is not TOML ({error})"))
        return {}
    for name in document.keys() - {"agent", "hub"}:
        mistakes.append(Mistake(_place(path, name), name, "unknown; use the tables [agent] and [hub]"))
    table = document.get(side, {})
    if not isinstance(table, dict):
        mistakes.append(Mistake(_place(path, side), side, f"write a table: [{side}]"))
        return {}
    return table


def _place(path: Path | None, key: str | None) -> str:
    """`file:line` of a key, as an editor wants it; tomllib keeps no lines, so we look for the key."""
    if path is None:
        return "settings"
    if key is not None and path.is_file():
        lines = path.read_text("utf-8", errors="replace").splitlines()
        for number, line in enumerate(lines, start=1):
            if re.match(rf'\s*\[?"?{re.escape(key)}"?\s*[=\]]', line):
                return f"{path}:{number}"
    return str(path)
