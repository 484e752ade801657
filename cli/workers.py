"""``jishi ingest`` and ``jishi api``: one part of the service in the foreground."""

import os
import sys
from typing import Annotated

import typer

from api.settings import Settings as ApiSettings
from ingest.settings import IngestSettings

_SHOW = Annotated[
    bool, typer.Option("--show-settings", help="List every setting and its default, then end.")
]


def _list(settings: type[ApiSettings] | type[IngestSettings]) -> None:
    for name, info in settings.model_fields.items():
        default = "required" if info.is_required() else info.get_default()
        typer.echo(f"JISHI_{name.upper():28} {info.description or ''}  [{default}]")


def ingest(show_settings: _SHOW = False) -> None:
    """Take heartbeats from the broker into the database until SIGTERM.

    Needs JISHI_DATABASE_URL and JISHI_MQTT_URL; --show-settings lists all settings. The first
    signal drains what was received, the second quits at once; neither loses anything.
    """
    if show_settings:
        _list(IngestSettings)
        return
    os.execv(sys.executable, [sys.executable, "-m", "ingest"])  # noqa: S606


def api(show_settings: _SHOW = False) -> None:
    """Serve the read API, the registry and the cockpit until SIGTERM.

    Needs JISHI_DATABASE_URL; --show-settings lists all settings.
    """
    if show_settings:
        _list(ApiSettings)
        return
    os.execv(sys.executable, [sys.executable, "-m", "api"])  # noqa: S606
