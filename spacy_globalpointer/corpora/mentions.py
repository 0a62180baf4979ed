"""The mention in a span against the text at its offsets, and which reading of the offsets fits."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, islice, product
from typing import Any, NamedTuple

from ..messages import quote
from ..spans import LabelledSpan
from .unread import MENTION, split_name

# Keys of a span, in small letters, that hold what stands in the text. Others with a word of
# MENTION may hold another form of it: compared where the text has it somewhere ...
MENTIONS = frozenset(
    "text mention surface surface_form surface_text covered_text coveredtext span_text "
    "matched_text quote exact".split()
)
# ... unless they say that it is one, or is about the span.
OTHER_FORM = frozenset(
    "after before canonical category class context head id label left lemma next norm normalized "
    "right tag type uri url".split()
)
# How many places of a mention are tried, and how far tokens may be shifted.
MOST_PLACES, FAR = 5, 2

# What offsets may count instead of characters, the width of a character, and the remedy; the same
# of line breaks.
WIDTHS: list[tuple[str, Callable[[str], int], str]] = [
    ("", lambda character: 1, ""),
    (
        "UTF-16 code units, in which an emoji is two",
        lambda character: len(character.encode("utf-16-le", "surrogatepass")) // 2,
        "len(text.encode('utf-16-le')[: 2 * offset].decode('utf-16-le'))",
    ),
    (
        "UTF-8 bytes",
        lambda character: len(character.encode("utf-8", "surrogatepass")),
        "len(text.encode()[:offset].decode())",
    ),
]
BREAKS = [
    ("", "(?!)", 1, ""),  # no break counts otherwise: a pattern that is nowhere
    (
        "a line break as two characters (CRLF)",
        r"(?<!\r)\n",
        2,
        "offset - the number of line breaks before it, or write CRLF into the text",
    ),
    (
        "CRLF as one character",
        r"\r(?=\n)",
        0,
        "offset + the number of CRLF before it, or write them as \\n",
    ),
]
# A span, and what should stand in the text at its offsets.
Mention = tuple[LabelledSpan, Any]


class Unit(NamedTuple):
    """A reading of offsets.

    name: what they count; empty for what they should.
    starts, ends: the character of the text that an offset stands for.
    repair: what to do if this is how they were meant.
    """

    name: str
    starts: dict[int, int]
    ends: dict[int, int]
    repair: str = ""

    def read(self, text: str, span: LabelledSpan) -> str | None:
        """What stands at the offsets of a span; None outside the text."""
        if span.start not in self.starts or span.end not in self.ends:
            return None
        return text[self.starts[span.start] : self.ends[span.end]]

    def score(self, text: str, mentions: Sequence[Mention]) -> tuple[int, int]:
        """How many mentions stand at their offsets, and how many to the letter.

        Otherwise white space and the form of Unicode may differ.
        """
        found = [(self.read(text, span), mention) for span, mention in mentions]
        n_fit = sum(a is not None and squash(a) == squash(mention) for a, mention in found)
        return n_fit, sum(a == mention for a, mention in found)

    def shift(self, start: int, end: int) -> "Unit":
        """The reading with something added to each start and end, in words."""
        names = [f"offsets count {self.name}"] if self.name else []
        repairs = [self.repair] if self.repair else []
        if start:
            size, way = abs(start), ("large", "small")[start > 0]
            names.append(f"offsets are {size} too {way}")
            what = f"subtract {size} from" if start < 0 else f"add {size} to"
            repairs.append(f"{what} each start and end")
        if end > start:
            names.append("ends are inclusive")
            repairs.append(f"{'then ' if repairs else ''}add 1 to each end")
        elif end < start:
            names.append("ends are 1 too large")
            repairs.append("subtract 1 from each end")
        starts = {place - start: character for place, character in self.starts.items()}
        ends = {place - end: character for place, character in self.ends.items()}
        return Unit(" and ".join(names), starts, ends, ", ".join(repairs))


def find_mention(span: dict[str, Any], text: str) -> str | None:
    """The mention that a span has beside its offsets; None if it has none."""
    strings = {key: item for key, item in span.items() if isinstance(item, str) and item.strip()}
    certain = (value for key, value in strings.items() if key.lower() in MENTIONS)
    likely = (
        value
        for key, value in strings.items()
        if split_name(key) & MENTION and not split_name(key) & OTHER_FORM and value in text
    )
    return next(certain, None) or next(likely, None)


def check_mentions(
    text: str,
    mentions: Sequence[Mention],
    source: str,
    *,
    words: Sequence[str] = (),
    in_tokens: bool = False,
) -> None:
    """Refuse a record with a mention that is not at its offsets.

    mentions: spans, each with what it says that stands there, if it says so.
    words: its tokens.
    in_tokens: whether the offsets count them.
    RAISES (ValueError): such a mention, with the reading of the offsets that fits.
    """
    mentions = [
        (span, mention)
        for span, mention in mentions
        if mention is not None and type(span.start) is int and type(span.end) is int
    ]
    if not in_tokens and all(_stands(text, span, mention) for span, mention in mentions):
        return
    characters, tokens = _count_characters(text), _count_tokens(text, words)
    given = tokens if in_tokens else characters
    wrong = next((m for m in mentions if not given.score(text, [m])[0]), None)
    if wrong is None:
        return
    others = [characters] if in_tokens else [*list_units(text), tokens]
    readings = _list_readings(text, wrong, given._replace(name="", repair=""), others)
    fitting = (unit for unit in readings if unit.score(text, [wrong])[0])
    best = max(fitting, key=lambda unit: unit.score(text, mentions), default=given)
    n = best.score(text, mentions)[0]
    advice = "No usual reading of the offsets fits: repair them, or the mention"
    if n > given.score(text, mentions)[0] and 2 * n >= len(mentions):
        advice = f"{n} of {len(mentions)} mentions of this record fit if {best.name}. "
        advice += f"To fix: {best.repair}"
    span, mention = wrong
    found = given.read(text, span)
    raise ValueError(
        f"{source}: start and end must give the mention of the span, was: {quote(mention)} "
        f"({quote(span.label)}, {span.start} to {span.end}) where the text has "
        f"{'nothing' if found is None else quote(found)}. {advice}"
    )


def list_units(text: str) -> Iterator[Unit]:
    """What offsets may count in place of characters, as far as it makes a difference.

    text: that they belong to.
    """
    seen = [list(range(len(text) + 1))]
    for (name, width, repair), (ending, pattern, size, remedy) in product(WIDTHS, BREAKS):
        widths = [width(character) for character in text]
        for found in re.finditer(pattern, text):
            widths[found.start()] = size
        places = [0, *accumulate(widths)]
        if places not in seen:
            seen.append(places)
            borders = {place: number for number, place in enumerate(places)}
            names = " and ".join(filter(None, (name, ending)))
            yield Unit(names, borders, borders, f"count characters: {repair or remedy}")


def _list_readings(
    text: str, wrong: Mention, given: Unit, others: Sequence[Unit]
) -> Iterator[Unit]:
    """Readings to try, the usual ones first."""
    yield given.shift(0, 1)
    for other in others:
        yield other.shift(0, 0)
        yield other.shift(0, 1)
    yield given.shift(0, -1)
    span, mention = wrong
    places = islice(re.finditer(f"(?={re.escape(mention)})", text), MOST_PLACES)
    shifts = {*range(-FAR, FAR + 1), *(place.start() - span.start for place in places)}
    for shift in sorted(shifts - {0}, key=lambda shift: (abs(shift), shift)):
        yield given.shift(shift, shift)
        yield given.shift(shift, shift + 1)


def _stands(text: str, span: LabelledSpan, mention: str) -> bool:
    """Whether a mention is at its offsets in characters."""
    is_inside = 0 <= span.start <= span.end <= len(text)
    return is_inside and squash(text[span.start : span.end]) == squash(mention)


def squash(text: str) -> str:
    """A text without white space, and with one way to write letters with accents, to compare."""
    return unicodedata.normalize("NFC", "".join(text.split()))


def _count_characters(text: str) -> Unit:
    places = {place: place for place in range(len(text) + 1)}
    repair = 'count in tokens, or give "text" beside "tokens"'
    return Unit("characters of the joined tokens", places, places, repair)


def _count_tokens(text: str, words: Sequence[str]) -> Unit:
    """Offsets in tokens, as far as these are found in the text."""
    starts: dict[int, int] = {}
    ends: dict[int, int] = {}
    place = 0
    for number, word in enumerate(words):
        place = text.find(word, place)
        if place < 0:
            break
        starts[number], ends[number + 1] = place, place + len(word)
        place += len(word)
    return Unit("tokens", starts, ends, 'count in characters, or leave "text" out beside "tokens"')
