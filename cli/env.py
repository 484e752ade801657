"""``jishi env``: a ready file as shell variables, for curl and mosquitto_pub by hand."""

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from cli.connection import fail, read_ready_file
from stack import Settings, StackError
from stack.fetch import find_mosquitto


def env(
    ready_file: Annotated[
        Path,
        typer.Option(
            "--ready-file",
            envvar="JISHI_READY_FILE",
            help="The file that `jishi up --ready-file` wrote.",
        ),
    ],
) -> None:
    """Print shell commands that set JISHI_API, JISHI_KEY, MQTT_HOST and so on.

    Use it as: eval "$(jishi env --ready-file ready.json)". mosquitto_pub and mosquitto_sub
    join the PATH where this service brought its own.
    """
    ready = read_ready_file(ready_file)
    mqtt = ready.get("mqtt", {})
    found = {
        "JISHI_API": ready["api_url"],
        "JISHI_KEY": ready["admin_key"],
        "JISHI_METRICS": ready["metrics_url"],
        "MQTT_HOST": mqtt.get("host", ""),
        "MQTT_PORT": mqtt.get("port", ""),
        "MQTT_USERNAME": mqtt.get("username", ""),
        "MQTT_PASSWORD": mqtt.get("password", ""),
    }
    for name, value in found.items():
        typer.echo(f"export {name}={shlex.quote(str(value))}")
    try:
        programs = find_mosquitto(Settings.from_environ(os.environ))
    except StackError as error:
        raise fail(str(error)) from None
    if programs.clients is not None:
        typer.echo(f'export PATH="$PATH":{shlex.quote(str(programs.clients))}')
