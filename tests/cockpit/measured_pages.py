"""Which pages are measured: each with what one came for, and what one does there."""

from dataclasses import dataclass
from typing import Literal

from bench.city import gateway_id, instrument_id

HOUSE = "inst-00000"
#: Something on the page of the page's own, whatever it is.
_ROW = "main.page-{} tbody tr"


@dataclass(frozen=True, slots=True)
class Act:
    """Something that one does: a press, a choice or a word typed.

    Attributes:
        name: What it is called.
        where: The first element of this selector that can be seen.
        how: Click it, choose its last option, type `text` into it, give it a file of that text, or
            have the page put on paper, whatever it is.
        keeps: It opens something that Escape closes again.
        until: What stands there once it is done, where that shows in nothing else.
    """

    name: str
    where: str
    how: Literal["click", "choose", "type", "file", "print"] = "click"
    text: str = ""
    keeps: bool = False
    until: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """A page.

    Attributes:
        address: Where it is.
        first: What it is opened for stands there: a figure, a row, a chart, a form.
        acts: What one does, in this order; what is not there is said to be missing.
    """

    address: str
    first: str
    acts: tuple[Act, ...] = ()


def _row(page: str) -> str:
    return _ROW.format(page)


#: Rows of a file: five hundred instruments that are not there yet.
_FILE = "instrument_id,name,institution_id,gateway_id\n" + "".join(
    f"new-{n},new {n},{HOUSE},{gateway_id(0)}\n" for n in range(500)
)
#: Five thousand lines of vouchers, every other one of an hour that is none.
_VOUCHERS = "scheme,reference,line,instrument_id,from,to,hours\n" + "".join(
    f"s,file-{n},1,{instrument_id(n % 1000)},2026-10-{1 + n % 28:02},"
    f"{'noon' if n % 2 else f'2026-10-{2 + n % 28:02}'},1\n"
    for n in range(5_000)
)
#: The frame's own, on every page.
FRAME = (
    Act("search", "input[role=combobox]", "type", "bench-0001", keeps=True),
    Act("views", "#views", keeps=True),
    Act("menu", "button.menu", keeps=True),
    Act("theme", "#theme"),
    Act("language", "#language"),
)
PICKER = Act("open periods", ".period > button", keeps=True)
PERIOD = Act("change period", ".period .choice label:nth-of-type({})")
SORT = Act("sort", "main thead button")
MORE = Act("page on", "main [data-more]")
PRINT = Act("print", "#print", "print")


def _to(nth: int) -> Act:
    return Act(PERIOD.name, PERIOD.where.format(nth))


def pages(made: dict[str, int]) -> dict[str, Seen]:
    """By name.

    Args:
        made: Ids of what was made for them: `period`, `evaluation`, `alert`, `voucher`.
    """
    one = instrument_id(0)
    return {
        "city": Seen(
            "#/city",
            "main.page-city:has([data-value=running]:not(:empty))"
            ":has(.map .view .d[data-v]:not([data-v='']))",
            (
                PICKER,
                _to(3),
                SORT,
                Act("a district", ".map .view .d[data-v]"),
                Act("metric", "main .map-card .card-tools fieldset label:last-of-type"),
                Act("houses", "main .map-card .card-tools > label"),
                PRINT,
            ),
        ),
        "city, a district's houses": Seen(
            "#/city?houses=1&district=310104",
            "main.page-city:has(.map .house, .spot li)",
            (Act("a house", ".map .house, .spot li a"), _to(2)),
        ),
        "home": Seen(
            f"#/home/{HOUSE}",
            "main.page-home [data-now]",
            (
                Act("by state", ".home-states [data-state=running]"),
                Act("all again", ".home-states [data-state=all]"),
                SORT,
                PRINT,
            ),
        ),
        "home, whose": Seen(
            "#/home",
            "#home-whose",
            (Act("type", "#home-whose", "type", "inst-0010"),),
        ),
        "explore": Seen(
            "#/explore",
            _row("explore"),
            (
                PICKER,
                _to(3),
                SORT,
                Act("group", "main .fields select", "choose"),
                Act("more figures", "details.columns summary"),
            ),
        ),
        "explore, institutions": Seen(
            "#/explore?by=institution&range=d30&compare=previous",
            _row("explore"),
            (
                PICKER,
                SORT,
                MORE,
                Act("filter", "main .fields label:nth-of-type(2) select", "choose"),
                PRINT,
            ),
        ),
        "explore, instruments": Seen(
            "#/explore?by=instrument&range=d30", _row("explore"), (SORT, MORE, _to(2))
        ),
        "explore, treemap": Seen(
            "#/explore?by=instrument&view=treemap",
            "main.page-explore .chart canvas",
            (_to(3), Act("ranking", "main .page-head .choice label")),
        ),
        "explore, heatmap": Seen(
            "#/explore?view=heatmap",
            "main.page-explore .chart canvas",
            (_to(3), Act("as a table", "main details:last-of-type summary")),
        ),
        "available": Seen(
            "#/available?seat=310104",
            "main.page-available .cards h3",
            (
                Act("filter", "main .fields label:nth-of-type(2) select", "choose"),
                Act("order", "main fieldset.choice label:last-of-type"),
                Act("type", "main input[name=q]", "type", "bench"),
            ),
        ),
        "week": Seen(
            f"#/week?institution={HOUSE}",
            "main.page-week .week-line .measured",
            (
                Act("an hour", "main td.week-cell", keeps=True),
                Act("week before", "#week-before"),
                Act("type", "#week-add", "type", "bench-0002"),
                PRINT,
            ),
        ),
        "maintenance": Seen(
            "#/maintenance",
            _row("maintenance"),
            (
                PICKER,
                Act("a form", "#new-plan, main [data-done]", keeps=True),
                SORT,
                _to(2),
                Act("filter", "main .page-head select", "choose"),
                PRINT,
            ),
        ),
        "maintenance of one": Seen(
            f"#/maintenance/{one}",
            "main.page-maintenance [data-value]:not(:empty)",
            (PICKER, Act("a form", "#new-plan", keeps=True)),
        ),
        "reconcile": Seen(
            "#/reconcile?range=d30",
            _row("reconcile"),
            (
                PICKER,
                SORT,
                _to(2),
                Act("group", "main .card-tools .choice label:last-of-type"),
                Act("page on", "main [data-more]"),
                PRINT,
            ),
        ),
        "reports": Seen(
            "#/reports", _row("reports"), (Act("a form", "#new-period", keeps=True), SORT)
        ),
        "reports, one": Seen(
            f"#/reports/{made['period']}",
            _row("reports"),
            (SORT, Act("write", "#write-file"), MORE, PRINT),
        ),
        "evaluation": Seen(
            "#/evaluation", _row("evaluation"), (Act("a form", "#new-evaluation", keeps=True), SORT)
        ),
        "evaluation, one": Seen(
            f"#/evaluation/{made['evaluation']}",
            _row("evaluation"),
            (
                SORT,
                Act("page on", "main .stack > button"),
                Act("filter", "main .page-head select", "choose"),
            ),
        ),
        "vouchers": Seen(
            "#/vouchers",
            "main.page-vouchers [data-order]",
            (SORT, MORE, Act("verdict", "main .page-head .choice label:last-of-type")),
        ),
        "vouchers, a file": Seen(
            "#/vouchers",
            "main.page-vouchers input[type=file]",
            (
                Act("a file", "main input[type=file]", "file", _VOUCHERS),
                Act("rows", "main form button.primary", until="main [data-report]"),
                Act("page on", "main form [data-more]"),
                Act("sort", "main form thead th:last-of-type button"),
            ),
        ),
        "vouchers, one": Seen(
            f"#/vouchers/{made['voucher']}", "main.page-vouchers [data-verdict]", ()
        ),
        "purchase": Seen("#/purchase?class=010200", _row("purchase"), (PICKER, SORT, _to(3))),
        "alerts": Seen(
            "#/alerts?state=closed",
            "main.page-alerts [data-alert]",
            (
                SORT,
                MORE,
                Act("state", "main nav.tabs [data-state=open]"),
                Act("type", "#alert-house", "type", "inst-0001"),
            ),
        ),
        "alerts, one": Seen(
            f"#/alerts/{made['alert']}",
            "main.page-alerts .alert-events li",
            (Act("a form", "main .chips button", keeps=True),),
        ),
        "health": Seen(
            "#/health",
            _row("health"),
            (SORT, Act("offline", "main .card-tools .choice label:last-of-type"), MORE),
        ),
        "gateway": Seen(
            f"#/gateway/{gateway_id(0)}",
            "main.page-gateway [data-value]:not(:empty)",
            (PICKER, _to(3), SORT),
        ),
        "manage": Seen(
            "#/manage",
            "main.page-manage form",
            (
                Act("type", "main form input", "type", "new-instrument-1"),
                Act("keys", "main .page-head .choice label:last-of-type"),
                Act("gateways", "main .page-head .choice label:nth-of-type(2)"),
            ),
        ),
        "manage, a file": Seen(
            "#/manage?what=import",
            "main.page-manage input[type=file]",
            (
                Act("a file", "main input[type=file]", "file", _FILE),
                Act("rows", "main form button.primary", until="main [data-report]"),
                SORT,
            ),
        ),
        "manage, one": Seen(
            f"#/manage?what=instrument&id={one}",
            "main.page-manage form",
            (Act("type", "main form input:enabled", "type", "x"),),
        ),
        "instrument": Seen(
            f"#/instrument/{one}",
            "main.page-instrument [data-value=power]:not(:empty)",
            (PICKER, _to(3), SORT, Act("week before", "#week-before")),
        ),
        "on a wall": Seen(
            "#/city?wall=3600&of=~city",
            "html[data-wall] main.page-city:has([data-value=running]:not(:empty))"
            ":has(.map .view .d[data-v]:not([data-v='']))",
        ),
    }
