"""The city of the workload, written straight into the registry's tables.

The simulator's city is calibrated and colourful; here only numbers count, and they come from
``generate_series`` in a second. What its instruments report is in ``beats.py``.
"""

from dataclasses import dataclass

import psycopg

CITY = 23_504
#: Instruments behind one gateway, as 23,504 behind about 1,200.
BEHIND = 20


@dataclass(frozen=True, slots=True)
class City:
    """How many instruments; gateways and institutions follow."""

    instruments: int

    @property
    def gateways(self) -> int:
        """One an institution."""
        return max(1, self.instruments // BEHIND)

    def gateway_of(self, instrument: int) -> int:
        """Neighbouring instruments share a gateway."""
        return min(instrument // BEHIND, self.gateways - 1)


def instrument_id(number: int) -> str:
    """The name of an instrument."""
    return f"bench-{number:06d}"


def gateway_id(number: int) -> str:
    """The name of a gateway."""
    return f"gw-{number:05d}"


_REGISTER = (
    "INSERT INTO institution (institution_id, changed_revision)"
    " SELECT 'inst-' || lpad(n::text, 5, '0'), 2 FROM generate_series(0, %(gateways)s - 1) n"
    " ORDER BY n",
    "INSERT INTO institution_version (institution_key, valid_from, force_from, force_to, name,"
    " district_code)"
    " SELECT institution_key, '2020-01-01Z', '-infinity', 'infinity', institution_id,"
    " (SELECT array_agg(district_code ORDER BY district_code) FROM district)"
    "[1 + institution_key %% (SELECT count(*)::int FROM district)] FROM institution",
    "INSERT INTO gateway (gateway_id, changed_revision)"
    " SELECT 'gw-' || lpad(n::text, 5, '0'), 2 FROM generate_series(0, %(gateways)s - 1) n"
    " ORDER BY n",
    "INSERT INTO gateway_version (gateway_key, valid_from, force_from, force_to, institution_key)"
    " SELECT g.gateway_key, '2020-01-01Z', '-infinity', 'infinity', i.institution_key"
    " FROM gateway g JOIN institution i ON right(i.institution_id, 5) = right(g.gateway_id, 5)",
    "INSERT INTO gateway_status (gateway_key) SELECT gateway_key FROM gateway",
    "INSERT INTO instrument (instrument_id, changed_revision)"
    " SELECT 'bench-' || lpad(n::text, 6, '0'), 2 FROM generate_series(0, %(instruments)s - 1) n"
    " ORDER BY n",
    "INSERT INTO instrument_version (instrument_key, valid_from, force_from, force_to, name,"
    " institution_key, gateway_key, district_code, class_code, kind, lon, lat, interval_us)"
    " SELECT i.instrument_key, '2020-01-01Z', '-infinity', 'infinity', i.instrument_id,"
    " v.institution_key, v.gateway_key, w.district_code,"
    " (SELECT array_agg(class_code ORDER BY class_code) FROM instrument_class)"
    "[1 + n %% (SELECT count(*)::int FROM instrument_class)],"
    " CASE WHEN n %% 10 = 0 THEN 'special' ELSE 'general' END, 121.4, 31.2, 10000000"
    " FROM instrument i CROSS JOIN LATERAL (SELECT right(i.instrument_id, 6)::int AS n) AS o"
    " JOIN gateway g ON g.gateway_id ="
    " 'gw-' || lpad(least(n / %(behind)s, %(gateways)s - 1)::text, 5, '0')"
    " JOIN gateway_version v ON v.gateway_key = g.gateway_key"
    " JOIN institution_version w ON w.institution_key = v.institution_key",
    "INSERT INTO instrument_status (instrument_key) SELECT instrument_key FROM instrument",
    "UPDATE registry_revision SET revision = 2",
)


def register(url: str, city: City) -> None:
    """Fills an empty registry."""
    terms = {"instruments": city.instruments, "gateways": city.gateways, "behind": BEHIND}
    with psycopg.connect(url) as connection:
        for statement in _REGISTER:
            connection.execute(statement, terms)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
