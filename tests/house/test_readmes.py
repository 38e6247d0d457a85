"""A person finds everything in a README: each module, command, setting and endpoint that there is."""

from __future__ import annotations

from house_plan import HOUSE, PACKAGES, Source, listed_files, rooms
from readme_map import commands, endpoints, lawless_readmes, plain, settings, unnamed_modules, untold

COMMAND, SETTING, ENDPOINT = r"(jifen|make)( [\w-]+)* %s\b", r"`%s`", r"%s(?![\w/])"


def readmes() -> dict[str, str]:
    found = {}
    for path in listed_files():
        folder = path.relative_to(HOUSE).parts[:-1]
        if path.name == "README.md" and folder and folder[0] in PACKAGES:
            found[".".join(folder)] = path.read_text("utf-8")
    return found


def all_text() -> str:
    return "\n".join(path.read_text("utf-8") for path in listed_files() if path.name == "README.md")


def test_every_module_stands_in_a_readme() -> None:
    assert not (faults := unnamed_modules(rooms(), readmes())), "\n".join(faults)


def test_every_readme_states_its_law() -> None:
    assert not (faults := lawless_readmes(readmes())), "\n".join(faults)


def test_every_command_is_told() -> None:
    found = commands(rooms())
    assert {"join", "serve", "rehearse", "page", "policy"} <= found, "the search itself is broken"
    assert not (faults := untold(found, all_text(), COMMAND)), "\n".join(faults)


def test_every_setting_is_told() -> None:
    found = settings(rooms())
    assert {"data_dir", "grant_policy"} <= found, "the search itself is broken"
    assert not (faults := untold(found, all_text(), SETTING)), "\n".join(faults)


def test_every_endpoint_is_told() -> None:
    found = endpoints(rooms())
    assert {"/v1/join", "/api/sell", "/console"} <= found, "the search itself is broken"
    assert not (faults := untold(found, plain(all_text()), ENDPOINT)), "\n".join(faults)


def test_a_module_without_a_readme_is_seen() -> None:
    house = [
        Source.of("points.lots", "x = 1"),
        Source.of("points.wire.keys", "x = 1"),
        Source.of("hub.intake", "x = 1"),
    ]
    assert unnamed_modules(house, {"points": "| `lots.py` | noun |", "hub": "the law"}) == [
        "hub.intake is in no map of a README of its folders",
        "points.wire.keys is in no map of a README of its folders",
    ]
    told = {"points": "* `lots`, `debt`: nouns", "points.wire": "| `keys` | signing |"}
    assert unnamed_modules(house[:2], told) == []
    assert unnamed_modules(house[:2], {"points": "| `lots` | noun |\n| `wire/` | its `keys.py` |"}) == []
    assert unnamed_modules(house[2:], {}) == ["hub has no README.md"]
    assert lawless_readmes({"hub": "a map", "points": "**The law.** Whole numbers."}) == [
        "hub/README.md states no law"
    ]


def test_a_module_that_is_only_mentioned_is_seen() -> None:
    house = [Source.of("hub.intake", "x = 1"), Source.of("hub.store.engine", "x = 1")]
    for mentioned in (
        "What `intake` does, and the `store/engine`.",
        "* **The intake.** Most of `intake` happens before its turn; `store/engine` too.",
        "| POST | `/v1/intake` and `/store/engine` | a device |",
        "| `grants.py` | what intake and the engine of the store leave |",
        "| `engine.py` | of another folder |",
    ):
        assert len(unnamed_modules(house, {"hub": mentioned})) == 2, mentioned


def test_an_untold_command_is_seen() -> None:
    broken = Source.of(
        "agent.cli", "parsers.add_parser('join')\nCOMMANDS: dict = {'doctor': 1}\nx.add_parser(name)"
    )
    assert commands([broken]) == {"join", "doctor"}
    looped = "for name, what in (('run', 1), ('page', 2)):\n    x.add_parser(name)\n"
    assert commands([Source.of("agent.cli", looped + looped.replace("('run', 1)", "'demo'"))]) == {
        "run", "page", "demo"
    }  # fmt: skip
    assert untold(commands([broken]), "Type `jifen doctor`, not joining.", COMMAND) == ["join"]


def test_an_untold_setting_is_seen() -> None:
    broken = Source.of(
        "config.settings", "class AgentSettings:\n    store: str\n    data_dir: str\n    def f(self): ..."
    )
    assert untold(settings([broken]), "| `store` | the name |", SETTING) == ["data_dir"]


def test_an_untold_endpoint_is_seen() -> None:
    wire = Source.of(
        "points.wire.endpoints",
        "'''GET /v1/never counts'''\ndef blob(sha): return f'/v1/blob/{sha}'\nJOIN = '/v1/join'",
    )
    page = Source.of(
        "agent.screen.pages", "@app.get('/events')\ndef f(): ...\nroutes = [Route('/scan/{id}', g)]"
    )
    assert endpoints([wire, page]) == {"/v1/blob/{}", "/v1/join", "/events", "/scan/{}"}
    told = plain("`GET /v1/blob/{name}`, `/v1/join/elsewhere`, /events and /scan/{key}.")
    assert untold(endpoints([wire, page]), told, ENDPOINT) == ["/v1/join"]
