"""Whom a follower follows: the file that names the cities, as TOML.

[regions]
delta = "长三角"

[cities.shanghai]
name = "上海"
url = "https://jishi.shanghai.example"
region = "delta"
public_key_file = "shanghai.pem"
key_file = "shanghai.key"
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from models.rollup import CITY

_FIELDS = {"name", "url", "region", "public_key_file", "key_file"}


class FederationFileError(ValueError):
    """The file is not as it should be; the message says where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CityEntry:
    """A city as the file names it."""

    city: str
    name: str
    #: Of its API, without a slash at the end.
    url: str
    #: Id and name of what it is part of.
    region: str | None
    region_name: str | None
    #: Files: the public key that its rollups are held to, and our key to its API. From the
    #: file's own folder on.
    public_key_file: str
    key_file: str


def parse_federation(text: str) -> list[CityEntry]:
    """The cities of a file, by name.

    Raises:
        FederationFileError: It is none.
    """
    try:
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FederationFileError(f"it is no TOML: {error}") from None
    regions = _table(told, "regions")
    cities = _table(told, "cities")
    if unknown := set(told) - {"regions", "cities"}:
        raise FederationFileError(f"{min(unknown)!r} is neither [regions] nor [cities.…]")
    if not cities:
        raise FederationFileError("it names no city: [cities.shanghai] begins one")
    for region in regions:
        _text(regions, region, "[regions]")
    return [_city(name, cities[name], regions) for name in sorted(cities)]


def _city(city: str, told: Any, regions: Mapping[str, Any]) -> CityEntry:
    where = f"[cities.{city}]"
    if not CITY.fullmatch(city):
        raise FederationFileError(f"{where}: a city is called by a-z, 0-9 and -, such as shanghai")
    if not isinstance(told, dict):
        raise FederationFileError(f"{where} is no table")
    if unknown := set(told) - _FIELDS:
        raise FederationFileError(
            f"{where}: there is no {min(unknown)!r}; a city has {', '.join(sorted(_FIELDS))}"
        )
    region = _text(told, "region", where) if "region" in told else None
    if region is not None and region not in regions:
        raise FederationFileError(f"{where}: region {region!r} has no line in [regions]")
    url = _text(told, "url", where).rstrip("/")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise FederationFileError(f"{where}: url {url!r} is no address such as https://host")
    return CityEntry(
        city=city,
        name=_text(told, "name", where),
        url=url,
        region=region,
        region_name=None if region is None else str(regions[region]),
        public_key_file=_text(told, "public_key_file", where),
        key_file=_text(told, "key_file", where),
    )


def _table(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = told.get(name, {})
    if not isinstance(found, dict):
        raise FederationFileError(f"{name} is no table: [{name}] begins one")
    return found


def _text(told: Mapping[str, Any], name: str, where: str) -> str:
    found = told.get(name)
    if not isinstance(found, str) or not found.strip() or "\0" in found:
        raise FederationFileError(f"{where}: {name} must be a text")
    return found.strip()
