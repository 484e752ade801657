"""Silence never helps: whatever heartbeats are dropped, no lower bound rises, nor a rank by it."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

import schemes
from models.confirmed import Claim, Confirmed, longest_step_us, partings, uncontested
from models.evaluation import Judged, amounts, evaluate
from models.fold import Row, open_pieces
from models.scheme_document import SchemeDocument
from models.segment import Piece, State
from models.session import Session, sessions
from models.usage import Window, measure
from tests import confirmed_oracle
from tests.chance import counted
from tests.folding import fold
from tests.strategies import BASE, SECOND

MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
HOLD = 180 * SECOND
WINDOW = Window(start_us=BASE + 10 * MINUTE, end_us=BASE + 150 * MINUTE)
GAP, SHORTEST = 300 * SECOND, MINUTE
LONGEST = longest_step_us(own_hold_us=None, interval_us=MINUTE)
EXAMPLES = counted("JISHI_CONFIRMED_EXAMPLES", 60)
Beat = tuple[int, State]


@st.composite
def streams(draw: st.DrawFn) -> list[Beat]:
    """A device that speaks once a minute, more or less, and is silent now and then."""
    at, found = BASE, []
    for _ in range(draw(st.integers(1, 25))):
        state = draw(st.sampled_from([State.RUNNING, State.RUNNING, State.IDLE, State.OFF]))
        for _ in range(draw(st.integers(1, 8))):
            found.append((at, state))
            at += draw(st.sampled_from([45, 60, 60, 60, 61, 75, 89])) * SECOND
        at += draw(st.sampled_from([0, 0, 0, 0, 100, 200, 1_000])) * SECOND
    return found


def pieces(beats: Sequence[Beat]) -> list[Piece]:
    rows = [Row(at_us=at, ts_us=at, state=state, hold_us=HOLD) for at, state in beats]
    track, closed = fold(rows)
    return [*closed, *open_pieces(track, BASE + 100 * HOUR)]


def claims(moments: Sequence[int]) -> st.SearchStrategy[list[Claim]]:
    """What was said of some instants, in their order, and not in the order in which it was said."""
    said = st.lists(st.tuples(st.sampled_from(moments), st.booleans()), max_size=4)
    return said.map(
        lambda found: sorted(
            Claim(at, number, external) for number, (at, external) in enumerate(found)
        )
    )


def external_us(found: Sequence[Session], said: Sequence[Claim]) -> int:
    """Of a session the newest counts."""
    held = [[one for one in said if each.start_us <= one.at_us < each.end_us] for each in found]
    return sum(
        each.running_us
        for each, those in zip(found, held, strict=True)
        if those and max(those, key=lambda one: one.number).external
    )


def confirmed(known: Sequence[Piece], said: Sequence[Claim]) -> Confirmed:
    sure: list[Piece] = []
    reach = 0
    for piece in known:
        follows = piece.start_us in (reach, piece.start_us - piece.start_us % HOUR)
        if follows and piece.step_us <= LONGEST:
            sure.append(piece)
            reach = piece.end_us
    cut = [
        (max(0, min(one.end_us, WINDOW.end_us) - max(one.start_us, WINDOW.start_us)), one.state)
        for one in sure
    ]
    found = sessions(sure, GAP, SHORTEST, WINDOW)
    unused = [(one.start_us, one.end_us, one.state) for one in sure if one.state < State.RUNNING]
    external = uncontested(said, partings(unused, GAP))
    return Confirmed(
        window_us=WINDOW.length_us,
        rated_us=40 * MINUTE,
        external_us=external_us(sessions(known, GAP, SHORTEST, WINDOW), said),
        running_us=sum(us for us, state in cut if state is State.RUNNING),
        unused_us=sum(us for us, state in cut if state is not State.RUNNING),
        effective_us=sum(one.running_us for one in found),
        effective_external_us=sum(
            one.running_us
            for one in found
            if any(one.start_us <= at < one.end_us for at in external)
        ),
    )


def measured(
    beats: Sequence[Beat], said: Sequence[Claim]
) -> tuple[Confirmed, tuple[int, int] | None]:
    known = pieces(beats)
    usage = measure(
        known,
        WINDOW,
        first_us=beats[0][0] if beats else None,
        schedule=None,
        session_gap_us=GAP,
        session_min_us=SHORTEST,
        rated_us=0,
    )
    return confirmed(known, said), (usage.effective_us, usage.known_us) if beats else None


def judged(
    name: str, beats: Sequence[Beat], claimed: Sequence[Claim], scheme: SchemeDocument
) -> Judged:
    found, figures = measured(beats, claimed)
    said = {"independent": "2", "guided": "0", "demonstrated": "31"}
    return Judged(
        subject_id=name,
        name=name,
        institution_id=f"i-{name}",
        institution_name=name,
        inputs=amounts(found, figures, None, said, scheme.inputs),
    )


#: Beside the shipped ones: what takes off, and what falls in steps.
OWN = SchemeDocument.parse(
    {
        "name": "own",
        "version": 1,
        "title": {"en": "own", "zh": "own"},
        "criteria": [
            {
                "name": "used",
                "title": {"en": "used", "zh": "used"},
                "weight": 50,
                "terms": [
                    {"input": "effective_s", "points": 1, "per": 60},
                    {"input": "value.guided", "over": "effective_s", "points": -1},
                ],
            },
            {
                "name": "known",
                "title": {"en": "known", "zh": "known"},
                "weight": 50,
                "terms": [
                    {
                        "input": "known_s",
                        "over": "window_s",
                        "steps": [{"from": 0.3, "points": 10}, {"from": 0.7, "points": 100}],
                    }
                ],
            },
        ],
    }
)
SCHEMES = [*schemes.shipped().values(), OWN]


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.data(), streams())
def test_dropping_heartbeats_never_raises_a_lower_bound_nor_a_rank_by_it(
    data: st.DataObject, whole: list[Beat]
) -> None:
    """And so adding true ones never lowers it: both ways are one and the same."""
    more = [beat for beat in whole if data.draw(st.integers(0, 3))]
    fewer = [beat for beat in more if data.draw(st.booleans())]
    claimed = data.draw(claims([at + 1 for at, _ in whole]))
    others = data.draw(st.lists(streams(), max_size=3))
    for scheme in SCHEMES:
        rivals = [judged(f"o{n}", beats, (), scheme) for n, beats in enumerate(others)]
        last: tuple[object, ...] | None = None
        for beats in (fewer, more, whole):
            found = evaluate(scheme, [judged("m", beats, claimed, scheme), *rivals])
            (one,) = (one for one in found if one.judged.subject_id in ("m", "i-m"))
            # Without a rank is behind all ranks.
            now = (one.score.points.lower, one.rank is not None, -(one.rank or 0))
            assert last is None or last[0] <= now[0]  # type: ignore[operator]
            assert last is None or last[1:] <= now[1:]
            last = now
            points = one.score.points
            assert points.lower <= points.upper
            if points.score is not None:
                assert points.lower <= points.score <= points.upper


@settings(max_examples=EXAMPLES, deadline=None)
@given(streams(), claims(range(BASE, BASE + 2 * HOUR, MINUTE)))
def test_confirmed_time_is_what_brute_force_finds(beats: list[Beat], said: list[Claim]) -> None:
    found = confirmed(pieces(beats), said)
    words = [(at, state.word) for at, state in beats]
    assert found[3:] == confirmed_oracle.figures(
        words,
        WINDOW.start_us,
        WINDOW.end_us,
        hold=HOLD,
        longest=LONGEST,
        gap=GAP,
        shortest=SHORTEST,
        said=said,
    )


def test_idle_heartbeats_that_are_left_out_make_figures_rise_and_no_lower_bound() -> None:
    """Why confirmed time is needed: a hold reaches over what is left out."""
    states = [State.RUNNING, State.IDLE, State.IDLE] * 40
    whole = [(BASE + n * MINUTE, state) for n, state in enumerate(states)]
    kept = [beat for beat in whole if beat[1] is State.RUNNING]
    scheme = schemes.shipped()["campus-benefit"]
    honest, silent = (judged("m", beats, (), scheme) for beats in (whole, kept))
    hours = [one.inputs["effective_s"] for one in (honest, silent)]
    assert hours[0].value is not None
    assert hours[1].value is not None
    assert hours[1].value > 2 * hours[0].value
    assert hours[1].low < hours[0].low


def test_silence_between_two_uses_does_not_make_the_first_external() -> None:
    """One session, said to be external and later internal: left out, what joins it parts it."""
    whole = [(BASE + n * MINUTE, State.RUNNING) for n in range(170)]
    said = [Claim(BASE + 20 * MINUTE, 1, True), Claim(BASE + 140 * MINUTE, 2, False)]
    parted = [beat for beat in whole if not 70 <= (beat[0] - BASE) // MINUTE < 80]
    scheme = schemes.shipped()["city-sharing"]
    honest, silent = (judged("m", beats, said, scheme) for beats in (whole, parted))
    found = [one.inputs["external_s"] for one in (honest, silent)]
    assert found[0].value == 0
    assert found[1].value is not None
    assert found[1].value > 3_000
    assert [one.low for one in found] == [0, 0]
    idle = [
        (at, State.IDLE if beat in range(70, 80) else state)
        for beat, (at, state) in enumerate(whole)
    ]
    assert judged("m", idle, said, scheme).inputs["external_s"].low > 2_000
