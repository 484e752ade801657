"""A real Prometheus with the shipped configuration, hurried: what takes minutes takes seconds.

`hurried` derives the files from the shipped ones by rule and nothing else: each duration of the
alerts (``for:``, ranges, offsets) is a sixtieth, each interval of the configuration a second. What
alerts compare with (counts, seconds of lag, shares) stays as it is shipped.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from tests.faults.worker import eventually
from tests.ports import free_port
from tests.prometheus import SHIPPED, program

_DURATION = re.compile(r"(?<=for: )(\d+)([mhd])|(?<=\[)(\d+)([mhd])(?=\])|(?<=offset )(\d+)([mhd])")
_SIXTIETH = {"m": "s", "h": "m", "d": "m"}
_TIMES = {"m": 1, "h": 1, "d": 24}


def hurried(text: str) -> str:
    """Alerts whose durations are a sixtieth."""

    def shorter(found: re.Match[str]) -> str:
        number, unit = (part for part in found.groups() if part is not None)
        return f"{int(number) * _TIMES[unit]}{_SIXTIETH[unit]}"

    return _DURATION.sub(shorter, text)


class Watch:
    """Prometheus, node_exporter and blackbox_exporter over targets that a test names."""

    def __init__(self, folder: Path, targets: dict[str, list[dict[str, Any]]], key: str) -> None:
        """Writes the configuration; ``start`` runs it.

        Args:
            folder: For everything.
            targets: What stands in each file of ``targets/`` but node's, which is ours.
            key: With which the API is asked.
        """
        self.folder = folder
        self.port, self.node_port, self.blackbox_port = free_port(), free_port(), free_port()
        (folder / "targets").mkdir(parents=True)
        (folder / "key").write_text(key)
        configuration = re.sub(
            r"(_interval): \d+[sm]", r"\1: 1s", (SHIPPED / "prometheus.yml").read_text("utf-8")
        )
        configuration = configuration.replace("/run/secrets/prometheus_key", str(folder / "key"))
        configuration = configuration.replace("localhost:9090", f"127.0.0.1:{self.port}")
        (folder / "prometheus.yml").write_text(configuration, "utf-8")
        (folder / "alerts.yml").write_text(
            hurried((SHIPPED / "alerts.yml").read_text("utf-8")), "utf-8"
        )
        targets = {"node": [{"targets": [f"127.0.0.1:{self.node_port}"]}], **targets}
        assert {f"{name}.yml" for name in targets} | {"alertmanager.yml"} == {
            path.name for path in (SHIPPED / "targets").iterdir()
        }
        for name, groups in targets.items():
            for group in groups:
                if group.get("labels"):
                    group["targets"] = [f"127.0.0.1:{self.blackbox_port}"]
            # JSON is YAML.
            (folder / "targets" / f"{name}.yml").write_text(json.dumps(groups), "utf-8")
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        self.start("prometheus")
        self.start("node")
        self.start("blackbox")
        eventually(self._answers, 30, "Prometheus answers", more=self.tail)
        return self

    def __exit__(self, *_exc: object) -> None:
        for name in list(self._processes):
            self.kill(name)

    def start(self, name: str) -> None:
        package, arguments = {
            "prometheus": (
                "prometheus",
                [
                    f"--config.file={self.folder / 'prometheus.yml'}",
                    f"--storage.tsdb.path={self.folder / 'data'}",
                    f"--web.listen-address=127.0.0.1:{self.port}",
                ],
            ),
            "node": (
                "prometheus-node-exporter",
                [
                    f"--web.listen-address=127.0.0.1:{self.node_port}",
                    "--collector.disable-defaults",
                    "--collector.filesystem",
                ],
            ),
            "blackbox": (
                "prometheus-blackbox-exporter",
                [
                    f"--web.listen-address=127.0.0.1:{self.blackbox_port}",
                    f"--config.file={SHIPPED / 'blackbox.yml'}",
                ],
            ),
        }[name]
        found = program(package)
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [found.program, *arguments],
                env={**os.environ, **found.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def kill(self, name: str) -> None:
        process = self._processes.pop(name)
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()

    def tail(self) -> str:
        return "\n".join((self.folder / "prometheus.log").read_text().splitlines()[-8:])

    def _get(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as answer:
            return json.load(answer)["data"]

    def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            return bool(self._get("/api/v1/status/runtimeinfo"))
        return False

    def ask(self, query: str) -> list[Any]:
        """The samples of an instant query."""
        quoted = urllib.request.quote(query)  # type: ignore[attr-defined]
        found: list[Any] = self._get(f"/api/v1/query?query={quoted}")["result"]
        return found

    def alerts(self) -> dict[str, list[dict[str, Any]]]:
        """What fires now, by name; the one that always does is left out."""
        found: dict[str, list[dict[str, Any]]] = {}
        for alert in self._get("/api/v1/alerts")["alerts"]:
            name = alert["labels"]["alertname"]
            if alert["state"] == "firing" and name != "AlertsArrive":
                found.setdefault(name, []).append(alert)
        return found

    def until_well(self, within: float = 90.0, apart: Sequence[str] = ()) -> None:
        """Waits until nothing fires."""
        eventually(
            lambda: not self.alerts().keys() - set(apart),
            within,
            "nothing fires",
            every=0.5,
            more=lambda: sorted(self.alerts()),
        )

    @contextlib.contextmanager
    def fires(self, *names: str, within: float = 60.0, **labels: str) -> Iterator[None]:
        """The block brings a fault about; each of these alerts is there once it has."""

        def found(name: str) -> list[dict[str, Any]]:
            return [
                alert
                for alert in self.alerts().get(name, ())
                if alert["labels"].items() >= labels.items()
            ]

        assert not any(map(found, names)), "it fires before there is a fault"
        began = time.monotonic()
        yield
        for name in names:
            alert, *_ = eventually(
                lambda name=name: found(name),
                within,
                name,
                every=0.2,
                more=lambda: sorted(self.alerts()),
            )
            print(
                f"\n  {name}: after {time.monotonic() - began:.1f} s: "
                f"{alert['annotations']['summary']}",
                end="",
            )
