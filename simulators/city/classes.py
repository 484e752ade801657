"""Which classes the city has, how many of each, what they are worth and how they are used.

Codes of the national classification, scheme "2004"; 90 of its 94 middle classes occur. The
four that do not are of things that a city does not keep (space telescopes and other astronomy,
remote sensing of the sea, software).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassHabits:
    """What distinguishes a middle class."""

    code: str
    #: How many of the city's instruments, relative to the others.
    weight: float
    #: Added to the logarithm of the value: an electron microscope costs more than a balance.
    price: float
    #: Added to the rank of use (standard deviations): a mass spectrometer rests seldom.
    use: float
    #: Patterns of use (``behaviour.PATTERNS``) with their shares.
    patterns: tuple[tuple[str, float], ...]
    #: Share rated as special (800 h a year instead of 1,400).
    special: float
    #: Share that never stops (weather stations, clocks, servers).
    always_on: float = 0.0


_LAB = (("daytime", 0.8), ("overnight", 0.2))
_RUN = (("overnight", 0.65), ("daytime", 0.35))
_BENCH = (("office", 0.6), ("daytime", 0.4))
_PROCESS = (("batch", 0.8), ("daytime", 0.2))
_FIELD = (("campaign", 0.75), ("daytime", 0.25))

#: code, weight, price, use, patterns, special, always on
_ROWS: tuple[tuple[str, float, float, float, tuple[tuple[str, float], ...], float, float], ...] = (
    ("010100", 5.2, 0.9, 0.5, _LAB, 0.05, 0.0),
    ("010200", 7.5, 0.7, 0.6, _RUN, 0.02, 0.0),
    ("010300", 4.0, 0.4, 0.3, _LAB, 0.05, 0.0),
    ("010400", 6.4, 0.0, 0.1, _LAB, 0.02, 0.0),
    ("010500", 7.0, -0.3, 0.5, _RUN, 0.02, 0.0),
    ("010600", 1.6, 1.2, 0.7, _RUN, 0.02, 0.0),
    ("010700", 1.0, -0.4, 0.0, _LAB, 0.02, 0.0),
    ("010800", 6.0, 0.3, 0.2, _LAB, 0.02, 0.0),
    ("010900", 1.8, -0.2, 0.1, _LAB, 0.02, 0.0),
    ("011000", 6.2, 0.1, 0.3, _LAB, 0.02, 0.0),
    ("011100", 1.8, -0.1, 0.1, _LAB, 0.05, 0.1),
    ("011200", 1.8, -0.3, 0.0, _PROCESS, 0.05, 0.0),
    ("019900", 1.5, -0.1, 0.0, _LAB, 0.05, 0.0),
    ("020100", 3.6, 0.0, 0.0, _PROCESS, 0.1, 0.0),
    ("020200", 0.6, -0.2, -0.6, _FIELD, 0.3, 0.0),
    ("020300", 1.5, 0.0, 0.0, _LAB, 0.1, 0.0),
    ("020400", 1.1, -0.1, -0.3, _BENCH, 0.2, 0.0),
    ("020500", 1.2, -0.2, 0.0, _LAB, 0.02, 0.0),
    ("020600", 0.9, 0.2, 0.0, _LAB, 0.2, 0.0),
    ("029900", 1.8, 0.2, 0.0, _LAB, 0.1, 0.0),
    ("030100", 1.4, 0.1, -0.1, _LAB, 0.1, 0.0),
    ("030200", 0.3, -0.2, -0.3, _BENCH, 0.3, 0.0),
    ("030300", 0.4, 0.0, -0.3, _BENCH, 0.3, 0.0),
    ("030400", 0.5, 0.0, -0.3, _BENCH, 0.3, 0.0),
    ("030500", 0.2, 0.3, 0.2, _BENCH, 0.4, 0.6),
    ("030600", 0.2, -0.2, -0.4, _BENCH, 0.4, 0.0),
    ("030700", 0.3, 0.1, -0.3, _BENCH, 0.4, 0.0),
    ("030800", 0.2, 0.2, -0.3, _BENCH, 0.4, 0.0),
    ("030900", 0.4, 0.0, -0.2, _BENCH, 0.3, 0.0),
    ("039900", 0.5, -0.1, -0.3, _BENCH, 0.3, 0.0),
    ("040100", 3.2, -0.1, -0.1, _BENCH, 0.05, 0.0),
    ("040200", 2.0, 0.2, -0.1, _BENCH, 0.1, 0.0),
    ("040300", 0.9, 0.0, -0.2, _BENCH, 0.1, 0.0),
    ("040400", 1.1, 0.1, -0.1, _BENCH, 0.1, 0.0),
    ("040500", 1.8, 0.9, 0.4, _PROCESS, 0.05, 0.0),
    ("049900", 0.9, 0.1, -0.2, _BENCH, 0.2, 0.0),
    ("050100", 0.2, 0.0, -0.8, _FIELD, 0.8, 0.0),
    ("050200", 0.15, 0.1, -0.2, _FIELD, 0.8, 0.5),
    ("050300", 0.15, 0.0, -0.9, _FIELD, 0.8, 0.0),
    ("050400", 0.15, 0.0, -0.9, _FIELD, 0.8, 0.0),
    ("059900", 0.2, 0.6, -0.8, _FIELD, 0.9, 0.0),
    ("060100", 0.12, -0.2, -0.9, _FIELD, 0.7, 0.0),
    ("060200", 0.2, -0.1, -0.8, _FIELD, 0.7, 0.0),
    ("060300", 0.1, 0.1, -0.8, _FIELD, 0.7, 0.0),
    ("060400", 0.1, 0.4, -0.8, _FIELD, 0.7, 0.0),
    ("060500", 0.25, 0.0, -0.2, _FIELD, 0.5, 0.5),
    ("060600", 0.1, 0.3, -0.9, _FIELD, 0.8, 0.0),
    ("060700", 0.3, 0.1, -0.2, _LAB, 0.4, 0.0),
    ("069900", 0.1, 0.0, -0.9, _FIELD, 0.8, 0.0),
    ("070100", 0.4, -0.3, 0.0, _FIELD, 0.4, 0.8),
    ("070200", 0.12, 0.6, -0.4, _FIELD, 0.7, 0.2),
    ("070300", 0.4, 0.3, 0.2, _FIELD, 0.4, 0.4),
    ("070400", 0.2, 0.9, 0.0, _FIELD, 0.6, 0.5),
    ("070500", 0.15, 0.3, 0.0, _FIELD, 0.6, 0.5),
    ("070600", 0.1, 0.3, -0.3, _FIELD, 0.8, 0.4),
    ("070700", 0.15, 1.0, -0.9, _FIELD, 0.8, 0.0),
    ("079900", 0.3, -0.1, 0.0, _FIELD, 0.5, 0.6),
    ("080100", 0.1, 0.8, -0.3, _FIELD, 0.9, 0.0),
    ("080200", 0.1, 1.2, -0.2, _FIELD, 0.9, 0.0),
    ("090100", 3.0, 0.0, 0.4, _PROCESS, 0.02, 0.0),
    ("090200", 2.6, 1.2, 0.5, _LAB, 0.05, 0.0),
    ("090300", 0.8, 0.1, 0.1, _LAB, 0.05, 0.0),
    ("099900", 0.9, 0.3, 0.0, _LAB, 0.1, 0.0),
    ("100100", 0.6, 0.0, 0.0, _RUN, 0.3, 0.0),
    ("100200", 0.1, 0.4, -0.4, _PROCESS, 0.8, 0.0),
    ("100300", 0.2, 1.5, -0.1, _FIELD, 0.9, 0.0),
    ("100400", 0.1, 0.3, -0.1, _RUN, 0.7, 0.0),
    ("100500", 0.1, 1.5, -0.2, _FIELD, 0.9, 0.0),
    ("109900", 0.2, 1.2, 0.0, _FIELD, 0.8, 0.0),
    ("110100", 0.4, 0.2, -0.2, _LAB, 0.3, 0.0),
    ("110200", 0.4, 0.0, -0.2, _LAB, 0.3, 0.0),
    ("110300", 0.3, -0.1, -0.3, _BENCH, 0.3, 0.0),
    ("110400", 0.2, 0.0, -0.4, _BENCH, 0.3, 0.0),
    ("110500", 0.3, 0.0, -0.3, _BENCH, 0.3, 0.0),
    ("119900", 0.4, 0.0, -0.4, _BENCH, 0.4, 0.0),
    ("120100", 3.4, 0.7, 0.2, _PROCESS, 0.1, 0.0),
    ("120200", 2.6, 0.1, 0.1, _PROCESS, 0.1, 0.0),
    ("120300", 4.2, 1.0, 0.4, _PROCESS, 0.05, 0.0),
    ("120400", 2.4, 0.3, 0.0, _PROCESS, 0.1, 0.0),
    ("120500", 0.3, -0.1, -0.2, _PROCESS, 0.1, 0.0),
    ("120600", 0.4, -0.1, -0.2, _PROCESS, 0.1, 0.0),
    ("129900", 1.4, 0.1, 0.1, _PROCESS, 0.1, 0.0),
    ("130100", 0.8, -0.2, 0.0, _BENCH, 0.02, 0.0),
    ("130200", 1.6, 0.3, 0.6, _FIELD, 0.02, 0.35),
    ("130400", 0.6, -0.1, -0.1, _BENCH, 0.05, 0.05),
    ("139900", 0.4, 0.0, -0.3, _BENCH, 0.05, 0.0),
    ("140100", 1.3, 0.3, 0.1, _LAB, 0.1, 0.0),
    ("149900", 0.4, 0.3, 0.0, _LAB, 0.1, 0.0),
    ("999900", 0.9, 0.0, -0.1, _LAB, 0.1, 0.0),
    ("050600", 0.1, 0.0, -0.9, _FIELD, 0.8, 0.0),
)

CLASSES: tuple[ClassHabits, ...] = tuple(
    ClassHabits(
        code=code,
        weight=weight,
        price=price,
        use=use,
        patterns=patterns,
        special=special,
        always_on=always_on,
    )
    for code, weight, price, use, patterns, special, always_on in sorted(_ROWS)
)
