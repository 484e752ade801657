"""The file that names the cities of a follower."""

import pytest

from models.federation_file import CityEntry, FederationFileError, parse_federation

CITY = """
[cities.shanghai]
name = "上海"
url = "https://jishi.example.org/"
region = "delta"
public_key_file = "shanghai.pem"
key_file = "/etc/jishi/shanghai.key"
"""
REGIONS = '[regions]\ndelta = "长三角"\n'


def test_a_city_and_its_region() -> None:
    assert parse_federation(REGIONS + CITY) == [
        CityEntry(
            city="shanghai",
            name="上海",
            url="https://jishi.example.org",
            region="delta",
            region_name="长三角",
            public_key_file="shanghai.pem",
            key_file="/etc/jishi/shanghai.key",
        )
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("[", "no TOML", id="no TOML"),
        pytest.param("", "names no city", id="nothing"),
        pytest.param(CITY, r"'delta' has no line in \[regions\]", id="no region"),
        pytest.param("[city]\n" + CITY, "neither", id="another table"),
        pytest.param("cities = 1", "no table", id="no table"),
        pytest.param("[cities]\nx = 1", "no table", id="no city"),
        pytest.param(CITY.replace("shanghai]", "Shang_hai]"), "a city is called by", id="name"),
        pytest.param(REGIONS + CITY.replace("https", "ftp"), "no address", id="ftp"),
        pytest.param(REGIONS + CITY.replace("//j", "//u:p@j"), "no address", id="a password"),
        pytest.param(REGIONS + CITY + 'keys = "x"', "there is no 'keys'", id="another field"),
        pytest.param(REGIONS + CITY.replace('"上海"', "7"), "name must be a text", id="number"),
    ],
)
def test_what_is_wrong_is_said(text: str, why: str) -> None:
    with pytest.raises(FederationFileError, match=why):
        parse_federation(text)
