"""Documents by name and version, whatever they are."""

from typing import NamedTuple

import pytest

from models.shelf import DocumentError, Shelf, read_json


class Paper(NamedTuple):
    name: str
    version: int


def test_the_newest_counts_unless_a_version_is_asked_for() -> None:
    read: list[int] = []

    def papers() -> list[Paper]:
        read.append(1)
        return [Paper("a", 10), Paper("a", 9), Paper("b", 1)]

    shelf = Shelf(papers)
    assert read == []  # nothing is read before it is asked for
    assert shelf.shipped() == {"a": Paper("a", 10), "b": Paper("b", 1)}
    assert (shelf.versions("a"), shelf.versions("c")) == ([9, 10], [])
    assert (shelf.version("a"), shelf.version("a", 9)) == (Paper("a", 10), Paper("a", 9))
    assert (shelf.version("a", 8), shelf.version("c"), shelf.version("c", 1)) == (None,) * 3
    assert read == [1]


@pytest.mark.parametrize("data", [b"{", b"\xff", b"[" * 100_000], ids=["cut", "bytes", "deep"])
def test_what_is_no_json_is_told_by_its_name(data: bytes) -> None:
    class PaperError(DocumentError):
        pass

    with pytest.raises(PaperError, match=r"^paper\.json: is not JSON") as refused:
        read_json(data, "paper.json", PaperError)
    assert refused.value.problems[0][0] == "paper.json"
