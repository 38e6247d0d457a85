"""Sample papers that several tests print."""

from __future__ import annotations

import random

from hypothesis import strategies as st

from hardware.paper import (
    BIG,
    BOLD,
    PLAIN,
    QR,
    Align,
    Barcode,
    Columns,
    Cut,
    Feed,
    Paper,
    Row,
    Rule,
    Style,
    Text,
)

DIGITS = "".join(random.Random(7).choices("0123456789", k=463))  # as long as a claim with 8 groups

RECEIPT = Paper(
    (
        Text("示例超市 · 员村二横路店", Align.CENTRE, BOLD),
        Text("2026-11-21 18:02   收银 02   小票 0417"),
        Columns("会员 138****8000", "金卡"),
        Rule(),
        Columns("本次获得", "+24 分"),
        Columns("本次使用", "-100 分 (¥10.00)"),
        Columns("积分", "1,304 分", PLAIN, BIG),
        Text("  其中今日 24 分待总部确认 · 截至 11-21 02:00"),
        Text("  80 分将于 2026-12-31 过期"),
        Rule(),
        QR(DIGITS),
        Text("请保留小票，退货时扫描此码", Align.CENTRE),
        Cut(),
    )
)

SHORT = Paper((Text("测试 ¥1.00"), Cut()))

STYLES = st.builds(Style, st.booleans(), st.booleans())
ROWS: st.SearchStrategy[Row] = st.one_of(
    st.builds(Text, st.text(max_size=60), st.sampled_from(Align), STYLES),
    st.builds(Columns, st.text(max_size=40), st.text(max_size=40), STYLES, STYLES),
    st.builds(Rule),
    st.builds(QR, st.text("0123456789", min_size=1, max_size=463)),
    st.builds(Barcode, st.text("M0123456789", min_size=1, max_size=9)),
    st.builds(Feed, st.integers(0, 9)),
    st.builds(Cut),
)
PAPERS = st.builds(lambda rows: Paper(tuple(rows)), st.lists(ROWS, max_size=8))
