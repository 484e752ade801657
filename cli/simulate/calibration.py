"""A loaded city's figures as the API tells them, beside what they are calibrated to."""

import time
from datetime import datetime
from typing import Any

from rich.table import Table

from simulators.calibrate import MEAN_HOURS, TOLERANCE, Line
from simulators.check.service import Service
from simulators.city.city import SHARE_ABOVE
from simulators.fleet.ready import Ready


def told(ready: Ready, start: datetime, end: datetime) -> tuple[list[Line], dict[str, Any]]:
    """The platform's figures as ``/v1/utilization`` tells them, always-on instruments apart."""
    service = Service(ready.api_url, ready.admin_key, ready.database_url)
    began = time.monotonic()
    try:
        answer = service.get(
            "/v1/utilization",
            from_=f"{start:%Y-%m-%d}T00:00:00+08:00",
            to=f"{end:%Y-%m-%d}T00:00:00+08:00",
            always_on="false",
        )["overall"]
    finally:
        service.close()
    answered_s = time.monotonic() - began
    count = answer["instruments"] - answer["never_seen_instruments"]
    years = (end - start).days / 365
    hours = float(answer["effective_s"]) / 3_600 / max(count, 1) / years
    shares = {float(band["above"]): float(band["share"] or 0) for band in answer["bands"]}
    lines = [
        Line(
            name=f"share used more than {above:.0%}",
            found=shares[above],
            low=target - TOLERANCE,
            high=target + TOLERANCE,
        )
        for above, target in sorted(SHARE_ABOVE.items(), reverse=True)
    ]
    lines.append(
        Line(name="mean effective hours a year", found=hours, low=MEAN_HOURS[0], high=MEAN_HOURS[1])
    )
    told = {
        "instruments": count,
        "bands": [
            {"above": above, "share": share, "target": SHARE_ABOVE.get(above)}
            for above, share in shares.items()
        ],
        "mean_effective_hours_a_year": round(hours, 1),
        "mean_utilization": float(answer["mean_utilization"] or 0),
        "answered_s": round(answered_s, 3),
    }
    return lines, told


def table_of(lines: list[Line]) -> Table:
    """Each figure beside its target."""
    table = Table(title="as /v1/utilization tells it")
    for column in ("figure", "found", "target", ""):
        table.add_column(column, justify="left" if column == "figure" else "right")
    for line in lines:
        digits = ",.0f" if line.found > 10 else ".4f"
        table.add_row(
            line.name,
            format(line.found, digits),
            f"{line.low:g} to {line.high:g}",
            "met" if line.is_met else "[red]missed[/red]",
        )
    return table
