"""What of an instrument's time in a period is confirmed: what bounds of its scores follow from.

The rule is in ``models/confirmed.py``. Closing freezes it for every instrument in service, heard or
not: one that never spoke has had its hours, too.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence

from models.confirmed import Claim, Confirmed, is_contested, partings, uncontested
from models.interval import Interval
from models.rated import rated
from models.record import Annotation, Source, Use
from models.segment import State
from models.usage import Window
from store.figures.subject import Subject
from store.reports.sessions import NO_SESSIONS, Both, chain_of
from store.run import Query, Steps
from store.statements import statements

_EXTERNAL = "external"


def load_confirmed(
    subjects: Mapping[int, Subject],
    windows: Mapping[int, Window],
    sessions: Mapping[int, Both],
    notes: Mapping[int, Sequence[Annotation]],
    uses: Mapping[int, Sequence[Use]],
) -> Steps[dict[int, Confirmed]]:
    """By instrument key.

    Args:
        subjects: By key; the caller bounds how many.
        windows: Service within the period, clipped to now.
        sessions: Of those that were heard, confirmed ones among them.
        notes: What was said of instants, in their order.
        uses: What the period records.
    """
    sums = yield from _load_sums([subjects[key] for key in sessions], windows)
    claims = {key: _claims(notes.get(key, ())) for key in sessions}
    between = yield from _load_partings(
        [subjects[key] for key, said in claims.items() if is_contested(said)], windows
    )
    found: dict[int, Confirmed] = {}
    for key, subject in subjects.items():
        window = windows[key]
        cut = sessions.get(key, (NO_SESSIONS, NO_SESSIONS))[1]
        spans = list(zip(cut.start_us.tolist(), cut.end_us.tolist(), strict=True))
        external = _external(spans, uncontested(claims.get(key, ()), between.get(key, ())))
        running, unused = sums.get(key, (0, 0))
        found[key] = Confirmed(
            window_us=window.length_us,
            rated_us=rated(subject.ratings, window),
            external_us=sum(
                use.effective_us
                for use in uses.get(key, ())
                if use.source is not Source.MANUAL
                and use.annotation is not None
                and use.annotation.user_type == _EXTERNAL
            ),
            running_us=running,
            unused_us=unused,
            effective_us=int(cut.running_us.sum()),
            effective_external_us=sum(
                us for us, chosen in zip(cut.running_us.tolist(), external, strict=True) if chosen
            ),
        )
    return found


def _claims(notes: Sequence[Annotation]) -> list[Claim]:
    return [
        Claim(note.at_us, note.annotation_id or 0, note.user_type == _EXTERNAL)
        for note in notes
        if note.user_type is not None
    ]


def _external(spans: Sequence[Interval], instants: Sequence[int]) -> list[bool]:
    """Whether an instant lies within each."""
    return [bisect_left(instants, start) < bisect_left(instants, end) for start, end in spans]


def _load_partings(
    subjects: Sequence[Subject], windows: Mapping[int, Window]
) -> Steps[dict[int, list[Interval]]]:
    """What parts sessions for sure, by instrument key."""
    asked = [subject for subject in subjects if windows[subject.key].length_us]
    if not asked:
        return {}
    rows = yield from Query[tuple[int, int, int, int]](
        statements("periods")["confirmed_unused"], chain_of(asked, windows), binary=True, heavy=True
    )
    unused: dict[int, list[tuple[int, int, State]]] = {subject.key: [] for subject in asked}
    for key, start, end, state in rows:
        unused[key].append((start, end, State(state)))
    return {one.key: partings(unused[one.key], one.session_gap_us) for one in asked}


def _load_sums(
    subjects: Sequence[Subject], windows: Mapping[int, Window]
) -> Steps[dict[int, tuple[int, int]]]:
    """Confirmed running time, and confirmed idle and off time, by instrument key."""
    asked = [subject for subject in subjects if windows[subject.key].length_us]
    if not asked:
        return {}
    found = yield from Query[tuple[int, int, int]](
        statements("periods")["confirmed_sums"], chain_of(asked, windows), binary=True, heavy=True
    )
    return {key: (running, unused) for key, running, unused in found}
