"""Wrong settings: told by name before anything starts, and without what may be secret."""

import pytest
from pydantic import ValidationError

from api.__main__ import main
from api.settings import Settings
from ingest.settings import IngestSettings
from store.settings import wrong_settings


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("JISHI_API_PORT", "x", "JISHI_API_PORT: Input should be a valid integer"),
        ("JISHI_DATABASE_URL", "s3cret", "JISHI_DATABASE_URL: must be like postgresql://"),
    ],
)
def test_the_api_says_which_and_does_not_begin(
    name: str,
    value: str,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("api.__main__.configure_logs", lambda: None)
    monkeypatch.setenv(name, value)
    assert main() == 2
    said = capsys.readouterr().err
    assert said.startswith(told)
    assert "s3cret" not in said
    assert "see `jishi api --show-settings`" in said


@pytest.mark.parametrize("url", ["postgresql:///jishi", "host=/run dbname=jishi"])
def test_whatever_libpq_takes_is_a_database(url: str) -> None:
    assert Settings(database_url=url).database_url == url


def test_ingest_judges_it_as_well() -> None:
    with pytest.raises(ValidationError, match="must be like") as caught:
        IngestSettings.model_validate({"database_url": "s3cret", "mqtt_url": "mqtt://a"})
    assert all("s3cret" not in told for told in wrong_settings(caught.value))
