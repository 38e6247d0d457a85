"""The console's doors: pages, their tables as CSV, and the forms that write: a new ticket, an act on a case.

Every page needs a session; without one the only thing to see is how to get in. Read only, but for those
forms. What names a person is asked by a form too and stands in no address. What a person typed is checked
here and never trusted further in.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from hashlib import sha256
from pathlib import Path
from typing import Any
from unicodedata import normalize
from urllib.parse import parse_qs

import segno
from fastapi import FastAPI, Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool

from config.words import Words, load_words
from hub import admission, casework, recalls, release
from hub import losses as lost_pcs
from hub.console import access, chain_wide, exposed, phone, remedies, sticks, story
from hub.console.tables import Column, Table, as_csv, shown, why
from hub.office import Office
from hub.store import device_keys, losses
from hub.store.engine import Turn
from points import codes
from points.identifiers import HUB_STORE, MEMBER_MAX, BadName, bucket, name

PAGES = Path(__file__).resolve().parent / "pages"
FORM_BYTES_MAX = 8 * 1024


class Desk:
    """The console of one office."""

    def __init__(self, office: Office, public_url: str, ticket_hours: int) -> None:
        self.office = office
        self.public_url = public_url
        self.ticket_hours = ticket_hours
        self.zh, self.en = load_words("zh"), load_words("en")
        self.pages = Environment(
            loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
            lstrip_blocks=True,
        )  # fmt: skip
        self.pages.globals |= {"w": self._both, "shown": self._shown, "en": self.en, "zh": self.zh}

    def mount(self, app: FastAPI) -> None:
        """Add the console's doors to an application."""
        app.add_api_route("/console/open", self._open, methods=["GET"], name="console-open")
        app.add_api_route("/console/console.css", self._css, methods=["GET"], name="console-css")
        app.add_api_route("/console", self._page(self._stores), methods=["GET"], name="console")
        app.add_api_route(
            "/console/stores/{store}", self._page(self._store), methods=["GET"], name="console-store"
        )
        app.add_api_route("/console/members", self._page(self._find), methods=["GET"], name="console-find")
        app.add_api_route(
            "/console/members",
            self._form(self._found, self.office.store.look),
            methods=["POST"],
            name="console-found",
        )
        app.add_api_route(
            "/console/members/{m}", self._page(self._member), methods=["GET"], name="console-member"
        )
        app.add_api_route(
            "/console/members/{m}", self._form(self._recall), methods=["POST"], name="console-recall"
        )
        app.add_api_route(
            "/console/exposure", self._page(self._exposure), methods=["GET"], name="console-exposure"
        )
        app.add_api_route("/console/exposure", self._form(self._lose), methods=["POST"], name="console-lost")
        app.add_api_route("/console/cases", self._page(self._cases), methods=["GET"], name="console-cases")
        app.add_api_route(
            "/console/cases/{number}", self._page(self._case), methods=["GET"], name="console-case"
        )
        app.add_api_route(
            "/console/cases/{number}", self._form(self._act), methods=["POST"], name="console-case-act"
        )
        app.add_api_route(
            "/console/settlement", self._page(self._settlement), methods=["GET"], name="console-settlement"
        )
        app.add_api_route(
            "/console/tickets", self._page(self._tickets), methods=["GET"], name="console-tickets"
        )
        app.add_api_route(
            "/console/tickets", self._form(self._written), methods=["POST"], name="console-new-ticket"
        )
        sticks.mount(app, self.office, self._page, self._html)

    # -- getting in -----------------------------------------------------------------------------

    async def _open(self, request: Request) -> Response:
        key = request.query_params.get("key", "")[:200]

        def enter() -> str | None:
            with self.office.store.turn() as turn:
                now = self.office.clock()
                access.forget_old(turn, now)
                return access.open_session(turn, key, now)

        session = await run_in_threadpool(enter)
        if session is None:
            return self._closed()
        answer = Response(status_code=303, headers={**access.HEADERS, "location": "/console"})
        answer.set_cookie(
            access.COOKIE, session, max_age=access.SESSION_MS // 1000, path="/console", httponly=True,
            samesite="strict", secure=self.public_url.startswith("https://"),
        )  # fmt: skip
        return answer

    def _closed(self) -> Response:
        return self._html("closed.html", 401)

    async def _css(self) -> Response:
        return Response((PAGES / "console.css").read_bytes(), media_type="text/css", headers=access.HEADERS)

    def _page(self, page: Any) -> Any:
        async def answer(request: Request) -> Response:
            def look() -> Response:
                with self.office.store.look() as look:
                    session = request.cookies.get(access.COOKIE, "")
                    if not access.is_open(look, session, self.office.clock()):
                        return self._closed()
                    return self._tabled(request, look, page)

            return await run_in_threadpool(look)

        return answer

    def _tabled(self, request: Request, look: Turn, page: Any) -> Response:
        """The page, or one of its tables as CSV when ``?csv=`` names it."""
        template, values = page(request, look)
        wanted = request.query_params.get("csv")
        for value in values.values() if wanted else ():
            if isinstance(value, Table) and value.name == wanted:
                headers = {**access.HEADERS, "content-disposition": f'attachment; filename="{wanted}.csv"'}
                raw = as_csv(value, self.zh, self._zone())
                return Response(raw, media_type="text/csv; charset=utf-8", headers=headers)
        status = 404 if template == "missing.html" else 200
        session = request.cookies.get(access.COOKIE, "")
        return self._html(template, status, word=access.word_of(session), path=request.url.path, **values)

    # -- pages ----------------------------------------------------------------------------------

    def _stores(self, _request: Request, look: Turn) -> tuple[str, dict[str, Any]]:
        table = chain_wide.stores(look)
        whole = {
            "stores": len({row[0] for row in table.rows}),
            "tills": len(table.rows),
            "operations": sum(row[5] for row in table.rows),
            "exposure": sum(row[9] for row in table.rows),
            "waiting": sum(row[10] for row in table.rows),
            "cases": (look.one("SELECT count(*) FROM cases WHERE closed_ms IS NULL") or (0,))[0],
        }
        return "stores.html", {"title": "stores", "table": table, "whole": whole}

    def _store(self, request: Request, look: Turn) -> tuple[str, dict[str, Any]]:
        store = request.path_params["store"]
        row = look.one("SELECT name FROM stores WHERE store = ?", (store,))
        if row is None:
            return "missing.html", {"title": "store"}
        tills = chain_wide.stores(look)
        mine = Table("tills", tills.columns, [line for line in tills.rows if line[0] == store])
        return "store.html", {
            "title": "store", "store": store, "name": row[0], "tills": mine,
            "operations": chain_wide.operations(look, store), "cases": chain_wide.cases(look, store),
        }  # fmt: skip

    def _find(self, _request: Request, _look: Turn) -> tuple[str, dict[str, Any]]:
        return "find.html", {"title": "member", "asked": ""}

    def _found(self, _request: Request, look: Turn, told: dict[str, str], word: str) -> Response:
        """A POST, for addresses are kept by browsers and proxies: a code or a phone stands in none."""
        asked = told.get("q", "").strip()[:64]
        m = self._meant(look, asked) if asked else None
        if m is None or look.one("SELECT 1 FROM members WHERE bucket = ? AND m = ?", (bucket(m), m)) is None:
            values = {"title": "member", "asked": asked, "word": word}
            return self._html("find.html", 200, path="/console/members", **values)
        return Response(status_code=303, headers={**access.HEADERS, "location": f"/console/members/{m}"})

    def _meant(self, look: Turn, asked: str) -> int | None:
        """A member's number, or a full code; nobody is found by a piece of a name or of a phone."""
        if asked.isascii() and asked.isdigit() and int(asked) < MEMBER_MAX:
            return int(asked)
        alias = f"code:{codes.who(asked)}"
        row = look.one("SELECT m FROM identities WHERE alias = ?", (alias,))
        return None if row is None else int(row[0])

    def _member(self, request: Request, look: Turn) -> tuple[str, dict[str, Any]]:
        asked = request.path_params["m"]
        m = int(asked) if asked.isascii() and asked.isdigit() and len(asked) <= 13 else None
        told = story.tell(look, self.office, m) if m is not None and m < MEMBER_MAX else None
        if told is None:
            return "missing.html", {"title": "member"}
        tables = {name: getattr(told, name) for name in ("lots", "rights", "debts", "operations", "legs")}
        tables |= remedies.shown(look, told.m)
        shown = phone.card(look, self.office, told.m)
        return "member.html", {"title": "member", "story": told, "phone": shown, "fault": "", **tables}

    def _recall(self, request: Request, turn: Turn, told: dict[str, str], word: str) -> Response:
        """A member's points are called home; who holds them gives them back by itself."""
        template, values = self._member(request, turn)
        here = request.url.path
        by, note = _signed(told)
        what, done = told.get("what", "recall"), template == "member.html"
        m = values["story"].m if done else 0
        if done and what != "recall" and remedies.act(turn, self.office, m, told, by, note, _session(word)):
            return Response(status_code=303, headers={**access.HEADERS, "location": here})
        if done and what == "recall" and by and note:
            holders = recalls.call(turn, self.office, m, by, note)
            ring = BackgroundTask(self.office.bells.ring, holders, m)  # when the call is durable
            return Response(status_code=303, headers={**access.HEADERS, "location": here}, background=ring)
        status = 422 if template == "member.html" else 404
        return self._html(template, status, path=here, word=word, **{**values, "fault": "case_fields"})

    def _exposure(self, _request: Request, look: Turn) -> tuple[str, dict[str, Any]]:
        now = self.office.clock()
        stores, asked = exposed.by_store(look), losses.pending(look)
        whole = {key: sum(row[n] for row in stores.rows) for n, key in ((6, "exposure"), (3, "allowance"),
                 (4, "local"), (5, "reserved"))}  # fmt: skip
        return "exposure.html", {
            "title": "exposure", "whole": whole, "stores": stores,
            "bounds": exposed.bounds(look, self.office), "owed": exposed.owed(look),
            "lost": exposed.lost(look, self.office.chain, now), "asked": asked, "fault": "",
            "written_off": exposed.written_off(look),
            "silent": exposed.silent(look, self.office), "unlocked": exposed.unlocked(look, self.office),
            "awaited": exposed.awaited(look),
        }  # fmt: skip

    def _lose(self, request: Request, turn: Turn, told: dict[str, str], word: str) -> Response:
        """One person asks that a PC be declared lost, another one agrees, or it is taken back."""
        store, till = told.get("store", "").strip(), told.get("till", "").strip()
        epoch = int(told["epoch"]) if re.fullmatch("[0-9]{1,9}", told.get("epoch", "")) else 0
        by, evidence = _signed(told)
        session, done = _session(word), False
        match told.get("what"):
            case "ask" if by and evidence:
                done = lost_pcs.ask(turn, self.office, store, till, by, session, evidence, epoch)
            case "agree" if by:
                done = lost_pcs.approve(turn, self.office, store, till, epoch, by, session)
            case "withdraw":
                done = lost_pcs.withdraw(turn, self.office, store, till, epoch)
        if done:
            return Response(status_code=303, headers={**access.HEADERS, "location": "/console/exposure"})
        template, values = self._exposure(request, turn)
        fault = "lost_waits" if device_keys.is_telling(turn, store, till, epoch) else "lost_fields"
        return self._html(template, 422, path="/console/exposure", word=word, **{**values, "fault": fault})

    def _cases(self, _request: Request, look: Turn) -> tuple[str, dict[str, Any]]:
        return "cases.html", {"title": "cases", "table": chain_wide.cases(look)}

    def _settlement(self, _request: Request, look: Turn) -> tuple[str, dict[str, Any]]:
        tables = {"positions": chain_wide.positions(look), "table": chain_wide.settlement(look)}
        return "settlement.html", {"title": "settlement", **tables}

    def _tickets(self, _request: Request, look: Turn) -> tuple[str, dict[str, Any]]:
        return "tickets.html", {"title": "tickets", "table": chain_wide.tickets(look), "fault": ""}

    def _case(self, request: Request, look: Turn) -> tuple[str, dict[str, Any]]:
        case = casework.find(look, self.office, _number(request))
        if case is None:
            return "missing.html", {"title": "cases"}
        acts = [[at, by, f"console.act_{what}", note] for at, by, what, note in case.acts]
        columns = [Column("when", "time"), Column("who"), Column("what", "said"), Column("note")]
        return "case.html", {
            "title": "cases",
            "case": case,
            "acts": Table("acts", columns, acts),
            "fault": "",
        }

    def _act(self, request: Request, turn: Turn, told: dict[str, str], word: str) -> Response:
        by, note = _signed(told)
        before = told.get("before", "")
        here = f"/console/cases/{_number(request)}"
        if not by or not note:
            template, values = self._case(request, turn)
            return self._html(template, 422, path=here, word=word, **{**values, "fault": "case_fields"})
        if before.isascii() and before.isdigit() and len(before) < 10:
            casework.act(turn, self.office, _number(request), int(before), told.get("what", ""), by, note)
        headers, work = {**access.HEADERS, "location": here}, BackgroundTask(release.go_on, self.office)
        return Response(status_code=303, headers=headers, background=work)  # when the act is durable

    def _form(self, write: Any, begin: Callable[[], AbstractContextManager[Turn]] | None = None) -> Any:
        """A door for a form: with a session, its own word and our own origin; else nothing is done.

        ``begin`` is how its transaction begins: to write, if nothing else is said.
        """
        begin = begin or self.office.store.turn

        async def answer(request: Request) -> Response:
            length = request.headers.get("content-length", "")
            fits = length.isascii() and length.isdigit() and len(length) < 9 and int(length) <= FORM_BYTES_MAX
            raw = await request.body() if fits else b""
            told = {key: values[0] for key, values in parse_qs(raw.decode("utf-8", "replace")).items()}
            session = request.cookies.get(access.COOKIE, "")
            origin = request.headers.get("origin")

            def written() -> Response:
                with begin() as turn:
                    if not access.is_open(turn, session, self.office.clock()):
                        return self._closed()
                    own = origin is None or origin.partition("//")[2] == request.headers.get("host")
                    if not own or not access.is_word_of(session, told.get("word", "")):
                        return self._html("closed.html", 403)
                    said: Response = write(request, turn, told, access.word_of(session))
                    return said

            return await run_in_threadpool(written)

        return answer

    def _written(self, _request: Request, turn: Turn, told: dict[str, str], word: str) -> Response:
        try:
            store, till = name(told.get("store", "").strip()), name(told.get("till", "").strip())
            called, region = told.get("name", "").strip()[:40], told.get("region", "").strip()
            if store == HUB_STORE or not called or not called.isprintable():
                raise BadName("a store has a name, and is not headquarters")
            admission.open_store(turn, store, called, region and name(region))
        except (BadName, admission.RegionSettled) as error:
            fault = "ticket_fields" if isinstance(error, BadName) else "ticket_region"
            table = chain_wide.tickets(turn)
            values = {"title": "tickets", "table": table, "fault": fault, "word": word}
            return self._html("tickets.html", 422, path="/console/tickets", **values)
        text = admission.write_ticket(
            turn, self.office, self.public_url, store, till, self.ticket_hours, secrets.token_bytes
        )
        picture = segno.make_qr(text, error="m").svg_data_uri(scale=5, border=4)
        values = {"title": "tickets", "store": store, "till": till, "name": called, "text": text}
        return self._html("ticket.html", 200, qr=picture, hours=self.ticket_hours, word=word, **values)

    # -- writing out ----------------------------------------------------------------------------

    def _html(self, template: str, status: int, **values: Any) -> Response:
        shared = {
            "chain": self.office.chain_name,
            "now": self.office.clock(),
            "path": "",
            "word": "",
            "title": "",
        }
        text = self.pages.get_template(template).render({**shared, **values})
        return Response(text, status, access.HEADERS, "text/html; charset=utf-8")

    def _zone(self) -> int:
        now = self.office.clock()
        zone = self.office.rules().zone
        return next((minutes for since, minutes in reversed(zone) if since <= now), zone[0][1])

    def _shown(self, kind: str, value: Any) -> Markup | str:
        match kind:
            case "said":
                return self._both(*value[:1], **value[1]) if isinstance(value, tuple) else self._both(value)
            case "why" if value:
                return self._why(str(value))
            case "store" if value and value != HUB_STORE:
                return Markup('<a href="/console/stores/{0}">{0}</a>').format(value)
            case "case":
                return Markup('<a href="/console/cases/{0}">{0}</a>').format(value)
            case "member" if value is not None:
                return Markup('<a href="/console/members/{0}">{0}</a>').format(value)
        return shown(kind, value, self._zone())

    def _why(self, detail: str) -> Markup:
        said = [self._both(key, n=n) if key else escape(plain) for key, plain, n in why(detail, self.zh)]
        return Markup('{} <span class="quiet">{}</span>').format(said[0], Markup(" ").join(said[1:]))

    def _both(self, key: str, **values: Any) -> Markup:
        """A sentence in Chinese, and in English beside it."""
        spoken: list[Words] = [self.zh, self.en]
        zh, en = (escape(words.say(key, **values)) for words in spoken)
        return Markup('<span class="zh">{}</span> <span class="en" lang="en">{}</span>').format(zh, en)


def _signed(told: dict[str, str]) -> tuple[str, str]:
    """Who fills a form in and the note; "" for one that is missing or that nobody can read."""
    by, note = (normalize("NFC", " ".join(told.get(name, "").split()))[:200] for name in ("by", "note"))
    return (by if by.isprintable() and len(by) <= 40 else ""), (note if note.isprintable() else "")


def _session(word: str) -> str:
    """A name of the session whose word this is, which opens nothing."""
    return sha256(word.encode()).hexdigest()[:32]


def _number(request: Request) -> int:
    """The number in a path; one that no case has for anything else."""
    text = str(request.path_params["number"])
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0
