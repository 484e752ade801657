"""``jishi power-rule``: try a power rule on stored samples before anybody sets it.

Works over the API, as `registry.py` does, and writes nothing: thresholds are a person's choice.
"""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from cli.connection import ReadyFile, fail
from cli.registry import ApiUrl, AsJson, KeyFile, ask, client, progress, read_rows

app = typer.Typer(
    name="power-rule",
    help="Try thresholds of power on what instruments said, and see examples; sets nothing.",
    no_args_is_help=True,
)

AT_ONCE = 10  # instruments of one request: the bar moves
STATES = ("running", "idle", "off", "unknown")
ID_COLUMN = "instrument_id"


@app.command()
def backtest(
    instruments: Annotated[
        list[str],
        typer.Argument(help="Ids; or a file of ids, one a row, or CSV with an instrument_id."),
    ],
    since: Annotated[str, typer.Option("--from", help="A date, or a time with offset.")],
    until: Annotated[str, typer.Option("--to", help="The same; not part of the window.")],
    off_below_w: Annotated[float, typer.Option("--off-below", help="Watts; below it: off.")],
    run_until_w: Annotated[float, typer.Option("--run-until", help="Watts; below it: idle.")],
    run_from_w: Annotated[float, typer.Option("--run-from", help="Watts; from it on: running.")],
    dwell_start_s: Annotated[
        float, typer.Option("--dwell-start", help="Seconds that running must last to count.")
    ] = 0,
    dwell_stop_s: Annotated[
        float, typer.Option("--dwell-stop", help="Seconds that a pause must last to count.")
    ] = 0,
    silence_s: Annotated[
        float | None,
        typer.Option("--silence", help="Seconds that a sample holds while its device is online."),
    ] = None,
    tz: Annotated[
        str | None, typer.Option("--tz", help="IANA zone of dates; else the service's.")
    ] = None,
    as_json: AsJson = False,
    ready_file: ReadyFile = None,
    api_url: ApiUrl = None,
    key_file: KeyFile = None,
) -> None:
    """Hours by state as they are, and as they would be by the rule; nothing is written."""
    rule = {
        "off_below_w": off_below_w,
        "run_until_w": run_until_w,
        "run_from_w": run_from_w,
        "dwell_start_s": dwell_start_s,
        "dwell_stop_s": dwell_stop_s,
        "silence_s": silence_s,
    }
    ids = ids_of(instruments)
    asked: dict[str, Any] = {"from": since, "to": until, "tz": tz, "rule": rule}
    answer: dict[str, Any] = {}
    items: list[dict[str, Any]] = []
    with client(ready_file, api_url, key_file) as api, progress() as bar:
        task = bar.add_task("instruments", total=len(ids))
        for start in range(0, len(ids), AT_ONCE):
            part = ids[start : start + AT_ONCE]
            body = {**asked, "instrument_ids": part}
            answer = ask(api, "POST", "/v1/power-rules/backtest", json=body)
            items += answer["items"]
            bar.update(task, advance=len(part))
    if as_json:
        for item in items:
            typer.echo(json.dumps(item, ensure_ascii=False))
        return
    Console().print(table_of(items))
    samples = sum(item["samples"] for item in items)
    typer.echo(f"{samples:,} samples from {answer['from']} to {answer['to']}; nothing is written")
    if not samples:
        typer.echo("no samples: a heartbeat with power_w and no state is one; see docs/devices.md")
        return
    whole = json.dumps({"power_rule": rule, "valid_from": answer["rule_from"]})
    typer.echo(f"to set it, from then on, for each: PATCH /v1/instruments/ID {whole}")


@app.command()
def presets(ready_file: ReadyFile = None, api_url: ApiUrl = None, key_file: KeyFile = None) -> None:
    """Examples by class of instrument: where to begin, not what to set."""
    with client(ready_file, api_url, key_file) as api:
        items = ask(api, "GET", "/v1/power-rules/presets")["items"]
    table = Table("class", "for", *items[0]["rule"])
    for item in items:
        values = ("" if value is None else f"{value:g}" for value in item["rule"].values())
        table.add_row(item["class_code"], item["title"], *values)
    Console().print(table)


def ids_of(named: list[str]) -> list[str]:
    """Instruments' ids, each once; a name that is a file's stands for those in it.

    Raises:
        typer.Exit: there are none, or a file cannot be read; the reason is said.
    """
    found: list[str] = []
    for name in named:
        if not Path(name).is_file():
            found.append(name)
            continue
        _, rows = read_rows(Path(name))
        header = [cell.strip() for cell in rows[0]]
        column = header.index(ID_COLUMN) if ID_COLUMN in header else 0
        found += [row[column].strip() for row in rows[ID_COLUMN in header :] if len(row) > column]
    if not found:
        raise fail(f"no instrument is named in {', '.join(named)}; give ids, one a row")
    return list(dict.fromkeys(found))


def table_of(items: list[dict[str, Any]]) -> Table:
    """Hours before and after, instrument by instrument, and in total where there are several."""
    table = Table("instrument", "state", "in force, h", "proposed, h", "difference, h")
    for column in table.columns[2:]:
        column.justify = "right"
    total = {
        when: {f"{state}_s": sum(item[when][f"{state}_s"] for item in items) for state in STATES}
        for when in ("in_force", "proposed")
    }
    shown = [*items, {"instrument_id": "all", **total}] if len(items) > 1 else items
    for item in shown:
        for state in STATES:
            before, after = (item[when][f"{state}_s"] / 3_600 for when in total)
            name = item["instrument_id"] if state == STATES[0] else ""
            difference = f"{after - before:+,.2f}" if after != before else ""
            last = state == STATES[-1]
            table.add_row(
                name, state, f"{before:,.2f}", f"{after:,.2f}", difference, end_section=last
            )
    return table
