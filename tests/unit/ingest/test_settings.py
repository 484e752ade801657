"""Which topics a worker asks for, by each of the ways to part the gateways."""

import pytest
from pydantic import ValidationError

from ingest.mqtt.share import Share
from ingest.settings import IngestSettings


@pytest.fixture(autouse=True)
def _needed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GATEWAYS", "SHARE_GROUP", "INGEST_WORKER"):
        monkeypatch.delenv(f"JISHI_{name}", raising=False)
    monkeypatch.setenv("JISHI_DATABASE_URL", "postgresql:///jishi")
    monkeypatch.setenv("JISHI_MQTT_URL", "mqtt://localhost")


def settings(monkeypatch: pytest.MonkeyPatch, **values: str) -> IngestSettings:
    for name, value in values.items():
        monkeypatch.setenv(f"JISHI_{name}", value)
    return IngestSettings()  # type: ignore[call-arg]  # the environment fills it


def test_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings(monkeypatch)
    assert found.filters() == [
        "instruments/v1/+/heartbeat",
        "instruments/v1/+/status",
        "instruments/v1/+/native/#",
    ]
    assert found.gateway_list() is None
    assert found.share is None


def test_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings(monkeypatch, GATEWAYS="a, b", SHARE_GROUP="g")
    assert found.gateway_list() == ["a", "b"]
    assert found.filters() == [
        f"$share/g/instruments/v1/{name}/{kind}"
        for name in ("a", "b")
        for kind in ("heartbeat", "status", "native/#")
    ]


def test_a_share_waits_for_the_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings(monkeypatch, INGEST_WORKER="2/3")
    assert found.filters() == []
    assert found.share == Share(number=2, workers=3)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"INGEST_WORKER": "two"}, id="not i/n"),
        pytest.param({"INGEST_WORKER": "1/2", "GATEWAYS": "a"}, id="and a list"),
        pytest.param({"INGEST_WORKER": "1/2", "SHARE_GROUP": "g"}, id="and a group"),
    ],
)
def test_refused(monkeypatch: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        settings(monkeypatch, **values)
