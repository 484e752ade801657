"""Which TimescaleDB's compression is relied on."""

import pytest

from ingest.upkeep.compression import OLDEST_VERSION, version_of


@pytest.mark.parametrize(
    ("version", "enough"),
    [
        pytest.param("2.29.2", True, id="the oldest"),
        pytest.param("2.30.0-dev", True, id="a development version"),
        pytest.param("2.100.0", True, id="numbers, not text"),
        pytest.param("3.0", True, id="two parts"),
        pytest.param("2.29.1", False, id="one too old"),
        pytest.param("2.19.3", False, id="Debian's"),
    ],
)
def test_versions(version: str, enough: bool) -> None:
    assert (version_of(version) >= OLDEST_VERSION) is enough
