"""The three small notations of a mapping: topic patterns, places in a payload, names made of both.

All are levels parted by ``/``, in which ``{word}`` stands for something:

- a topic pattern, ``tele/{device}/SENSOR``: ``{word}`` takes some characters of one level,
  ``{word+}`` one or more whole levels;
- a place, ``ENERGY/Power``: members of objects and numbers of array elements, from the record,
  or with a leading ``/`` from the whole payload; ``""`` is the record itself. Where records are
  looked for, ``{word}`` takes each member that fits. As in JSON Pointer (RFC 6901) ``~1`` is a
  ``/`` within a name and ``~0`` a ``~``;
- a name, ``switch:{n}``: what was taken is put in.

What is wrong with a text is said by ``ValueError``.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

#: Characters of a topic below ``native/``, and of a member's name; longer ones fit no pattern.
#: With that, and two words a level at most, no text of a device is looked through for long.
LONGEST_TOPIC: Final = 1_000
LONGEST_MEMBER: Final = 256
_MOST_WORDS: Final = 2  # a level

_CAPTURE = re.compile(r"\{([a-z_]+)(\+?)\}")
_is_index = re.compile("0|[1-9][0-9]{0,5}").fullmatch

Match = Callable[[str], "re.Match[str] | None"]


def captures(text: str) -> list[str]:
    """The words in braces, in order."""
    return [match[1] for match in _CAPTURE.finditer(text)]


def topic_pattern(text: str) -> Match:
    """A function that matches whole topics below ``native/``."""
    if not text or text.startswith("/") or text.endswith("/"):
        raise ValueError("must be levels parted by /, none of them empty at an end")
    if "#" in text or "+" in _CAPTURE.sub("", text):
        raise ValueError("takes {word} for a level and {word+} for one or more, not + and #")
    open_ended = [match[0] for match in _CAPTURE.finditer(text) if match[2]]
    if len(open_ended) > 1:
        raise ValueError("may take levels without number, {word+}, only once")
    if open_ended and open_ended[0] not in text.split("/"):
        raise ValueError("takes whole levels by {word+}, with nothing else beside it")
    return _compiled(text)


def name_pattern(text: str) -> Match:
    """A function that matches whole names: one step of a place."""
    if any(match[2] for match in _CAPTURE.finditer(text)):
        raise ValueError("{word+} is for topics; a step of a place takes {word}")
    matched = _compiled(text)
    return lambda name: matched(name) if len(name) <= LONGEST_MEMBER else None


def _compiled(text: str) -> Match:
    names = captures(text)
    if len(set(names)) < len(names):
        raise ValueError("takes the same word twice")
    if any(len(captures(level)) > _MOST_WORDS for level in text.split("/")):
        raise ValueError(f"takes more than {_MOST_WORDS} words of a level")
    if "}{" in text:
        raise ValueError("takes two words with nothing between them: which is which?")
    spelled, start = "", 0
    for match in _CAPTURE.finditer(text):
        spelled += _literal(text[start : match.start()])
        spelled += f"(?P<{match[1]}>{'.+' if match[2] else '[^/]+'})"
        start = match.end()
    return re.compile(spelled + _literal(text[start:]), re.DOTALL).fullmatch


def _literal(text: str) -> str:
    if "{" in text or "}" in text:
        raise ValueError("has a brace that is not {word}, in small letters, or {word+}")
    return re.escape(text)


@dataclass(frozen=True, slots=True)
class Place:
    """Where something lies, without anything to take."""

    text: str
    #: From the whole payload, not from the record.
    absolute: bool
    steps: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> "Place":
        """Read ``ENERGY/Power`` or ``/params/ts``."""
        if captures(text):
            raise ValueError("must be a place without {word}")
        absolute = text.startswith("/")
        return cls(text, absolute, tuple(map(_unescaped, _steps(text))))


@dataclass(frozen=True, slots=True)
class Places:
    """Where records lie: every step a name, or a pattern that members must fit."""

    steps: tuple[str | Match, ...]

    @classmethod
    def parse(cls, text: str) -> "Places":
        """Read ``params/switch:{n}``; always from the whole payload."""
        names = captures(text)
        if len(set(names)) < len(names):
            raise ValueError("takes the same word twice")
        return cls(
            tuple(
                name_pattern(_unescaped(step)) if captures(step) else _unescaped(step)
                for step in _steps(text)
            )
        )

    def find(self, root: object) -> Iterator[tuple[object, dict[str, str]]]:
        """Every value that lies there, in the payload's order, and what was taken on the way."""
        return _find(root, self.steps, {})


def _find(
    node: object, steps: tuple[str | Match, ...], taken: dict[str, str]
) -> Iterator[tuple[object, dict[str, str]]]:
    if not steps:
        yield node, taken
        return
    step, rest = steps[0], steps[1:]
    if isinstance(step, str):
        child = member(node, step)
        if child is not None:
            yield from _find(child, rest, taken)
        return
    members: Iterator[tuple[str, object]] = iter(())
    if isinstance(node, dict):
        members = iter(node.items())
    elif isinstance(node, list):
        members = ((str(number), value) for number, value in enumerate(node))
    for name, value in members:
        match = step(name)
        if match is not None and value is not None:
            yield from _find(value, rest, {**taken, **match.groupdict()})


def _steps(text: str) -> list[str]:
    text = text.removeprefix("/")
    steps = text.split("/") if text else []
    if "" in steps:
        raise ValueError("has an empty step; places are names parted by /")
    for step in steps:
        if re.search("~(?![01])", step):
            raise ValueError("has a ~ that is neither ~0, a ~, nor ~1, a /")
    return steps


def _unescaped(step: str) -> str:
    return step.replace("~1", "/").replace("~0", "~")


def member(node: object, step: str) -> object:
    """A member of an object, or an element of an array by its number; ``None``: no such."""
    if isinstance(node, dict):
        return node.get(step)
    if isinstance(node, list) and _is_index(step) and int(step) < len(node):
        return node[int(step)]
    return None


@dataclass(frozen=True, slots=True)
class Name:
    """A name made of what was taken."""

    #: Literal texts, and words to put in, in turns; the first is literal.
    parts: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> "Name":
        """Read ``switch:{n}``."""
        parts, start = [], 0
        for match in _CAPTURE.finditer(text):
            if match[2]:
                raise ValueError("names a word as {word}, without the +")
            parts += [text[start : match.start()], match[1]]
            start = match.end()
        parts.append(text[start:])
        if not text or any("{" in part or "}" in part for part in parts[::2]):
            raise ValueError("must be a text in which {word} stands for what was taken")
        return cls(tuple(parts))

    def fill(self, taken: Mapping[str, str]) -> str:
        """The name; every word of it must have been taken."""
        parts = self.parts
        if len(parts) == 3:  # nearly always
            return parts[0] + taken[parts[1]] + parts[2]
        return "".join(taken[part] if i % 2 else part for i, part in enumerate(parts))
