"""Finding instruments by words: what they are called, where they stand, what else people say.

Every word of a question must fit an instrument by one of its *fields*; how well decides the
order. Fields are kept as values that occur and, by instrument, the place of its own, so that a
word is compared once with each name and not with each instrument. Words of Latin letters fit
synonyms and classes from a word's beginning on, since "MS" is no part of "systems".
"""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

#: How well a word fits: the whole id or name, a name's beginning, a part of it, what it is
#: (by class or synonym), where it stands, its gateway, the initials of its Chinese names.
ID, NAME, BEGINS, PART, KIND, HOUSE, GATEWAY, INITIALS = 100, 90, 60, 50, 40, 20, 5, 10
#: Initials of fewer letters fit too much; from the second number on they fit in the middle, too.
INITIALS_LEAST, INITIALS_WITHIN = 2, 3
#: Words of a question; more say nothing more.
WORDS_MOST = 16

Scores = npt.NDArray[np.int64]


class Synonyms(NamedTuple):
    """Words for one thing, in any language, and the classes that are it."""

    words: tuple[str, ...]
    class_codes: tuple[str, ...] = ()


class Named(NamedTuple):
    """What an instrument can be found by."""

    key: int
    instrument_id: str
    name: str
    model: str | None
    manufacturer: str | None
    institution_id: str
    #: In both languages.
    institution_names: Sequence[str]
    gateway_id: str
    class_code: str | None
    #: Of its class and the major one, in both languages.
    class_names: Sequence[str]


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that instruments are found by."""

    #: Each value once.
    values: list[str]
    #: By instrument, the place of its value.
    codes: npt.NDArray[np.int32]
    #: How well a word fits a value; 0: not at all.
    fits: Callable[[str, str], int]

    def scores(self, word: str) -> Scores:
        """By instrument."""
        fits = self.fits
        found = np.array([fits(word, value) for value in self.values], np.int64)
        scores: Scores = found[self.codes] if len(found) else np.zeros(0, np.int64)
        return scores


class Found(NamedTuple):
    """An instrument that every word fits."""

    key: int
    score: int


class Index:
    """All instruments of one state of the registry."""

    def __init__(self, instruments: Sequence[Named], synonyms: Sequence[Synonyms]) -> None:
        """Prepares; of 23,504 instruments in about a second, most of it for names not met before.

        Args:
            instruments: In any order.
            synonyms: What else things are called.
        """
        told = _thesaurus(tuple(synonyms))
        self._keys = np.array([one.key for one in instruments], np.int64)
        kinds = [told.terms(fold(one.name), one.class_code, one.class_names) for one in instruments]
        houses = [_lines(one.institution_id, *one.institution_names) for one in instruments]
        self._fields = [
            _field([fold(one.instrument_id) for one in instruments], _fits_id),
            _field([fold(one.name) for one in instruments], _fits_name),
            _field([_lines(one.model, one.manufacturer) for one in instruments], _fits_part),
            _field(kinds, _fits_terms),
            _field(houses, _fits_house),
            _field([fold(one.gateway_id) for one in instruments], _fits_gateway),
            _field([initials(one.name) for one in instruments], _fits_initials),
            _field([initials(kind) for kind in kinds], _fits_initials),
            _field([initials(house) for house in houses], _fits_initials),
        ]

    def find(self, question: str) -> list[Found]:
        """The instruments that every word fits, with the sum of how well; in no order.

        Args:
            question: Words, parted by blanks; without any, all instruments are meant.
        """
        total = np.zeros(len(self._keys), np.int64)
        meant = np.ones(len(self._keys), np.bool_)
        for word in fold(question).split()[:WORDS_MOST]:
            best = np.zeros(len(self._keys), np.int64)
            for field in self._fields:
                np.maximum(best, field.scores(word), out=best)
            meant &= best > 0
            total += best
        places = np.flatnonzero(meant)
        return [
            Found(key, score)
            for key, score in zip(self._keys[places].tolist(), total[places].tolist(), strict=True)
        ]


def best_score(question: str) -> int:
    """What `Index.find` gives at the most; 0 where a question has no words."""
    return ID * len(fold(question).split()[:WORDS_MOST])


def fold(text: str) -> str:
    """As texts are compared: full-width letters as narrow ones, small ones for capitals."""
    return unicodedata.normalize("NFKC", text).casefold()


@lru_cache(maxsize=1 << 16)
def initials(text: str) -> str:
    """First letters of the pinyin of a text's Chinese characters, line by line.

    >>> initials("扫描电镜")
    'smdj'
    """
    # Its dictionaries take 60 MB: not before somebody asks for letters.
    from pypinyin import Style, lazy_pinyin

    return "\n".join(
        "".join(lazy_pinyin(line, style=Style.FIRST_LETTER, errors="ignore"))
        for line in text.splitlines()
    )


def _lines(*texts: str | None) -> str:
    """Texts as lines, with a break before and after each."""
    told = [fold(text) for text in texts if text]
    return "\n" + "\n".join(told) + "\n" if told else ""


def _field(values: Sequence[str], fits: Callable[[str, str], int]) -> Field:
    places: dict[str, int] = {}
    codes = [places.setdefault(value, len(places)) for value in values]
    return Field(list(places), np.array(codes, np.int32), fits)


@lru_cache(maxsize=2)
def _thesaurus(synonyms: tuple[Synonyms, ...]) -> "_Thesaurus":
    """One for the same synonyms: what it has looked up once it knows with the next index, too."""
    return _Thesaurus(synonyms)


class _Thesaurus:
    """What an instrument of a name and class is called besides."""

    def __init__(self, synonyms: tuple[Synonyms, ...]) -> None:
        self._groups = [
            (tuple(fold(word) for word in one.words), frozenset(one.class_codes))
            for one in synonyms
        ]
        self._known: dict[tuple[str, str | None], str] = {}

    def terms(self, name: str, class_code: str | None, class_names: Sequence[str]) -> str:
        """Lines: the class in both languages, and the words of each thing that it is."""
        known = self._known.get((name, class_code))
        if known is None:
            told = list(class_names)
            lines = f"\n{name}\n"
            for words, codes in self._groups:
                if class_code in codes or any(_occurs(word, lines, whole=True) for word in words):
                    told += words
            known = self._known[name, class_code] = _lines(*told)
        return known


def _occurs(word: str, lines: str, *, whole: bool = False) -> bool:
    """Whether a word of Latin letters begins a word in lines; any other may stand anywhere.

    Args:
        word: To be found.
        lines: With a break before and after each.
        whole: It must end there as well.
    """
    at = lines.find(word)
    while at > 0:
        is_begun = not word[0].isascii() or not _is_letter(lines[at - 1])
        is_ended = not word[-1].isascii() or not _is_letter(lines[at + len(word)])
        if is_begun and (is_ended or not whole):
            return True
        at = lines.find(word, at + 1)
    return False


def _is_letter(character: str) -> bool:
    return character.isascii() and character.isalnum()


def _fits_id(word: str, value: str) -> int:
    return ID if word == value else (PART if word in value else 0)


def _fits_name(word: str, value: str) -> int:
    if word not in value:
        return 0
    return NAME if word == value else BEGINS if value.startswith(word) else PART


def _fits_part(word: str, value: str) -> int:
    return PART if word in value else 0


def _fits_terms(word: str, value: str) -> int:
    if not _occurs(word, value):
        return 0
    # The whole of a synonym says more than its beginning.
    return KIND if f"\n{word}\n" in value else KIND - 5


def _fits_house(word: str, value: str) -> int:
    return HOUSE if _occurs(word, value) else 0


def _fits_gateway(word: str, value: str) -> int:
    return GATEWAY if word in value else 0


def _fits_initials(word: str, value: str) -> int:
    if len(word) < INITIALS_LEAST or not word.isascii() or word not in value:
        return 0
    is_meant = len(word) >= INITIALS_WITHIN or f"\n{word}" in f"\n{value}"
    return INITIALS if is_meant else 0
