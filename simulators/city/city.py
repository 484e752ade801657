"""The seeded city: institutions, gateways and instruments, calibrated to its platform's figures.

A city is a pure function of ``FleetOptions``. Its size can be scaled down; shares, values and
the spread of use stay. What an instrument does with its yearly hours is ``behaviour.py``;
``calibrate.py`` prints the result beside the targets.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import blake2b
from itertools import pairwise
from math import exp, log, sqrt

from simulators.city.behaviour import Habit
from simulators.city.classes import CLASSES, ClassHabits
from simulators.city.names import institution_name, instrument_name
from simulators.city.randomness import Rng

#: Figures of the city's platform at the end of 2023.
CITY_INSTRUMENTS = 23_504
CITY_VALUE_CNY = 30_544_000_000
CITY_INSTITUTIONS = 1_204
CITY_GATEWAYS = 1_200
CITY_EQUIPPED = 3_990
CITY_EQUIPPED_INSTITUTIONS = 41
LEAST_VALUE_CNY = 300_000
#: Share of instruments, always-on ones apart, with rated utilization above the key.
SHARE_ABOVE = {0.5: 0.854, 0.8: 0.616}

GENERAL_HOURS = 1_400
SPECIAL_HOURS = 800

#: code, seat longitude, seat latitude, share of institutions (in ‰), spread in degrees.
DISTRICTS = (
    ("310101", 121.486, 31.225, 35, 0.010),
    ("310104", 121.418, 31.180, 105, 0.022),
    ("310105", 121.405, 31.215, 45, 0.020),
    ("310106", 121.452, 31.245, 50, 0.018),
    ("310107", 121.392, 31.255, 45, 0.020),
    ("310109", 121.485, 31.278, 35, 0.014),
    ("310110", 121.523, 31.298, 90, 0.022),
    ("310112", 121.400, 31.090, 120, 0.050),
    ("310113", 121.440, 31.370, 55, 0.045),
    ("310114", 121.240, 31.365, 85, 0.050),
    ("310115", 121.600, 31.200, 215, 0.070),
    ("310116", 121.270, 30.780, 25, 0.060),
    ("310117", 121.220, 31.040, 45, 0.055),
    ("310118", 121.110, 31.150, 20, 0.055),
    ("310120", 121.480, 30.920, 22, 0.055),
    ("310151", 121.500, 31.630, 8, 0.080),
)

#: kind, share of institutions, size relative to an enterprise, opening hours.
_KINDS: tuple[tuple[str, float, float, str], ...] = (
    ("enterprise", 0.66, 1.0, "day"),
    ("institute", 0.09, 6.0, "long"),
    ("university", 0.045, 16.0, "long"),
    ("hospital", 0.085, 2.6, "week"),
    ("metrology", 0.07, 2.6, "day"),
    ("platform", 0.05, 4.0, "always"),
)

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri")


def _hours(weekdays: str, weekend: str, holidays: str) -> dict[str, object]:
    hours: dict[str, object] = {}
    for names, text in ((_WEEKDAYS, weekdays), (("sat", "sun"), weekend)):
        if text:
            for name in names:
                hours[name] = [part.split("-") for part in text.split()]
    hours["holidays"] = holidays
    return hours


OPENING_HOURS: dict[str, dict[str, object]] = {
    "day": _hours("08:30-17:30", "", "closed"),
    "long": _hours("08:00-22:00", "09:00-17:00", "closed"),
    "week": _hours("07:30-12:00 13:00-18:00", "08:00-12:00", "closed"),
    "always": _hours("00:00-24:00", "00:00-24:00", "open"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetOptions:
    """What a city is a function of."""

    seed: int = 1
    instruments: int = CITY_INSTRUMENTS
    gateways: int = CITY_GATEWAYS
    #: Only the instruments that are equipped first.
    equipped_only: bool = False
    #: Seconds between two heartbeats of an instrument.
    interval_s: float = 10.0
    #: Part of every id; ``None``: derived, so that two cities never share an id.
    tag: str | None = None

    def __post_init__(self) -> None:
        for name, value in (("instruments", self.instruments), ("gateways", self.gateways)):
            if value < 1:
                raise ValueError(f"{name} is {value}; a fleet has at least 1")
        if not 0.05 <= self.interval_s <= 3_600:
            raise ValueError(f"interval is {self.interval_s} s; it must lie in 0.05 to 3600 s")

    @property
    def id_tag(self) -> str:
        """What distinguishes this city's ids from another's."""
        if self.tag is not None:
            return self.tag
        key = f"{self.seed}/{self.instruments}/{self.gateways}/{self.equipped_only}"
        return blake2b(key.encode(), digest_size=2).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Institution:
    """Who owns instruments."""

    institution_id: str
    name: str
    kind: str
    district_code: str
    lon: float
    lat: float
    #: Key of ``OPENING_HOURS``.
    hours: str
    equipped: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """What publishes for instruments; ``first`` and ``count`` say which of the city's."""

    index: int
    gateway_id: str
    institution: int
    first: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One instrument as the registry knows it, and its habit."""

    index: int
    instrument_id: str
    name: str
    institution: int
    gateway: int
    class_code: str
    lon: float
    lat: float
    value_cny: int
    special: bool
    always_on: bool
    #: Key of ``OPENING_HOURS``; ``None``: the institution's.
    hours: str | None
    equipped: bool
    acquired_on: date
    #: Registered; ``None``: the heartbeats say it, or the default holds.
    interval_s: float | None
    hold_s: float | None
    #: Whether its heartbeats carry ``interval_s``.
    sends_interval: bool
    #: Whether its ``ts`` is RFC 3339 text rather than milliseconds.
    sends_text_ts: bool
    #: Watts when running.
    power_w: float
    habit: Habit

    @property
    def rated_hours(self) -> int:
        """Rated hours a year."""
        return SPECIAL_HOURS if self.special else GENERAL_HOURS


@dataclass(frozen=True, slots=True, kw_only=True)
class City:
    """The whole fleet; instruments lie gateway by gateway."""

    options: FleetOptions
    institutions: tuple[Institution, ...]
    gateways: tuple[Gateway, ...]
    instruments: tuple[Instrument, ...]

    def behind(self, gateway: Gateway) -> tuple[Instrument, ...]:
        """The gateway's instruments."""
        return self.instruments[gateway.first : gateway.first + gateway.count]


def build_city(options: FleetOptions) -> City:
    """The city of these options: the same options, the same city."""
    seed = options.seed
    wanted = options.instruments
    # The equipped are a sixth of the city; a city whose equipped part has the wanted size.
    whole = round(wanted * CITY_INSTRUMENTS / CITY_EQUIPPED) if options.equipped_only else wanted
    institutions, sizes = _institutions(seed, whole, options.id_tag)
    equipped = _equipped(seed, sizes, whole, wanted if options.equipped_only else None)
    places = [
        (where, number < equipped.get(where, 0))
        for where, size in enumerate(sizes)
        for number in range(size)
    ]
    if options.equipped_only:
        places = [place for place in places if place[1]]
    institutions = [
        _with_equipped(institution, equipped.get(where, 0) > 0)
        for where, institution in enumerate(institutions)
    ]
    if options.equipped_only:
        kept = sorted({where for where, _ in places})
        number_of = {where: number for number, where in enumerate(kept)}
        institutions = [institutions[where] for where in kept]
        places = [(number_of[where], mark) for where, mark in places]
    gateways, order = _gateways([where for where, _ in places], options)
    instruments = _instruments([places[i] for i in order], gateways, institutions, options)
    return City(
        options=options,
        institutions=tuple(institutions),
        gateways=tuple(gateways),
        instruments=tuple(instruments),
    )


def _with_equipped(institution: Institution, equipped: bool) -> Institution:
    return Institution(
        institution_id=institution.institution_id,
        name=institution.name,
        kind=institution.kind,
        district_code=institution.district_code,
        lon=institution.lon,
        lat=institution.lat,
        hours=institution.hours,
        equipped=equipped,
    )


def _apportion(total: int, weights: Sequence[float], least: int = 0) -> list[int]:
    """Whole parts of ``total`` by weight (largest remainder), each at least ``least``."""
    rest = total - least * len(weights)
    scale = rest / sum(weights)
    exact = [weight * scale for weight in weights]
    parts = [int(part) for part in exact]
    by_remainder = sorted(range(len(parts)), key=lambda i: (parts[i] - exact[i], i))
    for i in by_remainder[: rest - sum(parts)]:
        parts[i] += 1
    return [part + least for part in parts]


def _spread(counts: Sequence[int], rng: Rng) -> list[int]:
    """Each index as often as its count says, shuffled."""
    drawn = [index for index, count in enumerate(counts) for _ in range(count)]
    rng.shuffle(drawn)
    return drawn


def _institutions(seed: int, instruments: int, tag: str) -> tuple[list[Institution], list[int]]:
    rng = Rng(seed, 101)
    count = max(1, min(instruments, round(CITY_INSTITUTIONS * instruments / CITY_INSTRUMENTS)))
    kinds = _spread(_apportion(count, [kind[1] for kind in _KINDS]), rng)
    districts = _spread(_apportion(count, [row[3] for row in DISTRICTS]), rng)
    institutions = []
    weights = []
    taken: set[str] = set()
    prefix = f"inst-{tag}-" if tag else "inst-"
    for number in range(count):
        kind, _, size, hours = _KINDS[kinds[number]]
        district, lon, lat, _, spread = DISTRICTS[districts[number]]
        name = institution_name(kind, number, rng)
        while name in taken:
            name = institution_name(kind, number, rng)
        taken.add(name)
        institutions.append(
            Institution(
                institution_id=f"{prefix}{number + 1:04}",
                name=name,
                kind=kind,
                district_code=district,
                lon=round(lon + spread * max(-1.5, min(1.5, rng.gauss())), 5),
                lat=round(lat + 0.8 * spread * max(-1.5, min(1.5, rng.gauss())), 5),
                hours=hours,
                equipped=False,
            )
        )
        weights.append(size * exp(0.9 * rng.gauss()))
    return institutions, _apportion(instruments, weights, least=1)


def _equipped(
    seed: int, sizes: Sequence[int], instruments: int, wanted: int | None
) -> dict[int, int]:
    """How many instruments of which institutions are equipped first."""
    rng = Rng(seed, 102)
    total = wanted or round(CITY_EQUIPPED * instruments / CITY_INSTRUMENTS)
    count = round(CITY_EQUIPPED_INSTITUTIONS * instruments / CITY_INSTRUMENTS)
    count = max(1, min(count, total, len(sizes)))
    if total == 0:
        return {}
    # Large institutions come first, with a few small ones among them.
    ranked = sorted(range(len(sizes)), key=lambda i: -sizes[i] * (0.3 + rng.unit()))
    chosen = ranked[:count]
    while sum(sizes[i] for i in chosen) < total:
        chosen.append(ranked[len(chosen)])
    weights = [float(sizes[i]) for i in chosen]
    parts = _apportion(total, weights, least=1)
    for slot, where in enumerate(chosen):  # rounding may ask one institution for one too many
        while parts[slot] > sizes[where]:
            parts[slot] -= 1
            parts[next(j for j, i in enumerate(chosen) if parts[j] < sizes[i])] += 1
    return dict(zip(chosen, parts, strict=True))


def _gateways(
    institution_of: Sequence[int], options: FleetOptions
) -> tuple[list[Gateway], list[int]]:
    """Gateways, and the order of instruments that puts each gateway's together."""
    members: dict[int, list[int]] = {}
    for place, where in enumerate(institution_of):
        members.setdefault(where, []).append(place)
    count = min(options.gateways, len(institution_of))
    groups: list[tuple[int, list[int]]] = []
    if count >= len(members):
        owners = sorted(members)
        parts = _apportion(count, [float(len(members[o])) for o in owners], least=1)
        _cap(parts, [len(members[o]) for o in owners])
        for owner, part in zip(owners, parts, strict=True):
            own = members[owner]
            cuts = [len(own) * k // part for k in range(part + 1)]
            groups += [(owner, own[a:b]) for a, b in pairwise(cuts)]
    else:
        # Fewer gateways than institutions: the small ones share.
        by_size = sorted(members, key=lambda o: (-len(members[o]), o))
        shared: list[tuple[int, list[int]]] = [(o, list(members[o])) for o in by_size[:count]]
        for number, owner in enumerate(by_size[count:]):
            shared[count - 1 - number % count][1].extend(members[owner])
        groups = shared
    gateways = []
    order: list[int] = []
    prefix = f"gw-{options.id_tag}-" if options.id_tag else "gw-"
    for index, (owner, own) in enumerate(groups):
        gateways.append(
            Gateway(
                index=index,
                gateway_id=f"{prefix}{index + 1:04}",
                institution=owner,
                first=len(order),
                count=len(own),
            )
        )
        order += own
    return gateways, order


def _cap(parts: list[int], most: Sequence[int]) -> None:
    for i, limit in enumerate(most):
        while parts[i] > limit:
            parts[i] -= 1
            parts[next(j for j in range(len(parts)) if parts[j] < most[j])] += 1


def use_at(rank: float) -> float:
    """Rated utilization of a calendar year at a rank among the city's instruments.

    Args:
        rank: 0 (least used) to 1.

    Returns:
        The quantile. It is 0.5 at 14.6 % and 0.8 at 38.4 %, so that 85.4 % and 61.6 % lie
        above; densities meet there, so that the days' chance moves as many up as down. The
        tail is exponential, cut at 3.6, and puts the mean near 1.14.
    """
    below_half = 1.0 - SHARE_ABOVE[0.5]
    below_most = 1.0 - SHARE_ABOVE[0.8]
    if rank < below_half:
        return 0.03 + 0.47 * exp(0.7 * log(max(rank, 1e-9) / below_half))
    if rank < below_most:
        # Density rises along a line from d0 at 0.5; the quantile solves a quadratic.
        d0 = below_half / (0.47 * 0.7)
        share = below_most - below_half
        slope = 2.0 * (share - 0.3 * d0) / 0.09
        return 0.5 + (sqrt(d0 * d0 + 2.0 * slope * (rank - below_half)) - d0) / slope
    tail = (1.0 - rank) / (1.0 - below_most)
    return min(3.6, 0.8 - 0.755 * log(max(tail, 1e-9)))


def _instruments(
    places: Sequence[tuple[int, bool]],
    gateways: Sequence[Gateway],
    institutions: Sequence[Institution],
    options: FleetOptions,
) -> Iterator[Instrument]:
    seed = options.seed
    count = len(places)
    rng = Rng(seed, 103)
    codes = [CLASSES[i] for i in _spread(_apportion(count, [c.weight for c in CLASSES]), rng)]
    if count >= 4 * len(CLASSES):
        _fill_missing(codes)
    always = [rng.chance(c.always_on) for c in codes]
    specials = [rng.chance(c.special) for c in codes]
    values = _values(codes, rng)
    uses = _uses(codes, always, rng)
    gateway_of = [g.index for g in gateways for _ in range(g.count)]
    prefix = f"ins-{options.id_tag}-" if options.id_tag else "ins-"
    for index, (where, equipped) in enumerate(places):
        one = Rng(seed, 104, index)
        habits = codes[index]
        institution = institutions[where]
        pattern = "continuous" if always[index] else _pick(habits.patterns, one)
        rated = SPECIAL_HOURS if specials[index] else GENERAL_HOURS
        interval_kind = index % 8
        yield Instrument(
            index=index,
            instrument_id=f"{prefix}{index + 1:05}",
            name=instrument_name(habits.code, one),
            institution=where,
            gateway=gateway_of[index],
            class_code=habits.code,
            lon=round(institution.lon + 0.001 * one.gauss(), 5),
            lat=round(institution.lat + 0.001 * one.gauss(), 5),
            value_cny=values[index],
            special=specials[index],
            always_on=always[index],
            hours="always" if one.chance(0.06) else None,
            equipped=equipped,
            acquired_on=date(2004, 1, 1) + timedelta(days=one.below(7_200)),
            # The service must find the hold in each of the ways that there are.
            interval_s=None if interval_kind == 1 else max(1.0, options.interval_s),
            hold_s=round(4.0 * max(1.0, options.interval_s), 3) if interval_kind == 3 else None,
            sends_interval=interval_kind != 2 and options.interval_s >= 1.0,
            sends_text_ts=interval_kind in (4, 5),
            power_w=float(round(exp(one.between(5.0, 8.6)))),
            habit=Habit(
                seed=seed,
                instrument=index,
                pattern=pattern,
                hours_a_year=8_760.0 if always[index] else uses[index] * rated,
                vacations=institution.kind in ("university", "institute"),
            ),
        )


def _pick(patterns: Sequence[tuple[str, float]], rng: Rng) -> str:
    roll = rng.unit()
    for name, share in patterns:
        roll -= share
        if roll < 0:
            return name
    return patterns[-1][0]


def _fill_missing(codes: list[ClassHabits]) -> None:
    """Give every class at least one instrument, at the cost of the commonest."""
    counts: dict[str, int] = {}
    for habits in codes:
        counts[habits.code] = counts.get(habits.code, 0) + 1
    for missing in [c for c in CLASSES if c.code not in counts]:
        commonest = max(counts, key=lambda code: counts[code])
        codes[next(i for i, c in enumerate(codes) if c.code == commonest)] = missing
        counts[commonest] -= 1


def _values(codes: Sequence[ClassHabits], rng: Rng) -> list[int]:
    """Yuan of each instrument: over 300,000, log-normal above, adding up to the city's share."""
    total = round(CITY_VALUE_CNY * len(codes) / CITY_INSTRUMENTS)
    excess = [exp(0.8 * c.price + 1.05 * rng.gauss()) for c in codes]
    scale = (total - LEAST_VALUE_CNY * len(codes)) / sum(excess)
    values = [LEAST_VALUE_CNY + max(1, int(e * scale)) for e in excess]
    dearest = max(range(len(values)), key=values.__getitem__)
    values[dearest] += total - sum(values)
    return values


def _uses(codes: Sequence[ClassHabits], always: Sequence[bool], rng: Rng) -> list[float]:
    """Rated utilization that each instrument's year is drawn around.

    Ranks are spread evenly, not drawn, so that a small city has the large one's shares.
    """
    scores = [c.use + rng.gauss() for c in codes]
    ranked = sorted((i for i in range(len(codes)) if not always[i]), key=scores.__getitem__)
    uses = [0.0] * len(codes)
    for rank, i in enumerate(ranked):
        uses[i] = use_at((rank + 0.5) / len(ranked))
    return uses
