"""The API of the cashier's page: one handler an act, each of them desk, then words.

GET changes nothing. Every act is a POST with JSON, checked strictly before the desk hears of it. A
refusal of the business is an answer like any other (200, ``no``); a fault of the world is 503 with
what to do; an act whose id was used for another is 409; a request that is not understood is 422.
"""

import re
from collections.abc import Callable
from importlib.resources import files
from typing import Annotated, Any, TypeVar

from fastapi import Depends, FastAPI, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import ValidationError

from agent import claims, goods_back, stick
from agent.counter import Found
from agent.desk import Done
from agent.funding import No
from agent.screen import asked, said
from agent.screen.guard import App, Guard
from agent.screen.shop import Shop
from config.faults import Fault
from config.words import LANGUAGES, Words
from hardware.faults import HardwareFault
from hardware.paper import SIZES
from hardware.raster import preview
from points.codes import CodeKind
from points.refusals import Refusal

KINDS = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml", "html": "text/html"}
PAGE = files("agent.screen") / "page"
TYPED_CATEGORY = "all"
OPERATION = re.compile(r"[0-9a-f]{32}\Z")
PAGE_WORDS = ("page", "state", "receipt")

Asking = TypeVar("Asking", bound=asked.Asked)


def read(model: type[Asking]) -> Callable[[Request], Any]:
    """Reads a body as ``model``, strictly and from its own bytes: a tuple stays a tuple, a 5 a number."""

    async def body(request: Request) -> Asking:
        return model.model_validate_json(await request.body() or b"{}")

    return body


def make_app(shop: Shop) -> App:
    """The application of one till, behind its guard."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    desk, till = shop.desk, shop.till

    def words_of(lang: str = Query(default="")) -> Words:
        return shop.words[lang if lang in LANGUAGES else shop.language]

    Speaks = Annotated[Words, Depends(words_of)]

    @app.exception_handler(ValidationError)
    async def not_understood(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, ValidationError)
        wrong = [
            ".".join(map(str, one["loc"])) for one in error.errors(include_input=False, include_url=False)
        ]
        return JSONResponse({"not_understood": wrong}, 422)

    @app.exception_handler(Fault)
    @app.exception_handler(HardwareFault)
    async def failed(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Fault | HardwareFault)
        lang = request.query_params.get("lang", "")
        words = shop.words[lang if lang in LANGUAGES else shop.language]
        status = 409 if error.remedy == "fault.act_reused" else 503
        return JSONResponse(said.fault(error.remedy, error.detail, words), status)

    def after(told: Done | No, words: Words) -> said.Said:
        if isinstance(told, No):
            return said.no(told, words)
        shop.recorded()
        answer = said.done(told, till)
        card = shop.card(told.op.m) if told.op.m is not None else None
        if card is not None:
            answer["card"] = said.card(card, till, words, online=shop.is_online)
        return answer

    # -- what is read ----------------------------------------------------------------------------

    @app.get("/")
    def page() -> Response:
        return Response((PAGE / "page.html").read_bytes(), media_type="text/html; charset=utf-8")

    @app.get("/page/{name}")
    def part(name: str) -> Response:
        kind = KINDS.get(name.rpartition(".")[2])
        if kind is None or "/" in name or name not in PARTS:
            return Response(status_code=404)
        return Response((PAGE / name).read_bytes(), media_type=f"{kind}; charset=utf-8")

    @app.get("/api/words")
    def words_for_the_page(words: Speaks) -> said.Said:
        told = {key: text for place in PAGE_WORDS for key, text in words.under(place).items()}
        return {"language": words.language, "words": told}

    @app.get("/api/state")
    def state(words: Speaks) -> said.Said:
        return said.state(shop.world(), till, words)

    @app.get("/api/sticks")
    def sticks() -> said.Said:
        return {"sticks": [{"folder": str(path), "name": path.name} for path in shop.plugged_in()]}

    @app.get("/api/events")
    async def events(words: Speaks) -> StreamingResponse:
        return StreamingResponse(shop.events.stream(words.language), media_type="text/event-stream")

    @app.get("/api/card/{m}")
    def card(m: asked.Member, words: Speaks) -> said.Said:
        known = shop.card(m)
        if known is None:
            return said.no(No(Refusal.unknown_member, {}), words)
        return {"card": said.card(known, till, words, online=shop.is_online)}

    @app.get("/api/paper/{job}")
    def paper(job: asked.Job) -> Response:
        drawn = shop.printing.paper(job)
        if drawn is None:
            return Response(status_code=404)
        return Response(preview(drawn, SIZES[shop.paper_mm].dots), media_type="image/png")

    # -- what is asked ---------------------------------------------------------------------------

    @app.post("/api/session")
    def session(request: Request, body: Annotated[asked.Session, Depends(read(asked.Session))]) -> Response:
        key = shop.key
        if not key.opens(body.code) and not key.is_cookie(request.cookies.get(key.cookie_name, "")):
            return JSONResponse({"refused": "open the page by its own address first"}, 401)
        answer = JSONResponse({"word": key.word, "language": shop.language})
        answer.set_cookie(key.cookie_name, key.cookie, httponly=True, samesite="strict", path="/")
        return answer

    @app.post("/api/scan")
    def scan(body: Annotated[asked.Scan, Depends(read(asked.Scan))], words: Speaks) -> said.Said:
        return shop.meaning(body.text, words)

    @app.post("/api/look-up")
    def look_up(body: Annotated[asked.Scan, Depends(read(asked.Scan))], words: Speaks) -> said.Said:
        return shop.looked_up(body.text, words)

    @app.post("/api/quote")
    def quote(body: Annotated[asked.Quote, Depends(read(asked.Quote))], words: Speaks) -> said.Said:
        told = desk.counter.quote(body.m, lines_of(body), body.points)
        return said.no(told, words) if isinstance(told, No) else said.quote(told, till, words)

    @app.post("/api/sell")
    def sell(body: Annotated[asked.Sell, Depends(read(asked.Sell))], words: Speaks) -> said.Said:
        told = desk.sell(
            body.act, body.by, body.m, lines_of(body), points=body.points, who=body.who, paid=body.paid,
            receipt=body.receipt, pin=body.pin,
        )  # fmt: skip
        return after(told, words)

    @app.post("/api/sell-to-phone")
    def sell_to_phone(
        body: Annotated[asked.SellToPhone, Depends(read(asked.SellToPhone))], words: Speaks
    ) -> said.Said:
        told = desk.sell_to_phone(
            body.act, body.by, body.phone, lines_of(body), paid=body.paid, receipt=body.receipt
        )
        return after(told, words)

    @app.post("/api/redeem")
    def redeem(body: Annotated[asked.Redeem, Depends(read(asked.Redeem))], words: Speaks) -> said.Said:
        return after(desk.redeem(body.act, body.by, body.m, body.points, body.pin), words)

    @app.post("/api/find")
    def find(body: Annotated[asked.Find, Depends(read(asked.Find))], words: Speaks) -> said.Said:
        sale = body.text if OPERATION.match(body.text) else goods_back.find(till, body.text)
        if sale is None:
            meant = desk.counter.scan(body.text)
            if isinstance(meant, Found) and meant.kind is CodeKind.CLAIM:
                sale = meant.sale
            elif isinstance(meant, No) and meant.refusal is Refusal.refund_elsewhere_offline:
                return shop.sale_of_another(body.text, words)
            elif isinstance(meant, No) and meant.refusal is not Refusal.unknown_code:
                return said.no(meant, words)
        if sale is None:
            return {"no": "no_sale_here", "say": words.say("page.no_sale_here")}
        told = goods_back.returnable(till, sale)
        if isinstance(told, No) and told.refusal is Refusal.refund_ceded:
            return shop.sale_of_another(claims.digits(till, sale), words)
        return said.no(told, words) if isinstance(told, No) else said.returnable(told)

    @app.post("/api/return")
    def quote_return(
        body: Annotated[asked.QuoteReturn, Depends(read(asked.QuoteReturn))], words: Speaks
    ) -> said.Said:
        told = desk.quote_return(body.sale, body.lines)
        return said.no(told, words) if isinstance(told, No) else said.return_quote(told)

    @app.post("/api/refund")
    def refund(body: Annotated[asked.Refund, Depends(read(asked.Refund))], words: Speaks) -> said.Said:
        return after(desk.refund(body.act, body.by, body.sale, body.lines, body.pin), words)

    @app.post("/api/refund-elsewhere")
    def refund_elsewhere(
        body: Annotated[asked.RefundElsewhere, Depends(read(asked.RefundElsewhere))], words: Speaks
    ) -> said.Said:
        told = desk.refund_elsewhere(
            body.act, body.by, body.claim, body.groups, reaches=shop.is_online, pin=body.pin
        )
        return after(told, words)

    @app.post("/api/void")
    def void(body: Annotated[asked.Void, Depends(read(asked.Void))], words: Speaks) -> said.Said:
        return after(desk.void(body.act, body.by, body.sale, body.pin), words)

    @app.post("/api/enrol")
    def enrol(body: Annotated[asked.Enrol, Depends(read(asked.Enrol))], words: Speaks) -> said.Said:
        told = desk.enrol(body.act, body.by, body.phone, body.name, body.card)
        if isinstance(told, No) and told.refusal is Refusal.already_member:
            return {**shop.meaning(body.phone, words), **said.no(told, words)}
        return after(told, words)

    @app.post("/api/reprint")
    def reprint(body: Annotated[asked.Reprint, Depends(read(asked.Reprint))], words: Speaks) -> said.Said:
        job = shop.printing.reprint(body.op)
        return {"job": job} if job is not None else {"no": "no_receipt", "say": words.say("page.no_receipt")}

    @app.post("/api/resolve")
    def resolve(body: Annotated[asked.Resolve, Depends(read(asked.Resolve))]) -> said.Said:
        return {"job": shop.printing.resolve(body.job, body.printed)}

    @app.post("/api/print-test")
    def print_test(_body: Annotated[asked.Nothing, Depends(read(asked.Nothing))], words: Speaks) -> said.Said:
        told = shop.printing.print_test()
        return {"printed": told.printed, "say": words.say(told.words, **told.detail)}

    @app.post("/api/day/close")
    def day_close(body: Annotated[asked.Day, Depends(read(asked.Day))], words: Speaks) -> said.Said:
        told = said.closed(desk.close_day(body.by, reaches=shop.pulse.reaches()), words)
        shop.recorded()
        return told

    @app.post("/api/day/open")
    def day_open(body: Annotated[asked.DayOpen, Depends(read(asked.DayOpen))], words: Speaks) -> said.Said:
        told = desk.open_day(body.pin)
        return said.no(told, words) if isinstance(told, No) else said.opened(told, words)

    @app.post("/api/contact")
    def contact(_body: Annotated[asked.Nothing, Depends(read(asked.Nothing))], words: Speaks) -> said.Said:
        return contacted(shop.pulse.contact(), shop, words)

    @app.post("/api/night")
    def night(_body: Annotated[asked.Nothing, Depends(read(asked.Nothing))], words: Speaks) -> said.Said:
        return contacted(shop.run_night(), shop, words)

    @app.post("/api/stick")
    def by_stick(body: Annotated[asked.Stick, Depends(read(asked.Stick))], words: Speaks) -> said.Said:
        done = shop.exchange(body.folder)
        return {"lines": stick.told(done, words), "file": done.written.path.name}

    return Guard(app, shop.key)


def contacted(settled: bool, shop: Shop, words: Words) -> said.Said:
    """How a contact ended, in words."""
    unsettled = "state.contact_unsettled" if shop.is_online else "state.contact_offline"
    return {"settled": settled, "say": words.say("state.contact_done" if settled else unsettled)}


def lines_of(body: asked.Goods) -> list[tuple[int, str, int, int]]:
    """The lines of a point of sale, or the one line that a typed amount is."""
    return body.lines or [(1, TYPED_CATEGORY, 1, body.fen or 0)]


PARTS = frozenset(part.name for part in PAGE.iterdir())
