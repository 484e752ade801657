"""Who may ask what, over every route that the OpenAPI document names.

A new route is walked by itself: without a key's protection, or without a word here on what it
means for other institutions, these tests fail.
"""

import itertools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from store.registry.keys import create_key, digest, revoke_key
from store.run import run
from tests.described import DOCUMENT
from tests.integration.api.conforming import wants_window

ClientOf = Callable[[str | None], httpx.Client]
Route = tuple[str, str]

OPEN = {"/v1", "/healthz", "/readyz", "/metrics"}
ROUTES: list[Route] = [
    (method, path)
    for path, item in DOCUMENT["paths"].items()
    for method in item
    if path not in OPEN
]
#: What reads more than figures, by the start of its address; the rest reads with `read` and
#: writes with `operate`.
READS = {
    "/v1/webhooks": "operate",
    "/v1/deliveries": "operate",
    "/v1/dead-letters": "operate",
    "/v1/gateways/{gateway_id}/unmapped": "operate",
    "/v1/gateways/{gateway_id}/credentials": "operate",
    "/v1/keys": "admin",
    "/v1/audit": "admin",
    # Of a scope of its own, which of these only `admin` has.
    "/v1/federation": "admin",
}
WRITES = {
    "/v1/keys": "admin",
    "/v1/sign-ins": "read",
    "/v1/views": "read",
    "/v1/mappings/{name}/try": "read",
    "/v1/power-rules/backtest": "read",
}
SCOPES = ("nothing", "read", "operate", "admin")
#: Of the whole city, so no institution's to change.
CITY_ONLY = {
    ("put", "/v1/calendars/{calendar}/days/{day}"),
    ("delete", "/v1/calendars/{calendar}/days/{day}"),
    ("post", "/v1/calendars/{calendar}/preview"),
    ("put", "/v1/mappings/{name}"),
    ("put", "/v1/report-profiles/{name}"),
    ("put", "/v1/reconciliation/tolerances"),
    ("put", "/v1/coverage/targets/{day}"),
    ("delete", "/v1/coverage/targets/{day}"),
    ("put", "/v1/schemes/{name}"),
    ("post", "/v1/evaluations"),
    ("get", "/v1/evaluations/{evaluation_id}/bundle"),
    ("put", "/v1/evaluations/{evaluation_id}/objections/{objection_id}/answer"),
}
#: Of the whole city, and for everyone to read.
EVERYBODYS = {
    ("get", "/v1/mappings/{name}"),
    ("post", "/v1/mappings/{name}/try"),
    ("get", "/v1/report-profiles/{name}"),
    ("get", "/v1/schemes/{name}"),
}
#: Of closed periods; that of a home is open.
CLOSED_ONLY = {
    ("get", "/v1/periods/{period_id}/reconciliation"),
    ("get", "/v1/periods/{period_id}/amendments"),
    ("get", "/v1/periods/{period_id}/manifest"),
    ("get", "/v1/periods/{period_id}/files"),
    ("get", "/v1/periods/{period_id}/files/{file}"),
    ("post", "/v1/periods/{period_id}/files"),
}
#: Writes nothing, whatever its method.
NO_CHANGE = {
    ("post", "/v1/mappings/{name}/try"),
    ("post", "/v1/power-rules/backtest"),
    ("post", "/v1/instruments/{instrument_id}/preview"),
    ("post", "/v1/institutions/{institution_id}/preview"),
    ("post", "/v1/gateways/{gateway_id}/preview"),
    ("post", "/v1/calendars/{calendar}/preview"),
}
_TITLE = {"en": "own", "zh": "own"}
OWN_SCHEME = {
    "title": _TITLE,
    "criteria": [
        {
            "name": "hours",
            "title": _TITLE,
            "weight": 100,
            "terms": [{"input": "effective_s", "over": "rated_s", "points": 100}],
        }
    ],
}
OWN_FORM = {"title": "own", "forms": ["csv"], "columns": [{"name": "a", "default": ""}]}
WINDOW = {"from": "2026-03-01T00:00:00Z", "to": "2026-03-02T00:00:00Z"}


def denied(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert {"type", "title", "detail", "instance", "errors"} <= body.keys()
    assert answer.headers.get("www-authenticate", "").startswith("Bearer") is (status == 401)


def bearing(key: str | None) -> dict[str, str]:
    return {} if key is None else {"Authorization": f"Bearer {key}"}


def scope_of(route: Route) -> str:
    method, path = route
    named, default = (READS, "read") if method == "get" else (WRITES, "operate")
    return next((scope for start, scope in named.items() if path.startswith(start)), default)


#: Retired only by force: a home's instrument is in service there.
BOUND = {
    ("delete", "/v1/institutions/{institution_id}"),
    ("delete", "/v1/gateways/{gateway_id}"),
}


def asked(method: str, path: str) -> dict[str, str]:
    """The query parameters that a route insists on."""
    if (method, path) in BOUND:
        return {"force": "true"}
    if method == "post" and path.endswith("/preview"):
        return WINDOW
    if path.endswith(("/check", "/preview")):
        return {"profile": "records"}
    return WINDOW if method == "get" and wants_window(path) else {}


def filled(path: str, **names: object) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: str(names.get(found[1], "1")), path)


@pytest.fixture(scope="session")
def bad_keys(api_database: str, keys: dict[str, str]) -> dict[str, str | None]:
    with psycopg.connect(api_database) as conn:
        past = datetime.now(UTC) - timedelta(seconds=1)
        expired = run(conn, create_key(scopes=["admin"], expires_at=past)).key
        revoked = run(conn, create_key(scopes=["admin"]))
        run(conn, revoke_key(revoked.key_id, "test"))
    return {
        "no key": None,
        "not ours": "letmein",
        "unknown": "jishi_000000000000_" + "A" * 43,
        "right id, wrong secret": keys["admin"][:-1] + ("A" if keys["admin"][-1] != "A" else "B"),
        "expired": expired,
        "revoked": revoked.key,
    }


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=str)
def test_every_route_wants_a_key(
    nobody: httpx.Client, bad_keys: dict[str, str | None], method: str, path: str
) -> None:
    address = filled(path, day="2031-12-24")
    for key in bad_keys.values():
        denied(nobody.request(method, address, headers=bearing(key)), 401)
        # Nothing of a body is looked at before: neither what it says nor whether it is any.
        if method in ("put", "post", "patch"):
            denied(nobody.request(method, address, headers=bearing(key), content=b"{"), 401)


@pytest.fixture(scope="session")
def keys_by_scope(api_database: str, keys: dict[str, str]) -> dict[str, str]:
    """A key of each scope, and one of none, such as no route of ours makes."""
    nothing = "jishi_00000000feed_" + "n" * 43
    with psycopg.connect(api_database) as conn:
        conn.execute(
            "INSERT INTO api_key (key_id, secret_sha256, scopes) VALUES (%s, %s, '{}')",
            ["00000000feed", digest(nothing)],
        )
    return {"nothing": nothing, **keys}


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=str)
def test_every_route_wants_its_scope(
    nobody: httpx.Client, keys_by_scope: dict[str, str], method: str, path: str
) -> None:
    smallest = SCOPES.index(scope_of((method, path)))
    address = filled(path, day="2031-12-24", key_id="none")
    for index, scope in enumerate(SCOPES):
        if index >= smallest and path == "/v1/stream":
            continue  # it would not end
        answer = nobody.request(
            method, address, params=asked(method, path), headers=bearing(keys_by_scope[scope])
        )
        if index < smallest:
            denied(answer, 403)
        else:
            assert answer.status_code not in (401, 403), answer.text


# Institutions


@dataclass(frozen=True, kw_only=True)
class Home:
    """An institution with one of everything, and its keys."""

    institution_id: str
    gateway_id: str
    instrument_id: str
    maintenance_id: int
    plan_id: int
    booking_id: int
    self_report_id: int
    order_id: int
    period_id: int
    evaluation_id: int
    objection_id: int
    annotation_id: int
    feedback_id: int
    dead_letter_id: int
    alert_id: int
    webhook: str
    delivery: str
    key_id: str
    sign_in_id: str
    view: str
    keys: dict[str, str]

    def names(self) -> dict[str, object]:
        return {
            **self.__dict__,
            "calendar": "CN",
            "file": "records-1.csv",
            "day": "2031-12-24",
            "name": self.mapping,
            "feed_name": f"{self.institution_id}.feed",
        }

    @property
    def mapping(self) -> str:
        """A mapping and a report profile that were written beside it, for the whole city."""
        return f"own-{self.institution_id[4:7]}"

    def marks(self) -> list[str]:
        """What of it must never show."""
        return [
            self.institution_id,
            self.gateway_id,
            self.instrument_id,
            self.key_id,
            self.sign_in_id,
        ]


_homes = itertools.count(1)


@pytest.fixture(scope="session")
def make_home(api_database: str, api_address: str, admin: httpx.Client) -> Callable[[], Home]:
    def make() -> Home:
        name = f"home{next(_homes):03}"
        ids = {"institution_id": f"{name}-inst", "gateway_id": f"{name}-gw"}
        puts = {
            f"/v1/institutions/{ids['institution_id']}": {"name": f"{name} 所"},
            f"/v1/gateways/{ids['gateway_id']}": {"institution_id": ids["institution_id"]},
            f"/v1/instruments/{name}-sem": {"name": f"{name} 镜", **ids},
            f"/v1/mappings/own-{name[4:]}": {
                "rules": [{"topic": "{device+}", "ignore": True}],
            },
            f"/v1/report-profiles/own-{name[4:]}": OWN_FORM,
            f"/v1/schemes/own-{name[4:]}": OWN_SCHEME,
        }
        for path, body in puts.items():
            assert admin.put(path, json=body).status_code == 201
        plan = {"instrument_id": f"{name}-sem", **WINDOW, "reason": f"{name} reason"}
        made = admin.post("/v1/maintenance", json=plan)
        assert made.status_code == 201
        kept = {"instrument_id": f"{name}-sem", "name": f"{name} plan", "every_days": 30}
        due = admin.post("/v1/maintenance/plans", json=kept)
        assert due.status_code == 201
        feed = {"institution_id": ids["institution_id"]}
        assert admin.put(f"/v1/booking-feeds/{name}-inst.feed", json=feed).status_code == 201
        hook = {
            "url": f"https://{name}.example.org/",
            "institution": ids["institution_id"],
            "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        }
        assert admin.put(f"/v1/webhooks/{name}-inst.hook", json=hook).status_code == 201
        sent = {**hook, "kind": "https"}
        assert admin.put(f"/v1/deliveries/{name}-inst.sent", json=sent).status_code == 201
        secrets: dict[str, str] = {}
        key_id = ""
        for scope in SCOPES[1:]:
            answer = admin.post(
                "/v1/keys", json={"scopes": [scope], "institution_id": ids["institution_id"]}
            ).json()
            secrets[scope], key_id = answer["key"], answer["id"]
        with httpx.Client(base_url=api_address, timeout=60) as browser:
            assert browser.post("/v1/session", json={"key": secrets["admin"]}).is_success
            (sign_in,) = browser.get("/v1/sign-ins").json()["items"]
            kept = {"address": "#/city"}
            headers = {"Origin": api_address}
            put = browser.put(f"/v1/views/{name} view", json=kept, headers=headers)
            assert put.status_code == 201
        with psycopg.connect(api_database) as conn:
            row = conn.execute(
                "INSERT INTO dead_letter (digest, reason, detail, gateway_id, topic, instrument_id,"
                " received_at, live, payload, payload_bytes, payload_sha256) VALUES"
                " (sha256(%s), 'malformed', '', %s, 'x', %s, now(), true, %s, 2, '\\x00')"
                " RETURNING dead_letter_id",
                [name.encode(), ids["gateway_id"], f"{name}-sem", b"{}"],
            ).fetchone()
            assert row is not None
            booking = conn.execute(
                "INSERT INTO booking (feed_key, uid, recurrence_id, instrument_key, starts_at,"
                " ends_at, is_cancelled) SELECT feed_key, 'x', '', i.instrument_key, now(),"
                " now() + interval '1 hour', false FROM booking_feed f, instrument i"
                " WHERE f.name = %s AND i.instrument_id = %s RETURNING booking_key",
                [f"{name}-inst.feed", f"{name}-sem"],
            ).fetchone()
            assert booking is not None
            report = conn.execute(
                "INSERT INTO self_report (instrument_key, starts_at, ends_at, user_type, hours_us,"
                " actor) SELECT instrument_key, %s, %s, '', 0, 'x' FROM instrument"
                " WHERE instrument_id = %s RETURNING self_report_key",
                [WINDOW["from"], WINDOW["to"], f"{name}-sem"],
            ).fetchone()
            assert report is not None
            order = conn.execute(
                "INSERT INTO voucher_line (scheme, reference, line, instrument_key, starts_at,"
                " ends_at, claimed_us, user_type, user_unit, actor) SELECT 's', %s, 1,"
                " instrument_key, %s, %s, 1, '', '', 'x' FROM instrument WHERE instrument_id = %s"
                " RETURNING line_key",
                [f"{name}-order", WINDOW["from"], WINDOW["to"], f"{name}-sem"],
            ).fetchone()
            assert order is not None
            alert = conn.execute(
                "INSERT INTO alert (kind, subject_key, subject_id, institution_key, since,"
                " instruments, opened_at) SELECT 'gateway_silent', gateway_key, gateway_id,"
                " (SELECT institution_key FROM institution WHERE institution_id = %s), now(), 1,"
                " now() FROM gateway WHERE gateway_id = %s RETURNING alert_id",
                [ids["institution_id"], ids["gateway_id"]],
            ).fetchone()
            assert alert is not None
            period = conn.execute(
                "INSERT INTO period (institution_key, starts_at, ends_at, timezone, created_by)"
                " SELECT institution_key, %s, %s, 'UTC', 'x' FROM institution"
                " WHERE institution_id = %s RETURNING period_id",
                [WINDOW["from"], WINDOW["to"], ids["institution_id"]],
            ).fetchone()
            assert period is not None
            evaluation = conn.execute(
                "INSERT INTO evaluation (scheme, scheme_version, subject, period_ids, starts_at,"
                " ends_at, timezone, subjects, ranked, made_by, document) VALUES ('x', 1,"
                " 'instrument', '{1}', %s, %s, 'UTC', 1, 0, 'x', '{}') RETURNING evaluation_id",
                [WINDOW["from"], WINDOW["to"]],
            ).fetchone()
            assert evaluation is not None
            judged = {
                **dict.fromkeys(("tied", "lower", "upper"), 0),
                **dict.fromkeys(("rank", "score", "band", "band_upper")),
                "subject_id": f"{name}-sem",
                "institution_id": ids["institution_id"],
                "criteria": [],
                "floors_met": [],
            }
            conn.execute(
                "INSERT INTO evaluation_subject VALUES (%s, 1, %s, %s, %s, '{}', %s)",
                [
                    evaluation[0],
                    f"{name}-sem",
                    ids["institution_id"],
                    f"{name} 镜",
                    json.dumps(judged),
                ],
            )
            objection = conn.execute(
                "INSERT INTO evaluation_objection (evaluation_id, subject_id, institution_id,"
                " text, made_by) VALUES (%s, %s, %s, 'x', 'x') RETURNING objection_id",
                [evaluation[0], f"{name}-sem", ids["institution_id"]],
            ).fetchone()
            assert objection is not None
            said = conn.execute(
                "INSERT INTO annotation (instrument_key, at, content, actor) SELECT instrument_key,"
                " %s, %s, 'x' FROM instrument WHERE instrument_id = %s RETURNING annotation_id",
                [WINDOW["from"], f"{name} content", f"{name}-sem"],
            ).fetchone()
            assert said is not None
            conn.execute(
                "INSERT INTO annotation_person (annotation_id, operator_ref) VALUES (%s, %s)",
                [said[0], f"{name}-person"],
            )
            heard = conn.execute(
                "INSERT INTO feedback (instrument_key, at, overall, fault, text, actor) SELECT"
                " instrument_key, %s, 3, false, %s, 'x' FROM instrument WHERE instrument_id = %s"
                " RETURNING feedback_id",
                [WINDOW["from"], f"{name} text", f"{name}-sem"],
            ).fetchone()
            assert heard is not None
            conn.execute(
                "INSERT INTO feedback_person (feedback_id, reference) VALUES (%s, %s)",
                [heard[0], f"{name}-user"],
            )
            conn.execute(
                "INSERT INTO segment (instrument_key, state, starts_at, ends_at, step_us) SELECT"
                " instrument_key, 2, %s, %s::timestamptz + interval '1 hour', 0 FROM instrument"
                " WHERE instrument_id = %s",
                [WINDOW["from"], WINDOW["from"], f"{name}-sem"],
            )
            # Something to count and to leak: a heartbeat's worth of status.
            conn.execute(
                "UPDATE instrument_status SET first_at = '2026-03-01T00:00:00Z', state = 2,"
                " newest_at = now(), live_at = now(), live_until = now() + interval '1 day',"
                " credit_from = now(), credit_until = now() + interval '1 day',"
                " segment_from = now(), piece_from = now()"
                " WHERE instrument_key = (SELECT instrument_key FROM instrument"
                " WHERE instrument_id = %s)",
                [f"{name}-sem"],
            )
        return Home(
            **ids,
            instrument_id=f"{name}-sem",
            maintenance_id=made.json()["id"],
            plan_id=due.json()["id"],
            booking_id=booking[0],
            self_report_id=report[0],
            order_id=order[0],
            period_id=period[0],
            evaluation_id=evaluation[0],
            objection_id=objection[0],
            annotation_id=said[0],
            feedback_id=heard[0],
            dead_letter_id=row[0],
            alert_id=alert[0],
            webhook=f"{name}-inst.hook",
            delivery=f"{name}-inst.sent",
            key_id=key_id,
            sign_in_id=sign_in["id"],
            view=f"{name} view",
            keys=secrets,
        )

    return make


@pytest.fixture(scope="session")
def own(make_home: Callable[[], Home]) -> Home:
    return make_home()


@pytest.fixture(scope="session")
def foreign(make_home: Callable[[], Home]) -> Home:
    return make_home()


@pytest.fixture(scope="session")
def insider(client_of: ClientOf, own: Home) -> httpx.Client:
    """May do all that can be done within one institution."""
    return client_of(own.keys["admin"])


def body_of(method: str, path: str, about: Home) -> dict[str, Any]:
    """A body that is right in itself, about records of ``about``."""
    whole = {"institution_id": about.institution_id, "gateway_id": about.gateway_id}
    bodies: dict[Route, dict[str, Any]] = {
        ("put", "/v1/institutions/{institution_id}"): {"name": "stolen"},
        ("patch", "/v1/institutions/{institution_id}"): {"name": "stolen"},
        ("put", "/v1/gateways/{gateway_id}"): {"institution_id": about.institution_id},
        ("patch", "/v1/gateways/{gateway_id}"): {"name": "stolen"},
        ("put", "/v1/instruments/{instrument_id}"): {"name": "stolen", **whole},
        ("patch", "/v1/instruments/{instrument_id}"): {"name": "stolen"},
        ("put", "/v1/maintenance/{maintenance_id}"): {
            "instrument_id": about.instrument_id,
            **WINDOW,
        },
        ("put", "/v1/maintenance/plans/{plan_id}"): {
            "instrument_id": about.instrument_id,
            "name": "stolen",
            "every_days": 1,
        },
        ("post", "/v1/maintenance/plans/{plan_id}/resets"): {"reason": "stolen"},
        ("put", "/v1/calendars/{calendar}/days/{day}"): {"kind": "holiday"},
        ("post", "/v1/calendars/{calendar}/preview"): {
            "days": [{"day": "2031-12-24", "kind": "holiday"}]
        },
        ("put", "/v1/coverage/targets/{day}"): {"share": 0.5},
        ("put", "/v1/instruments/{instrument_id}/life-cycle"): {
            "state": "suspended",
            "reason": "stolen",
        },
        ("put", "/v1/mappings/{name}"): {"rules": [{"topic": "{device}", "ignore": True}]},
        ("post", "/v1/mappings/{name}/try"): {"topic": "plug", "payload": 1},
        ("put", "/v1/report-profiles/{name}"): {**OWN_FORM, "title": "stolen"},
        ("put", "/v1/periods/{period_id}/values/{instrument_id}"): {"fields": {"a": "stolen"}},
        ("post", "/v1/power-rules/backtest"): {
            "instrument_ids": [about.instrument_id],
            "rule": {"off_below_w": 5, "run_until_w": 40, "run_from_w": 50},
            **WINDOW,
        },
        ("put", "/v1/views/{view}"): {"address": "#/stolen"},
        ("post", "/v1/alerts/{alert_id}/acknowledge"): {"note": "stolen"},
        ("put", "/v1/webhooks/{webhook}"): {"url": "https://example.org/stolen"},
        ("post", "/v1/periods/{period_id}/files"): {"profile": "records", "form": "json"},
        ("put", "/v1/deliveries/{delivery}"): {
            "url": "https://example.org/stolen",
            "kind": "https",
        },
        ("put", "/v1/booking-feeds/{feed_name}"): {"timezone": "Europe/Berlin"},
        ("put", "/v1/reconciliation/bookings/{booking_id}/answer"): {"text": "stolen"},
        ("put", "/v1/reconciliation/self-reports/{self_report_id}/answer"): {"text": "stolen"},
        ("put", "/v1/reconciliation/tolerances"): {"grace_s": 1_200},
        ("put", "/v1/schemes/{name}"): {**OWN_SCHEME, "about": "stolen"},
        ("post", "/v1/evaluations/{evaluation_id}/objections"): {
            "subject_id": about.instrument_id,
            "text": "stolen",
        },
        ("put", "/v1/evaluations/{evaluation_id}/objections/{objection_id}/answer"): {
            "text": "stolen"
        },
        ("post", "/v1/instruments/{instrument_id}/annotations"): {"at": WINDOW["from"]},
        ("patch", "/v1/annotations/{annotation_id}"): {"content": "stolen"},
        ("post", "/v1/instruments/{instrument_id}/feedback"): {
            "at": WINDOW["from"],
            "reference": "stolen",
            "overall": 1,
            "fault": True,
        },
    }
    return bodies.get((method, path), {})


def stored(conn: psycopg.Connection[Any]) -> str:
    """All that a tenant could change, whoever's it is."""
    tables = ("institution", "gateway", "instrument")
    rows = [
        conn.execute(f"SELECT v::text FROM {table}_version v ORDER BY 1").fetchall()
        for table in tables
    ]
    rows += [
        conn.execute("SELECT m::text FROM maintenance m ORDER BY 1").fetchall(),
        conn.execute("SELECT p::text FROM maintenance_plan p ORDER BY 1").fetchall(),
        conn.execute("SELECT r::text FROM maintenance_reset r ORDER BY 1").fetchall(),
        conn.execute("SELECT dead_letter_id, replay_requested_at FROM dead_letter").fetchall(),
        conn.execute("SELECT key_id, revoked_at FROM api_key ORDER BY 1").fetchall(),
        conn.execute("SELECT sign_in_id, expires_at FROM sign_in ORDER BY 1").fetchall(),
        conn.execute("SELECT c::text FROM calendar_day c ORDER BY 1").fetchall(),
        conn.execute("SELECT m::text FROM mapping m ORDER BY 1").fetchall(),
        conn.execute("SELECT a::text FROM alert a ORDER BY 1").fetchall(),
        conn.execute("SELECT w::text FROM webhook w ORDER BY 1").fetchall(),
        conn.execute("SELECT d::text FROM delivery d ORDER BY 1").fetchall(),
        conn.execute("SELECT f::text FROM booking_feed f ORDER BY 1").fetchall(),
        conn.execute("SELECT a::text FROM booking_answer a ORDER BY 1").fetchall(),
        conn.execute("SELECT r::text FROM self_report r ORDER BY 1").fetchall(),
        conn.execute("SELECT l::text FROM voucher_line l ORDER BY 1").fetchall(),
        conn.execute("SELECT p::text FROM period p ORDER BY 1").fetchall(),
        conn.execute("SELECT v::text FROM period_value v ORDER BY 1").fetchall(),
        conn.execute("SELECT p::text FROM report_profile p ORDER BY 1").fetchall(),
        conn.execute("SELECT s::text FROM scheme s ORDER BY 1").fetchall(),
        conn.execute("SELECT e::text FROM evaluation e ORDER BY 1").fetchall(),
        conn.execute("SELECT o::text FROM evaluation_objection o ORDER BY 1").fetchall(),
        conn.execute("SELECT a::text FROM annotation a ORDER BY 1").fetchall(),
        conn.execute("SELECT p::text FROM annotation_person p ORDER BY 1").fetchall(),
        conn.execute("SELECT f::text FROM feedback f ORDER BY 1").fetchall(),
        conn.execute("SELECT p::text FROM feedback_person p ORDER BY 1").fetchall(),
        conn.execute("SELECT gateway_key, revision FROM gateway_credential ORDER BY 1").fetchall(),
    ]
    return repr(rows)


#: Names a table, nobody's object; whose rows are in it is `figures/test_export.py`'s.
TABLES = "/v1/export/{what}"
#: What is published of the whole city: no institution's key gets in.
PUBLISHED = "/v1/federation/"
_OWN = [route for route in ROUTES if not route[1].startswith(PUBLISHED)]
#: Names are each key's own: it makes a view of its own. Whose is whose is `test_views.py`'s.
NAMED = ("put", "/v1/views/{view}")
OBJECTS = [route for route in _OWN if "{" in route[1] and route[1] != TABLES and route != NAMED]
LISTS = [route for route in _OWN if "{" not in route[1] and route[0] == "get"]


def test_what_a_city_publishes_is_no_institutions(own: Home, nobody: httpx.Client) -> None:
    for path in ("rollups", "rollups/1"):
        headers = bearing(own.keys["admin"])
        denied(nobody.get(PUBLISHED + path, headers=headers), 403)


@pytest.mark.parametrize(("method", "path"), OBJECTS, ids=str)
def test_another_institutions_object_is_not_there(
    insider: httpx.Client,
    own: Home,
    foreign: Home,
    conn: psycopg.Connection[Any],
    method: str,
    path: str,
) -> None:
    unknown = set(re.findall(r"\{(\w+)\}", path)) - foreign.names().keys()
    assert not unknown, f"say in `Home` whose {unknown} is"
    before = stored(conn)
    answer = insider.request(
        method,
        filled(path, **foreign.names()),
        params=asked(method, path),
        json=body_of(method, path, own) if method in ("put", "patch", "post") else None,
    )
    if (method, path) in EVERYBODYS:
        assert answer.is_success
    elif (method, path) in CITY_ONLY:
        denied(answer, 403)
    else:
        denied(answer, 404)
        # As if there were none: the same words about an id that nobody has.
        nobody = {
            name: 987_654_321 if isinstance(value, int) else "nobody"
            for name, value in foreign.names().items()
        }
        if method not in ("put",):
            other = insider.request(
                method,
                filled(path, **nobody),
                params=asked(method, path),
                json=body_of(method, path, own) if method in ("patch", "post") else None,
            )
            masked = re.sub(r"'[^']*'", "''", answer.json()["detail"])
            assert re.sub(r"'[^']*'", "''", other.json()["detail"]) == masked
    assert stored(conn) == before


@pytest.mark.parametrize(("method", "path"), OBJECTS, ids=str)
def test_ones_own_object_is_there(
    nobody: httpx.Client, make_home: Callable[[], Home], method: str, path: str
) -> None:
    """Otherwise the test above would pass for a route that finds nothing at all."""
    home = make_home()
    sent: dict[str, Any] = {"json": None}
    if path.endswith("/import"):
        sent = change_of(method, path, home)
    elif method in ("put", "patch", "post"):
        sent = {"json": body_of(method, path, home)}
    sent["headers"] = {**bearing(home.keys["admin"]), **sent.get("headers", {})}
    answer = nobody.request(
        method, filled(path, **home.names()), params=asked(method, path), **sent
    )
    if (method, path) in CLOSED_ONLY:
        assert answer.status_code == 409, answer.text
    else:
        assert answer.is_success or (method, path) in CITY_ONLY, answer.text


@pytest.mark.parametrize(("method", "path"), LISTS, ids=str)
def test_lists_and_groups_show_ones_own_alone(
    insider: httpx.Client, admin: httpx.Client, own: Home, foreign: Home, method: str, path: str
) -> None:
    groups = ["institution", "district", "gateway", "kind", "instrument"]
    questions: list[dict[str, str]] = [{}]
    names = {one["name"] for one in DOCUMENT["paths"][path]["get"].get("parameters", ())}
    if "group_by" in names:
        questions += [{"group_by": group} for group in groups]
    for name, value in (
        ("institution", foreign.institution_id),
        ("gateway", foreign.gateway_id),
        ("instrument", foreign.instrument_id),
        ("q", foreign.institution_id.removesuffix("-inst")),
        ("object_id", foreign.instrument_id),
        ("actor", "key"),
    ):
        if name in names:
            questions.append({name: value})
    for question in questions:
        text = listed(insider, path, {**asked("get", path), **question})
        # The question itself may stand in an answer; nothing else of the other may.
        for mark in foreign.marks():
            assert mark not in text or mark in question.values(), (question, text)
        for value in question.values():
            text = text.replace(value, "")
        assert "home" not in text.replace(own.institution_id.removesuffix("-inst"), ""), text
    assert listed(admin, path, asked("get", path))


def listed(client: httpx.Client, path: str, params: dict[str, str]) -> str:
    """All pages of a list, or a stream's first event."""
    text = ""
    if path == "/v1/stream":
        with client.stream("GET", path, params=params) as answer:
            for line in answer.iter_lines():
                if line.startswith("data:"):
                    return line
        return ""
    while True:
        answer = client.get(path, params=params)
        if answer.status_code == 422:  # a grouping that this one has not
            return text
        assert answer.status_code == 200, answer.text
        text += answer.text
        cursor = answer.json().get("next_cursor")
        if cursor is None:
            return text
        params = {**params, "cursor": cursor}


@pytest.mark.parametrize(
    ("method", "path"),
    [route for route in ROUTES if "{" not in route[1] and route[0] != "get"],
    ids=str,
)
def test_what_changes_many_changes_nothing_of_others(
    insider: httpx.Client, foreign: Home, conn: psycopg.Connection[Any], method: str, path: str
) -> None:
    """Whatever names the other: query or body."""
    names = {
        "gateway": foreign.gateway_id,
        "institution": foreign.institution_id,
        "instrument": foreign.instrument_id,
    }
    ids = {key: value for key, value in foreign.names().items() if key.endswith("_id")}
    bodies: list[dict[str, Any]] = [
        {**ids, **WINDOW, "scopes": ["read"], "name": "stolen"},
        {"instrument_id": foreign.instrument_id, **WINDOW},
        {"scopes": ["read"], "institution_id": foreign.institution_id},
    ]
    known = {
        one["name"] for one in DOCUMENT["paths"][path][method].get("parameters", ())
    } & names.keys()
    before = stored(conn)
    for body in bodies:
        insider.request(method, path, params={name: names[name] for name in known}, json=body)
    assert stored(conn) == before


def test_the_city_is_not_counted_for_an_institution(insider: httpx.Client) -> None:
    assert insider.get("/v1/status/summary").json()["overall"]["instruments"] == 1
    figures = insider.get("/v1/utilization", params=WINDOW).json()["overall"]
    assert figures["instruments"] <= 1
    assert insider.get("/v1/institutions").json()["items"][0]["instruments"] == 1
    assert sum(one["instruments"] for one in insider.get("/v1/districts").json()["items"]) <= 1
    assert sum(one["instruments"] for one in insider.get("/v1/classes").json()["items"]) <= 2


@pytest.fixture
def fields(own: Home) -> dict[str, str]:
    return {"institution_id": own.institution_id, "gateway_id": own.gateway_id, "name": "x"}


def test_nothing_is_given_away_and_nothing_taken_over(
    insider: httpx.Client,
    admin: httpx.Client,
    own: Home,
    foreign: Home,
    fields: dict[str, str],
    conn: psycopg.Connection[Any],
) -> None:
    mine = f"/v1/instruments/{own.instrument_id}"
    before = stored(conn)
    for answer in (
        insider.put(mine, json={**fields, "institution_id": foreign.institution_id}),
        insider.put(mine, json={**fields, "gateway_id": foreign.gateway_id}),
        insider.patch(mine, json={"institution_id": foreign.institution_id}),
        insider.patch(mine, json={"gateway_id": foreign.gateway_id}),
        insider.put("/v1/gateways/new-gw", json={"institution_id": foreign.institution_id}),
        insider.post("/v1/maintenance", json={"instrument_id": foreign.instrument_id, **WINDOW}),
        insider.post(
            "/v1/keys", json={"scopes": ["read"], "institution_id": foreign.institution_id}
        ),
    ):
        denied(answer, 422)
        assert "registered" in answer.text
    denied(insider.put("/v1/institutions/brand-new", json={"name": "x"}), 404)
    rows = [
        ("institution_id,name\n{0},x\n", foreign.institution_id),
        ("institution_id,name\n{0},x\n", "brand-new"),
        ("instrument_id,name,institution_id,gateway_id\n{0},x,{1},{2}\n", foreign.instrument_id),
    ]
    for template, identity in rows:
        text = template.format(identity, own.institution_id, own.gateway_id)
        answer = insider.post(
            "/v1/registry/import", content=text, headers={"Content-Type": "text/csv"}
        )
        assert answer.json()["rejected"] == 1, answer.text
        assert answer.json()["updated"] == answer.json()["created"] == 0
    assert stored(conn) == before


def test_the_past_of_another_institution_is_not_changed(
    client_of: ClientOf, make_home: Callable[[], Home], admin: httpx.Client
) -> None:
    old, new = make_home(), make_home()
    path = f"/v1/instruments/{old.instrument_id}"
    moved = {"institution_id": new.institution_id, "gateway_id": new.gateway_id}
    assert admin.patch(path, json=moved).status_code == 200
    with client_of(new.keys["operate"]) as client:
        assert client.patch(path, json={"name": "ours now"}).status_code == 200
        past = {"name": "ours always", "valid_from": "2026-01-01T00:00:00Z"}
        answer = client.patch(path, json=past)
        denied(answer, 422)
        assert answer.json()["errors"][0]["field"] == "body.valid_from"
        assert len(client.get(f"{path}/versions").json()["items"]) == 3
    with client_of(old.keys["operate"]) as client:
        for address in (path, f"{path}/versions", f"{path}/status"):
            denied(client.get(address), 404)
        denied(client.patch(path, json={"name": "ours again"}), 404)
        assert client.get("/v1/maintenance").json()["items"] == []


def test_keys_made_within_an_institution_stay_there(
    insider: httpx.Client, client_of: ClientOf, own: Home
) -> None:
    made = insider.post("/v1/keys", json={"scopes": ["admin"], "institution_id": None}).json()
    assert made["institution_id"] == own.institution_id
    assert made["id"] in listed(insider, "/v1/keys", {})
    with client_of(made["key"]) as client:
        assert len(client.get("/v1/institutions").json()["items"]) == 1
    assert insider.delete(f"/v1/keys/{made['id']}").status_code == 204


def test_what_keeps_a_gateway_in_service_is_named_to_its_owner_alone(
    admin: httpx.Client, client_of: ClientOf, make_home: Callable[[], Home]
) -> None:
    home, other = make_home(), make_home()
    bound = {"gateway_id": home.gateway_id}
    assert admin.patch(f"/v1/instruments/{other.instrument_id}", json=bound).status_code == 200
    with client_of(home.keys["operate"]) as client:
        refused = client.delete(f"/v1/gateways/{home.gateway_id}")
    assert refused.status_code == 409
    assert "2 instruments in service" in refused.json()["detail"]
    assert [one["value"] for one in refused.json()["errors"]] == [home.instrument_id]
    assert other.instrument_id not in refused.text


def taken_in(client: httpx.Client, start: str, **asked: str) -> httpx.Response:
    """An hour from a start on, as an event of a file."""
    lines = [
        "BEGIN:VCALENDAR",
        "BEGIN:VEVENT",
        "UID:a",
        f"DTSTART:{start}",
        "DURATION:PT1H",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return client.post(
        "/v1/bookings/import",
        content="\r\n".join(lines),
        params=asked,
        headers={"Content-Type": "text/calendar"},
    )


def test_a_feed_books_its_institutions_instruments_whoever_says_so(
    admin: httpx.Client, make_home: Callable[[], Home]
) -> None:
    home, other = make_home(), make_home()
    feed = f"{home.institution_id}.feed"
    body = {"institution_id": home.institution_id, "instrument_id": other.instrument_id}
    assert admin.put(f"/v1/booking-feeds/{feed}", json=body).status_code == 422
    asked = {"into": feed, "for_instrument": other.instrument_id}
    assert taken_in(admin, "20260605T010000Z", **asked).status_code == 422
    assert admin.get(f"/v1/booking-feeds/{feed}").json()["instrument_id"] is None


def test_a_feed_no_longer_books_an_instrument_that_moved_away(
    admin: httpx.Client, client_of: ClientOf, make_home: Callable[[], Home]
) -> None:
    home, other = make_home(), make_home()

    def booked() -> list[str]:
        asked = {"instrument": home.instrument_id, "from": "2026-06-01", "to": "2026-07-01"}
        return [one["from"] for one in admin.get("/v1/bookings", params=asked).json()["items"]]

    asked = {"into": f"{home.institution_id}.lab", "for_instrument": home.instrument_id}
    with client_of(home.keys["operate"]) as client:
        assert taken_in(client, "20260605T010000Z", **asked).json()["errors"] == []
        moved = {"institution_id": other.institution_id, "gateway_id": other.gateway_id}
        assert admin.patch(f"/v1/instruments/{home.instrument_id}", json=moved).is_success
        before = booked()
        assert before == ["2026-06-05T01:00:00Z"]
        (error,) = taken_in(client, "20260606T010000Z", into=asked["into"]).json()["errors"]
    assert "no longer" in error["rule"]
    assert booked() == before


def test_the_feed_of_an_institutions_files_is_kept_for_it(
    client_of: ClientOf, make_home: Callable[[], Home]
) -> None:
    home, other = make_home(), make_home()
    files = f"files.{other.institution_id}"
    with client_of(home.keys["operate"]) as client:
        assert taken_in(client, "20260605T010000Z", into=files).status_code == 404
        assert client.put(f"/v1/booking-feeds/{files}", json={}).status_code == 404
    with client_of(other.keys["operate"]) as client:
        assert taken_in(client, "20260605T010000Z").json()["feed"] == files


MUTATING = [
    route
    for route in ROUTES
    if route[0] not in ("get", "head", "options") and route not in NO_CHANGE
]


def change_of(method: str, path: str, home: Home) -> dict[str, Any]:
    """What makes a request change something: its body or query."""
    if path == "/v1/registry/import":
        return {
            "content": f"institution_id,name\n{home.institution_id},改名\n",
            "headers": {"Content-Type": "text/csv"},
        }
    if path == "/v1/bookings/import":
        row = f"1,{home.instrument_id},{WINDOW['from']},{WINDOW['to']}"
        return {
            "content": f"booking_id,instrument_id,from,to\n{row}\n",
            "headers": {"Content-Type": "text/csv"},
        }
    if path.endswith("/values/import"):
        return {
            "content": f"instrument_id,TRNSTUD\n{home.instrument_id},1\n",
            "headers": {"Content-Type": "text/csv"},
        }
    if path == "/v1/self-reports/import":
        row = f"{home.instrument_id},{WINDOW['from']},{WINDOW['to']},1,external"
        return {
            "content": f"instrument_id,from,to,hours,user_type\n{row}\n",
            "headers": {"Content-Type": "text/csv"},
        }
    if path == "/v1/voucher-orders/import":
        names = {"scheme": "s", "reference": f"{home.institution_id}-x", "line": 1}
        return {
            "json": {
                "orders": [{**names, "instrument_id": home.instrument_id, **WINDOW, "hours": 1}]
            }
        }
    if path == "/v1/annotations/import":
        return {
            "content": f"instrument_id,at\n{home.instrument_id},{WINDOW['to']}\n",
            "headers": {"Content-Type": "text/csv"},
        }
    if path == "/v1/persons":
        name = home.institution_id.removesuffix("-inst")
        return {"params": {"operator_ref": f"{name}-person"}}
    bodies: dict[Route, dict[str, Any]] = {
        ("post", "/v1/keys"): {"scopes": ["read"]},
        ("put", "/v1/gateways/{gateway_id}"): {
            "institution_id": home.institution_id,
            "name": "网关",
        },
        ("post", "/v1/maintenance"): {"instrument_id": home.instrument_id, **WINDOW},
        ("post", "/v1/maintenance/plans"): {
            "instrument_id": home.instrument_id,
            "name": "x",
            "every_days": 1,
        },
        ("post", "/v1/periods"): {"institution_id": home.institution_id, **WINDOW},
        ("post", "/v1/evaluations"): {
            "scheme": "campus-benefit",
            "period_ids": [home.period_id],
        },
        ("put", "/v1/calendars/{calendar}/days/{day}"): {
            "kind": "holiday",
            "name": home.institution_id,
        },
    }
    if (method, path) in BOUND:
        return {"params": asked(method, path)}
    if path == "/v1/dead-letters/replay":
        return {"params": {"gateway": home.gateway_id}}
    body = bodies.get((method, path), body_of(method, path, home))
    return {"json": body} if body else {}


@pytest.mark.parametrize(("method", "path"), MUTATING, ids=str)
def test_every_change_leaves_a_trace(
    admin: httpx.Client,
    keys: dict[str, str],
    nobody: httpx.Client,
    make_home: Callable[[], Home],
    conn: psycopg.Connection[Any],
    method: str,
    path: str,
) -> None:
    """Who, what, before and after; a new route that writes none of it fails here."""
    home = make_home()
    if path.endswith("/credentials") and method == "delete":
        admin.post(filled(path, **home.names()))
    if (method, path) == ("delete", "/v1/calendars/{calendar}/days/{day}"):
        admin.put(filled(path, **home.names()), json={"kind": "holiday"})
    if (method, path) == ("delete", "/v1/coverage/targets/{day}"):
        admin.put(filled(path, **home.names()), json={"share": 0.5})
    if (method, path) in CLOSED_ONLY | {("post", "/v1/evaluations")}:
        assert admin.post(f"/v1/periods/{home.period_id}/close").is_success
    key = keys["admin"] if (method, path) in CITY_ONLY else home.keys["admin"]
    question = "SELECT coalesce(max(audit_id), 0) FROM audit"
    newest = conn.execute(question).fetchone()
    asked = change_of(method, path, home)
    asked["headers"] = {**bearing(key), **asked.get("headers", {})}
    answer = nobody.request(method, filled(path, **home.names()), **asked)
    assert answer.is_success, answer.text
    entries = conn.execute(
        "SELECT actor, action, object_type, object_id, before, after FROM audit"
        " WHERE audit_id > %s",
        newest,
    ).fetchall()
    assert entries, f"{method} {path} left nothing in the audit"
    for actor, action, kind, identity, before, after in entries:
        assert actor == f"key:{key.split('_')[1]}"
        assert action
        assert kind
        assert identity
        # What began has no before and what ended no after; what changed has both.
        made = answer.status_code == 201 or method == "post"
        assert before is not None or made, "nothing of what was"
        assert after is not None or method == "delete", "nothing of what is"
        assert before != after
        text = json.dumps([before, after])
        assert not any(secret in text for secret in home.keys.values())
        if answer.content:
            # A key or a password that was just made is no part of it.
            made_now = answer.json()
            assert not any(
                made_now[name] in text for name in ("key", "password") if made_now.get(name)
            )


def test_the_audit_of_ones_own(insider: httpx.Client, own: Home) -> None:
    changed = insider.patch(f"/v1/instruments/{own.instrument_id}", json={"name": "审计"})
    assert changed.status_code == 200
    newest = insider.get("/v1/audit", params={"object_type": "instrument"}).json()["items"][0]
    assert newest["after"]["name"] == "审计"
    seen = json.dumps(json.loads(listed(insider, "/v1/audit", {"object_type": "maintenance"})))
    assert own.instrument_id in seen


def test_scopes_imply_smaller_ones(client_of: ClientOf, keys: dict[str, str]) -> None:
    with client_of(keys["operate"]) as client:
        assert client.get("/v1/institutions").status_code == 200
        assert client.get("/v1/dead-letters").status_code == 200
        denied(client.get("/v1/keys"), 403)


# What needs no key


def test_what_needs_no_key(nobody: httpx.Client) -> None:
    assert nobody.get("/healthz").json() == {"status": "ok"}
    assert nobody.get("/readyz").json() == {"status": "ready"}
    metrics = nobody.get("/metrics")
    assert metrics.status_code == 200
    assert "jishi_api_requests_total" in metrics.text


def test_metrics_behind_a_proxy_want_a_key_of_the_city(
    nobody: httpx.Client, reader: httpx.Client, insider: httpx.Client
) -> None:
    # Loopback is then the proxy's address, not the asker's.
    via = {"X-Forwarded-For": "127.0.0.1"}
    denied(nobody.get("/metrics", headers=via), 401)
    denied(insider.get("/metrics", headers=via), 403)
    assert reader.get("/metrics", headers=via).status_code == 200


@pytest.fixture
def secrets_of(keys: dict[str, str], own: Home) -> list[str]:
    return [key.split("_", 2)[2] for key in (*keys.values(), *own.keys.values())]


def test_metrics_hold_no_ids_and_no_keys(
    nobody: httpx.Client, reader: httpx.Client, secrets_of: list[str]
) -> None:
    reader.get("/v1/institutions/very-private")
    text = nobody.get("/metrics").text
    assert "very-private" not in text
    assert "/v1/institutions/{institution_id}" in text
    assert not any(secret in text for secret in secrets_of)
