"""Documents that ship, by name and version; mappings, report profiles and schemes are such.

Where their files lie, and how one is read, is said by the folders that ship them.
"""

import json
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Generic, Protocol, TypeVar


class DocumentError(ValueError):
    """A document is not what it should be; each problem is where it lies, and the rule."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{at or 'the document'}: {rule}" for at, rule in problems))
        self.problems = problems


class Document(Protocol):
    """What stands on a shelf."""

    @property
    def name(self) -> str:
        """What it is called, in all of its versions."""

    @property
    def version(self) -> int:
        """Which of them, from 1 on."""


D = TypeVar("D", bound=Document)


class Shelf(Generic[D]):
    """Documents of one kind, read the first time that one is asked for."""

    def __init__(self, read: Callable[[], Iterable[D]]) -> None:
        self._read = read

    @cached_property
    def _all(self) -> dict[str, dict[int, D]]:
        found: dict[str, dict[int, D]] = {}
        for document in self._read():
            found.setdefault(document.name, {})[document.version] = document
        return found

    @cached_property
    def _newest(self) -> dict[str, D]:
        return {name: of_name[max(of_name)] for name, of_name in self._all.items()}

    def shipped(self) -> dict[str, D]:
        """The newest version of each document, by name."""
        return self._newest

    def versions(self, name: str) -> list[int]:
        """The versions of a document, oldest first; none where it is not shipped."""
        return sorted(self._all.get(name, ()))

    def version(self, name: str, version: int | None = None) -> D | None:
        """One version of a document, or its newest; ``None``: there is none."""
        if version is None:
            return self._newest.get(name)
        return self._all.get(name, {}).get(version)


def read_json(data: bytes, name: str, refusal: type[DocumentError]) -> object:
    """What a file holds.

    Args:
        data: Its bytes.
        name: What it is called.
        refusal: Raised where it is no JSON.
    """
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise refusal([(name, f"is not JSON: {error}")]) from error
