from typing import Any

import httpx
import psycopg

Connection = psycopg.Connection[tuple[Any, ...]]


def imported(client: httpx.Client, text: str, **params: str) -> dict[str, Any]:
    answer = client.post(
        "/v1/registry/import",
        content=text.encode(),
        params=params,
        headers={"Content-Type": "text/csv"},
    )
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_good_rows_are_taken_and_bad_ones_told_apart(
    admin: httpx.Client, conn: Connection, fresh: str, place: dict[str, str]
) -> None:
    institution, gateway = place.values()
    header = "instrument_id,name,institution_id,gateway_id,hold_s,opening_hours,acquired_on"
    rows = [
        header,
        f'{fresh}-1,电镜,{institution},{gateway},120.5,"{{""mon"": [[""08:00"", ""17:30""]]}}",',
        f"{fresh}-2,电镜,nowhere,nothing,,,",
        f"{fresh}-3,,{institution},{gateway},abc,,2026-02-30",
        "",
        f"{fresh}-4,电镜,{institution},{gateway},,,2026-02-28",
        f"{fresh} 5,电镜,{institution},{gateway},,,",
    ]
    revision = conn.execute("SELECT revision FROM registry_revision").fetchone()
    report = imported(admin, "\n".join(rows))
    assert (report["created"], report["updated"], report["unchanged"]) == (2, 0, 0)
    assert report["rejected"] == 3
    assert {(one["row"], one["column"], one["value"]) for one in report["errors"]} == {
        (3, "institution_id", "nowhere"),
        (3, "gateway_id", "nothing"),
        (4, "name", ""),
        (4, "hold_s", "abc"),
        (4, "acquired_on", "2026-02-30"),
        (7, "instrument_id", f"{fresh} 5"),
    }
    assert [one["row"] for one in report["errors"]] == [3, 3, 4, 4, 4, 7]
    assert all(error["rule"] for error in report["errors"])
    after = conn.execute("SELECT revision FROM registry_revision").fetchone()
    assert revision
    assert after == (revision[0] + 1,)
    (version,) = admin.get(f"/v1/instruments/{fresh}-1/versions").json()["items"]
    assert version["hold_s"] == 120.5
    assert version["opening_hours"] == {"mon": [["08:00", "17:30"]], "holidays": "closed"}


def test_the_same_file_again_changes_nothing(
    admin: httpx.Client, conn: Connection, fresh: str
) -> None:
    text = "institution_id,name\n" + "".join(f"{fresh}-{n},研究所 {n}\n" for n in range(2_500))
    assert imported(admin, text)["created"] == 2_500
    revision = conn.execute("SELECT revision FROM registry_revision").fetchone()
    assert imported(admin, text)["unchanged"] == 2_500
    assert conn.execute("SELECT revision FROM registry_revision").fetchone() == revision
    changed = imported(admin, text.replace("研究所 7\n", "实验室 7\n"))
    assert (changed["updated"], changed["unchanged"]) == (1, 2_499)
    row = conn.execute(
        "SELECT count(*) FROM audit WHERE object_type = 'institution' AND object_id LIKE %s",
        [f"{fresh}-%"],
    ).fetchone()
    assert row == (2_501,)


def test_a_header_that_does_not_fit(admin: httpx.Client) -> None:
    for text, params in (
        ("gateway_id,colour\nx,red\n", {}),
        ("name\nx\n", {}),
        ("institution_id,name\nx,y\n", {"type": "instruments"}),
        ("", {"type": "gateways"}),
    ):
        answer = admin.post(
            "/v1/registry/import",
            content=text,
            params=params,
            headers={"Content-Type": "text/csv"},
        )
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"]


def test_a_row_ahead_of_its_time_starts_a_version_then(admin: httpx.Client, fresh: str) -> None:
    imported(admin, f"gateway_id,clock_correction_s\n{fresh}-g,0\n")
    imported(admin, f"gateway_id,clock_correction_s,valid_from\n{fresh}-g,5,2100-01-01T00:00:00Z\n")
    items = admin.get(f"/v1/gateways/{fresh}-g/versions").json()["items"]
    assert [one["clock_correction_s"] for one in items] == [0, 5]
    assert admin.get(f"/v1/gateways/{fresh}-g").json()["clock_correction_s"] == 0


def test_a_preview_tells_of_each_row_what_an_import_makes_of_it_and_writes_nothing(
    admin: httpx.Client, reader: httpx.Client, conn: Connection, fresh: str
) -> None:
    head = "institution_id,name,district_code\n"
    imported(admin, f"{head}{fresh}-a,研究所,310104\n{fresh}-b,研究所,310104\n")
    text = (
        f"{head}{fresh}-a,研究所,310104\n{fresh}-b,实验室,310115\n{fresh}-c,研究所,310104\n"
        f"{fresh} d,研究所,310104\n{fresh}-e,{'长' * 300},\n"
    )
    tables = ("institution", "institution_version", "registry_revision", "audit")

    def stands() -> list[Any]:
        text = "md5(coalesce(string_agg(t::text, '' ORDER BY t::text), ''))"
        asked = " UNION ALL ".join(f"SELECT {text} FROM {one} t" for one in tables)
        return conn.execute(asked.encode()).fetchall()

    before = stands()
    told = imported(admin, text, preview="true")
    assert stands() == before
    assert told["preview"]
    assert [(one["row"], one["id"], one["result"], one["changed"]) for one in told["rows"]] == [
        (5, None, "rejected", []),
        (6, None, "rejected", []),
        (2, f"{fresh}-a", "unchanged", []),
        (3, f"{fresh}-b", "updated", ["district_code", "name"]),
        (4, f"{fresh}-c", "created", []),
    ]
    made = imported(admin, text)
    assert (made["preview"], made["rows"]) == (False, [])
    same = ("created", "updated", "unchanged", "rejected", "errors")
    assert [made[name] for name in same] == [told[name] for name in same]
    refused = reader.post(
        "/v1/registry/import",
        content=text.encode(),
        params={"preview": "true"},
        headers={"Content-Type": "text/csv"},
    )
    assert refused.status_code == 403
