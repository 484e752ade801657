"""`python -m stack`: fetch the servers, say where they are, or run them for a while."""

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from stack.errors import StackError
from stack.fetch import Programs, find_programs
from stack.local import LocalStack
from stack.settings import VARIABLES, Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    # So that SIGTERM unwinds like Ctrl-C: the servers end before we do.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = _parser().parse_args(arguments)
    settings = Settings.from_environ(os.environ)
    try:
        if options.command == "run":
            _run(options, settings)
        elif options.command == "path":
            print(_search_path(find_programs(settings)))
        else:
            _show(find_programs(settings))
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    variables = "\n".join(f"  {name:20} {meaning}" for name, meaning in VARIABLES.items())
    parser = argparse.ArgumentParser(
        prog="python -m stack",
        description="TimescaleDB and Mosquitto on this machine: found, or fetched from Debian's "
        "packages into the user's cache folder without touching the system.",
        epilog=f"environment:\n{variables}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("fetch", help="find or fetch the programs, say where they are (default)")
    commands.add_parser(
        "path", help="print a PATH with psql, mosquitto_pub and mosquitto_sub in front"
    )
    run = commands.add_parser("run", help="run both until Ctrl-C; one JSON line says where")
    run.add_argument("--data-dir", type=Path, help="keep the data there (default: nowhere)")
    run.add_argument("--mqtt-port", type=int, help="default: a free one")
    run.add_argument("--database-port", type=int, help="default: a free one")
    run.add_argument(
        "--fast", action="store_true", help="no crash safety in the database: for tests"
    )
    return parser


def _run(options: argparse.Namespace, settings: Settings) -> None:
    with LocalStack(
        options.data_dir,
        mqtt_port=options.mqtt_port,
        database_port=options.database_port,
        publisher=True,
        durable=not options.fast,
        settings=settings,
    ) as stack:
        publisher, ingest = stack.broker.publisher, stack.broker.ingest
        assert publisher is not None
        answer = {
            "database_url": stack.database_url,
            "mqtt": {
                "host": stack.mqtt_host,
                "port": stack.mqtt_port,
                "username": publisher.username,
                "password": publisher.password,
            },
            "ingest": {
                "username": ingest.username,
                "password": ingest.password,
                "client_id": ingest.client_id,
            },
            "folder": str(stack.folder),
        }
        print(json.dumps(answer), flush=True)
        signal.pause()


def _show(programs: Programs) -> None:
    postgres, mosquitto = programs.postgres, programs.mosquitto
    print(f"PostgreSQL {postgres.version} with TimescaleDB ({postgres.origin}): {postgres.bin}")
    print(f"Mosquitto {mosquitto.version} ({mosquitto.origin}): {mosquitto.mosquitto}")
    print(f"clients: {mosquitto.clients or 'no mosquitto_pub beside the broker'}")


def _search_path(programs: Programs) -> str:
    folders = [programs.postgres.bin, programs.mosquitto.clients]
    present = dict.fromkeys(str(folder) for folder in folders if folder)
    return ":".join([*present, os.environ.get("PATH", "")])


if __name__ == "__main__":
    sys.exit(main())
