"""Many numbers as one parameter of a statement."""

from collections.abc import Iterable


def int_array(numbers: Iterable[int]) -> str:
    """Numbers as an array's text; the statement casts it.

    What psycopg makes of a list looks at each number for what would have to be quoted: a city's
    keys take it ten times as long, in which no other question is answered.

    >>> int_array([1, -2]), int_array([])
    ('{1,-2}', '{}')
    """
    return f"{{{','.join(map(str, numbers))}}}"
