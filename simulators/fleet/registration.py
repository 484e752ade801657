"""Registers a city through the service's own API, as an operator would with CSV files."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import httpx

from simulators.city.city import OPENING_HOURS, City, Instrument
from simulators.city.localtime import ZONE
from simulators.native import family_of, power_rule

ROWS_A_REQUEST = 2_000

Row = Sequence[object]


class NotRegistered(RuntimeError):  # noqa: N818 - named after what holds
    """The service refused the registry; publishing would only make dead letters."""


def institutions_csv(city: City) -> tuple[Row, Iterator[Row]]:
    """Header and rows of the institutions."""
    header = (
        "institution_id",
        "name",
        "kind",
        "district_code",
        "lon",
        "lat",
        "timezone",
        "opening_hours",
    )
    return header, (
        (i.institution_id, i.name, i.kind, i.district_code, i.lon, i.lat, ZONE, _hours(i.hours))
        for i in city.institutions
    )


def gateways_csv(city: City) -> tuple[Row, Iterator[Row]]:
    """Header and rows of the gateways."""
    header = ("gateway_id", "name", "institution_id")
    return header, (
        (
            g.gateway_id,
            f"{city.institutions[g.institution].name}网关{g.index + 1}",
            city.institutions[g.institution].institution_id,
        )
        for g in city.gateways
    )


def instruments_csv(city: City, families: tuple[str, ...] = ()) -> tuple[Row, Iterator[Row]]:
    """Header and rows of the instruments; with families, of what their devices speak as."""
    header = (
        "instrument_id",
        "name",
        "institution_id",
        "gateway_id",
        "district_code",
        "class_code",
        "class_scheme",
        "lon",
        "lat",
        "value_cny",
        "kind",
        "timezone",
        "interval_s",
        "hold_s",
        "always_on",
        "opening_hours",
        "acquired_on",
        *(("source", "power_rule") if families else ()),
    )
    return header, (
        (
            i.instrument_id,
            i.name,
            city.institutions[i.institution].institution_id,
            city.gateways[i.gateway].gateway_id,
            city.institutions[i.institution].district_code,
            i.class_code,
            "2004",
            i.lon,
            i.lat,
            i.value_cny,
            "special" if i.special else "general",
            ZONE,
            "" if i.interval_s is None else i.interval_s,
            "" if i.hold_s is None else i.hold_s,
            "true" if i.always_on else "false",
            "" if i.hours is None else _hours(i.hours),
            i.acquired_on.isoformat(),
            *_device(i, families),
        )
        for i in city.instruments
    )


def _device(instrument: Instrument, families: tuple[str, ...]) -> tuple[str, ...]:
    family = family_of(families, instrument.index)
    if family is None:
        return ()
    return family.source(instrument.instrument_id), power_rule(instrument.power_w)


def _hours(key: str) -> str:
    return json.dumps(OPENING_HOURS[key])


def register(
    city: City,
    *,
    api_url: str,
    api_key: str,
    families: tuple[str, ...] = (),
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, int]:
    """Register the whole city; what is there already and equal is left alone.

    Args:
        city: What to register.
        api_url: The service's address.
        api_key: A key that may write the registry.
        families: In whose words devices speak by themselves.
        progress: Called with rows done and rows in all.

    Returns:
        How many rows were created, updated, unchanged.

    Raises:
        NotRegistered: the service refused rows, or does not answer.
    """
    totals = {"created": 0, "updated": 0, "unchanged": 0}
    all_rows = len(city.institutions) + len(city.gateways) + len(city.instruments)
    done = 0
    with httpx.Client(
        base_url=api_url, headers={"Authorization": f"Bearer {api_key}"}, timeout=120.0
    ) as client:
        for kind, (header, rows) in (
            ("institutions", institutions_csv(city)),
            ("gateways", gateways_csv(city)),
            ("instruments", instruments_csv(city, families)),
        ):
            for text, count in _chunks(header, rows):
                answer = _post(client, kind, text)
                for name in totals:
                    totals[name] += int(answer.get(name, 0))
                done += count
                if progress:
                    progress(done, all_rows)
    return totals


def make_accounts(
    city: City,
    *,
    api_url: str,
    api_key: str,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, tuple[str, str]]:
    """A broker account for each gateway of a registered city, in place of any it had.

    Returns:
        User name and password by gateway.

    Raises:
        NotRegistered: the service refused, or does not answer.
    """
    accounts: dict[str, tuple[str, str]] = {}
    with httpx.Client(
        base_url=api_url, headers={"Authorization": f"Bearer {api_key}"}, timeout=60.0
    ) as client:
        for done, gateway in enumerate(city.gateways, 1):
            path = f"/v1/gateways/{gateway.gateway_id}/credentials"
            try:
                response = client.post(path)
            except httpx.HTTPError as error:
                raise NotRegistered(f"{api_url}{path} does not answer: {error}") from error
            if response.status_code >= 400:
                raise NotRegistered(
                    f"{path} was refused with status {response.status_code}: {response.text[:300]}"
                )
            answer = response.json()
            accounts[gateway.gateway_id] = (answer["username"], answer["password"])
            if progress:
                progress(done, len(city.gateways))
    return accounts


def _post(client: httpx.Client, kind: str, text: str) -> dict[str, Any]:
    try:
        response = client.post(
            "/v1/registry/import",
            params={"type": kind},
            content=text.encode(),
            headers={"Content-Type": "text/csv; charset=utf-8"},
        )
    except httpx.HTTPError as error:
        raise NotRegistered(f"{client.base_url} does not answer: {error}") from error
    if response.status_code >= 400:
        raise NotRegistered(
            f"import of {kind} was refused with status {response.status_code}: "
            f"{response.text[:500]}"
        )
    answer: dict[str, Any] = response.json()
    if answer.get("rejected"):
        raise NotRegistered(
            f"{answer['rejected']} rows of {kind} were refused, first: {answer['errors'][:3]}"
        )
    return answer


def _chunks(header: Row, rows: Iterator[Row]) -> Iterator[tuple[str, int]]:
    more = True
    while more:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(header)
        count = 0
        more = False
        for row in rows:
            writer.writerow(row)
            count += 1
            if count == ROWS_A_REQUEST:
                more = True
                break
        if count:
            yield text.getvalue(), count
