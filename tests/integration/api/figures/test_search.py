"""``q=``: what instruments are found by, in which order, over pages, and by whom."""

from typing import Any

import pytest

from tests.integration.api.figures.world import Get, World

NAMES = {
    "a": ("场发射扫描电子显微镜", "010100", "h1"),
    "b": ("钨灯丝扫描电镜", "010100", "h2"),
    "c": ("三重四极杆液质联用仪", "010200", "h1"),
    "d": ("核磁共振波谱仪", "010600", "h2"),
    "e": ("SEM", None, "h1"),
}


@pytest.fixture
def fleet(world: World) -> World:
    for id_, (name, class_code, house) in NAMES.items():
        world.instrument(id_, institution=house, name=name, class_code=class_code, gateway="g")
    return world


def ids(answer: Any) -> str:
    return "".join(one["instrument_id"] for one in answer["items"])


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("SEM", "eab"),
        ("扫描 电子", "abe"),
        ("scanning electron", "abe"),
        ("Mass spectrometers", "c"),
        ("analytical", "abcd"),
        ("smdj", "abe"),
        ("h2 电镜", "b"),
        ("没有", ""),
    ],
)
def test_by_names_classes_synonyms_and_initials(
    get: Get, fleet: World, question: str, found: str
) -> None:
    assert ids(get("/v1/instruments", q=question)) == found


def test_the_best_come_first_over_pages(get: Get, fleet: World) -> None:
    pages, cursor = "", None
    while True:
        asked = {"q": "electron", "limit": 1} | ({"cursor": cursor} if cursor else {})
        answer = get("/v1/instruments", **asked)
        pages += ids(answer)
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert pages == ids(get("/v1/instruments", q="electron")) == "abe"
    assert ids(get("/v1/instruments", q="electron", sort="-instrument_id")) == "eba"


def test_other_filters_hold_beside_words(get: Get, fleet: World) -> None:
    assert ids(get("/v1/instruments", q="电镜", institution="h1")) == "ae"
    assert ids(get("/v1/instruments", q="电镜", connectivity="online")) == ""


def test_what_was_registered_meanwhile_is_found(get: Get, fleet: World) -> None:
    assert ids(get("/v1/instruments", q="示波器")) == ""
    fleet.instrument("f", institution="h1", name="数字示波器", gateway="g")
    fleet.conn.execute("UPDATE registry_revision SET revision = revision + 1")
    assert ids(get("/v1/instruments", q="oscilloscope")) == "f"


def test_a_fit_is_nothing_to_sort_by_without_words(get: Get, fleet: World) -> None:
    problem = get("/v1/instruments", sort="fit", status=422)
    assert "one of instrument_id" in str(problem)
