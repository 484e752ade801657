"""What a follower does not take, and what a follower does not have: each said in one line."""

import gzip
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import psycopg
import pytest
from prometheus_client import CollectorRegistry

from cli.federation import _read
from cli.federation_alerts import FollowerAlerts
from cli.federation_follow import Follower, Metrics
from ingest.alerting.cities import Cities
from models.zone import start_of_day
from reports.signing import Signer, new_key, read_signer
from stack import Postgres
from stack import Settings as StackSettings
from stack.fetch import find_postgres
from store.federation.taken import name_cities
from store.run import run
from tests.faults.worker import eventually
from tests.integration.federation.cities import ZONE, City, Federation, federation


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """A follower of one city, which has been taken once."""
    programs = find_postgres(StackSettings.from_environ(os.environ))
    with (
        Postgres(programs, tmp_path_factory.mktemp("server"), durable=False) as server,
        federation(server, tmp_path_factory.mktemp("refused"), ("shanghai",)) as made,
    ):
        made.cities["shanghai"].publish()
        with psycopg.connect(made.database, autocommit=True) as conn:
            follower = _follower(made, Metrics(CollectorRegistry()))
            run(conn, name_cities([follower.entry]))
            assert follower.pull(conn)
        yield made


def _follower(one: Federation, metrics: Metrics, **more: Any) -> Follower:
    ((entry, public_key, key),) = _read(one.file)
    return Follower(
        entry=entry,
        public_key=public_key,
        key=key,
        metrics=metrics,
        **{"sufficient_coverage": 0.9, "allow_private": True, **more},
    )


def pulled(one: Federation, **more: Any) -> tuple[str, dict[str, float]]:
    """What a round says, and which refusals it counts."""
    metrics = Metrics(CollectorRegistry())
    with psycopg.connect(one.database, autocommit=True) as conn:
        before = _kept(conn)
        whole = _follower(one, metrics, **more).pull(conn)
        row = conn.execute("SELECT failure FROM federated_city").fetchone()
        assert row is not None
        if not whole:
            assert _kept(conn) == before
    assert whole == (row[0] is None)
    refused = {
        sample.labels["reason"]: sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "jishi_federation_refused_total"
    }
    return row[0], refused


def _kept(conn: psycopg.Connection[Any]) -> list[Any]:
    return conn.execute(
        "SELECT span, starts_at, revision, sha256, cells FROM federated_rollup"
        " JOIN federated_part USING (rollup_key) ORDER BY 1, 2, part"
    ).fetchall()


class Tampering:
    """A city's published day, changed in its own database, and put back afterwards."""

    def __init__(self, one: Federation) -> None:
        self.city: City = one.cities["shanghai"]
        self.conn = psycopg.connect(self.city.database, autocommit=True)
        self.start = start_of_day(one.first + timedelta(days=2), ZONE) / 1e6
        row = self.conn.execute(
            "SELECT revision, document, signature, size, sha256 FROM federation_rollup"
            " WHERE span = 'day' AND starts_at = to_timestamp(%s)",
            (self.start,),
        ).fetchone()
        assert row is not None
        self.was = row
        self.data = gzip.decompress(row[1])
        (self.next,) = self.conn.execute(
            "SELECT max(revision) + 1 FROM federation_rollup"
        ).fetchone() or (0,)

    def put(
        self,
        data: bytes,
        *,
        signer: Signer | None = None,
        packed: bytes | None = None,
        size: int | None = None,
        revision: int | None = None,
    ) -> None:
        signature = self.was[2] if signer is None else signer.sign(data)
        self._set(
            self.next if revision is None else revision,
            gzip.compress(data) if packed is None else packed,
            signature,
            len(data) if size is None else size,
            sha256(data).digest(),
        )

    def _set(self, *values: Any) -> None:
        self.conn.execute(
            "UPDATE federation_rollup SET revision = %s, document = %s, signature = %s, size = %s,"
            " sha256 = %s WHERE span = 'day' AND starts_at = to_timestamp(%s)",
            (*values, self.start),
        )

    def again(self, **words: object) -> bytes:
        """The same with other words, as a newer revision."""
        text = self.data.decode().replace(f'"revision":{self.was[0]}', f'"revision":{self.next}')
        for name, value in words.items():
            at = text.index(f'"{name}":')
            end = text.index(',"', at)
            text = f'{text[:at]}"{name}":{value}{text[end:]}'
        return text.encode()

    def close(self) -> None:
        self._set(*self.was)
        self.conn.close()


@pytest.fixture
def tampering(one: Federation) -> Iterator[Tampering]:
    made = Tampering(one)
    yield made
    made.close()


def test_a_forged_rollup_is_refused(one: Federation, tampering: Tampering) -> None:
    # One figure is another; who changed it has no key, or one of his own.
    tampering.put(tampering.again())
    why, refused = pulled(one)
    assert refused == {"forged": 1}
    assert "forged or changed: key" in why
    assert why.startswith("day ")
    stranger = one.folder / "stranger.signing"
    stranger.write_text(new_key(), "ascii")
    tampering.put(tampering.again(), signer=read_signer(stranger))
    assert pulled(one)[1] == {"forged": 1}
    # And by whom it was taken before, it is still answered from.
    tampering.close()
    tampering.conn = psycopg.connect(tampering.city.database, autocommit=True)
    assert pulled(one) == (None, {})


@pytest.mark.parametrize(
    ("words", "reason", "said"),
    [
        pytest.param({"city": '"elsewhere"'}, "swapped", "it is of elsewhere", id="city"),
        pytest.param({"revision": 17}, "swapped", "revision 17", id="replayed"),
        pytest.param({"span": '"month"'}, "unreadable", "do not make up its window", id="span"),
        pytest.param(
            {"sufficient_coverage": '"0.5"'}, "rules", "JISHI_COVERAGE_THRESHOLD", id="rules"
        ),
        pytest.param({"as_of": '"2126-01-01T00:00:00Z"'}, "clock", "lies ahead of now", id="clock"),
        pytest.param({"kind": '"jishi-rollup-2"'}, "unreadable", "not the kind", id="kind"),
        pytest.param({"city": '"shanghai" '}, "unreadable", "not spelled", id="spelling"),
    ],
)
def test_what_is_signed_and_wrong_is_refused(
    one: Federation, tampering: Tampering, words: dict[str, object], reason: str, said: str
) -> None:
    tampering.put(tampering.again(**words), signer=read_signer(tampering.city.key_file))
    why, refused = pulled(one)
    assert refused == {reason: 1}
    assert said in why
    assert "\n" not in why


def test_a_truncated_or_swollen_rollup_is_refused(one: Federation, tampering: Tampering) -> None:
    data = tampering.again()
    signer = read_signer(tampering.city.key_file)
    packed = gzip.compress(data)
    tampering.put(data, signer=signer, packed=packed[:-30])
    assert pulled(one)[1] == {"truncated": 1}
    tampering.put(data, signer=signer, packed=gzip.compress(data[:-1]))
    assert pulled(one)[1] == {"truncated": 1}
    # What unpacks to more than was listed is not unpacked.
    tampering.put(data, signer=signer, packed=gzip.compress(bytes(50_000_000)))
    assert pulled(one)[1] == {"truncated": 1}
    tampering.put(data, signer=signer, size=1 << 30)
    assert pulled(one)[1] == {"unreadable": 1}


def test_an_older_revision_never_takes_the_place_of_a_newer_one(
    one: Federation, tampering: Tampering
) -> None:
    tampering.put(tampering.again(), signer=read_signer(tampering.city.key_file))
    assert pulled(one) == (None, {})
    tampering._set(*tampering.was)
    with psycopg.connect(one.database, autocommit=True) as conn:
        conn.execute("UPDATE federated_city SET taken = 0")
    why, refused = pulled(one)
    assert refused == {"older": 1}
    assert f"is older than {tampering.next}" in why
    # Another of the same number neither.
    now = f'"{datetime.now(UTC):%FT%TZ}"'
    tampering.put(tampering.again(as_of=now), signer=read_signer(tampering.city.key_file))
    why, refused = pulled(one)
    assert refused == {"older": 1}
    assert f"another revision {tampering.next}" in why


def test_where_a_city_is_asked(one: Federation) -> None:
    assert "an operator sets JISHI_FEDERATION_ALLOW_PRIVATE" in pulled_by(one, "https://127.0.0.1")
    assert "is not https" in pulled_by(one, "http://127.0.0.1")


def pulled_by(one: Federation, url: str) -> str:
    metrics = Metrics(CollectorRegistry())
    follower = _follower(one, metrics, allow_private=False)
    with psycopg.connect(one.database, autocommit=True) as conn:
        assert not replace(follower, entry=replace(follower.entry, url=url)).pull(conn)
        row = conn.execute("SELECT failure FROM federated_city").fetchone()
    assert row is not None
    return str(row[0])


def test_a_follower_names_whom_to_ask(one: Federation) -> None:
    day = {"from": str(one.first), "to": str(one.first + timedelta(days=1))}
    url = one.get("federation/cities")["items"][0]["url"]
    for path, params in (
        ("utilization", day | {"group_by": "institution"}),
        ("utilization", day | {"gateway": "g1"}),
        ("utilization", day | {"always_on": "true"}),
        ("utilization", day | {"bucket": "hour"}),
        ("utilization", {"window": "this-month"}),
        ("utilization", day | {"to": str(one.first + timedelta(days=3))}),
        ("utilization", day | {"tz": "Europe/Berlin", "from": "2026-01-01T07:00:00Z"}),
        ("status/summary", {"group_by": "instrument"}),
        ("instruments", {}),
        ("instruments/x/utilization", {"from": "2026-01-01"}),
        ("stream", {}),
    ):
        answer = one.client.get(f"/v1/{path}", params=params)
        assert answer.status_code == 422, answer.text
        body = answer.json()
        assert body["type"] == "urn:jishi:problem:ask-the-city"
        assert f"shanghai: {url}" in body["detail"]
    assert one.client.put("/v1/instruments/x", json={}).status_code == 422
    assert one.client.get("/readyz").status_code == 200
    assert one.client.get("/v1/classes").status_code == 200
    paths = one.client.get("/v1/openapi.json").json()["paths"]
    assert "/v1/federation/cities" in paths
    assert "/v1/instruments" not in paths


def test_a_city_that_is_away_is_an_alert_and_keeps_nobody_from_answers(
    one: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JISHI_ALERT_STEADY", "0s")
    monkeypatch.setattr(Cities, "every_s", 0.0)

    def stood(ago: str) -> None:
        with psycopg.connect(one.database, autocommit=True) as conn:
            conn.execute("DELETE FROM federated_rollup WHERE span = 'now'")
            conn.execute(
                "INSERT INTO federated_rollup (city_key, span, starts_at, ends_at, revision,"
                " first_revision, as_of, key_id, sha256, signature, document, districts, classes,"
                " kinds) SELECT city_key, 'now', now(), now(), 1, 1, now() - %s::interval, '', '',"
                " '', '', '{}', '{}', '{}' FROM federated_city WHERE city = 'shanghai'",
                [ago],
            )

    def told(state: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = one.get("alerts", state=state)["items"]
        return items

    stop = threading.Event()
    try:
        stood("16 minutes")
        FollowerAlerts(one.database, stop).start()
        eventually(lambda: told("open"), 30)
        (alert,) = told("open")
        assert (alert["kind"], alert["subject_id"]) == ("city_away", "shanghai")
        ready = one.client.get("/readyz")
        assert (ready.status_code, ready.json()["away"]) == (200, ["shanghai"])
        path = f"/v1/alerts/{alert['id']}/acknowledge"
        assert one.client.post(path, json={"note": "their network"}).status_code == 200
        stood("1 minute")
        eventually(lambda: told("closed"), 30)
        assert one.client.get("/readyz").json()["away"] == []
    finally:
        stop.set()


def test_a_city_gives_its_rollups_to_followers_alone(one: Federation) -> None:
    city = one.cities["shanghai"]
    own = {"Authorization": f"Bearer {city.follower_key}"}
    at = f"{city.address}/v1/federation/rollups"
    assert city.client.get(at).status_code == 403
    assert city.client.get(f"{city.address}/v1/status/summary", headers=own).status_code == 403
    first = city.client.get(at, headers=own, params={"limit": 3}).json()
    rest = city.client.get(at, headers=own, params={"cursor": first["next_cursor"]}).json()
    all_of = city.client.get(at, headers=own).json()["items"]
    assert first["items"] + rest["items"] == all_of
    revisions = [item["revision"] for item in all_of]
    assert revisions == sorted(revisions)
    after = city.client.get(at, headers=own, params={"after": revisions[-2]}).json()
    assert after["items"] == all_of[-1:]
    listed = all_of[-1]
    answer = city.client.get(f"{at}/{listed['revision']}", headers=own)
    assert answer.headers["content-encoding"] == "gzip"
    assert sha256(answer.content).hexdigest() == listed["sha256"]
    assert len(answer.content) == listed["size"]
    tagged = own | {"If-None-Match": answer.headers["etag"]}
    assert city.client.get(f"{at}/{listed['revision']}", headers=tagged).status_code == 304
    plain = own | {"Accept-Encoding": "identity"}
    unpacked = city.client.get(f"{at}/{listed['revision']}", headers=plain)
    assert unpacked.content == answer.content
    assert "content-encoding" not in unpacked.headers
    assert city.client.get(f"{at}/17", headers=own).status_code == 404
