"""The mention in a span against the text at its offsets, and which reading of the offsets fits."""

import unicodedata
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, NamedTuple

from .messages import quote
from .shapes import MENTION, split_name

# Keys of a span, in small letters, that hold what stands in the text. Others with a word of
# shapes.MENTION may hold another form of it: compared where the text has it somewhere ...
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

# Signs: the names of the units, and how to count characters in their place.
UTF16 = "UTF-16 code units, in which an emoji is two"
UTF8 = "UTF-8 bytes"
CRLF_TWO = "a line break as two characters (CRLF)"
CRLF_ONE = "CRLF as one character"
TOKENS, CHARACTERS = "tokens", "characters of the joined tokens"
REPAIRS = {
    UTF16: "len(text.encode('utf-16-le')[: 2 * offset].decode('utf-16-le'))",
    UTF8: "len(text.encode()[:offset].decode())",
    CRLF_TWO: "offset - the number of line breaks before it, or write CRLF into the text",
    CRLF_ONE: "offset + the number of CRLF before it, or write them as \\n",
    TOKENS: 'in characters, or leave "text" out beside "tokens"',
    CHARACTERS: 'in tokens, or give "text" beside "tokens"',
}


class Cell(NamedTuple):
    """A span as it was given.

    start, end: end is exclusive.
    mention: None if the span has none.
    """

    start: int
    end: int
    label: Any
    mention: str | None


class Unit(NamedTuple):
    """What offsets count: the characters at which each of them starts and ends."""

    name: str
    starts: dict[int, int]
    ends: dict[int, int]

    def read(self, text: str, start: int, end: int) -> str | None:
        """What stands there; None outside the text."""
        if start not in self.starts or end not in self.ends:
            return None
        return text[self.starts[start] : self.ends[end]]


class _Reading(NamedTuple):
    """A unit, and what is to be added to start and end."""

    unit: Unit
    start: int
    end: int

    def read(self, text: str, cell: Cell) -> str | None:
        """What stands at a span's offsets; None outside the text."""
        return self.unit.read(text, cell.start + self.start, cell.end + self.end)

    def fits(self, text: str, cell: Cell) -> bool:
        """Whether a span's mention stands at its offsets, but for white space and Unicode form."""
        found = self.read(text, cell)
        return found is not None and _squash(found) == _squash(cell.mention or "")

    def score(self, text: str, cells: Sequence[Cell]) -> tuple[int, int]:
        """How many mentions stand at their offsets, and how many to the letter."""
        n_same = sum(self.read(text, cell) == cell.mention for cell in cells)
        return sum(self.fits(text, cell) for cell in cells), n_same


def find_mention(span: dict[str, Any], text: str) -> str | None:
    """The mention that a span has beside its offsets; None if it has none.

    text: of the record.
    """
    strings = {key: item for key, item in span.items() if isinstance(item, str) and item.strip()}
    for key, value in strings.items():
        if key.lower() in MENTIONS:
            return value
    for key, value in strings.items():
        words = split_name(key)
        if words & MENTION and not words & OTHER_FORM and value in text:
            return value
    return None


def check_mentions(
    text: str,
    cells: Sequence[Cell],
    source: str,
    *,
    words: Sequence[str] | None = None,
    joiner: str | None = None,
) -> None:
    """Refuse a record with a mention that is not at its offsets.

    text: of the record.
    cells: its spans.
    source: file and line, for messages.
    words: its tokens.
    joiner: that the text was joined with: then the offsets count tokens.
    RAISES (ValueError): such a mention, with the reading of the offsets that fits.
    """
    cells = [
        cell
        for cell in cells
        if cell.mention is not None and type(cell.start) is int and type(cell.end) is int
    ]
    if not cells:
        return
    characters = _count_characters(text)
    unit = characters if joiner is None else _count_tokens(text, words or ())
    given = _Reading(unit, 0, 0)
    wrong = next((cell for cell in cells if not given.fits(text, cell)), None)
    if wrong is None:
        return
    others = [characters._replace(name=CHARACTERS)] if joiner is not None else []
    if joiner is None:
        others = [*list_units(text), *([_count_tokens(text, words)] if words else ())]
    found = unit.read(text, wrong.start, wrong.end)
    raise ValueError(
        f"{source}: start and end must give the mention of the span, was: {quote(wrong.mention)} "
        f"({quote(wrong.label)}, {wrong.start} to {wrong.end}) where the text has "
        f"{'nothing' if found is None else quote(found)}. "
        f"{_advise(text, cells, wrong, given, others)}"
    )


def list_units(text: str) -> Iterator[Unit]:
    """What offsets may count in place of characters, as far as it makes a difference.

    text: that they belong to.
    """
    seen = [list(range(len(text) + 1))]
    signs = {
        "": lambda sign: 1,
        UTF16: lambda sign: len(sign.encode("utf-16-le", "surrogatepass")) // 2,
        UTF8: lambda sign: len(sign.encode("utf-8", "surrogatepass")),
    }
    breaks = {"": ("\n", 1), CRLF_TWO: ("\n", 2), CRLF_ONE: ("\r\n", 0)}
    for (name, width), (ending, (sign, size)) in product(signs.items(), breaks.items()):
        places = [0]
        for number, character in enumerate(text):
            is_break = text.startswith(sign, number) and text[number - 1 : number] != "\r"
            places.append(places[-1] + (size if is_break else width(character)))
        if places not in seen:
            seen.append(places)
            borders = {place: number for number, place in enumerate(places)}
            yield Unit(" and ".join(filter(None, (name, ending))), borders, borders)


def _advise(
    text: str, cells: Sequence[Cell], wrong: Cell, given: _Reading, others: Sequence[Unit]
) -> str:
    """Which reading fits most mentions, and what to do."""
    readings = [
        reading
        for reading in _list_readings(text, wrong, given.unit, others)
        if reading.fits(text, wrong)
    ]
    best = max(readings, key=lambda reading: reading.score(text, cells), default=given)
    n = best.score(text, cells)[0]
    if n <= given.score(text, cells)[0] or 2 * n < len(cells):
        return "No usual reading of the offsets fits: repair them, or the mention"
    what, repair = _describe(best, given.unit)
    return f"{n} of {len(cells)} mentions of this record fit if {what}. To fix: {repair}"


def _list_readings(
    text: str, wrong: Cell, unit: Unit, others: Sequence[Unit]
) -> Iterator[_Reading]:
    """Readings to try, the usual ones first."""
    yield _Reading(unit, 0, 1)
    for other in others:
        yield _Reading(other, 0, 0)
        yield _Reading(other, 0, 1)
    yield _Reading(unit, 0, -1)
    shifts = list(range(-FAR, FAR + 1))
    place = text.find(wrong.mention or "")
    while place >= 0 and len(shifts) < 2 * FAR + 1 + MOST_PLACES:
        shifts.append(place - wrong.start)
        place = text.find(wrong.mention or "", place + 1)
    for shift in sorted(set(shifts) - {0}, key=abs):
        yield _Reading(unit, shift, shift)
        yield _Reading(unit, shift, shift + 1)


def _describe(reading: _Reading, given: Unit) -> tuple[str, str]:
    """What a reading takes offsets for, and what to write in their place."""
    what: list[str] = []
    repair: list[str] = []
    if reading.unit is not given:
        what.append(f"offsets count {reading.unit.name}")
        first = reading.unit.name.split(" and ")[0]
        repair.append(f"count {'' if first in (TOKENS, CHARACTERS) else 'characters: '}")
        repair[-1] += REPAIRS[first]
    if reading.start:
        what.append(f"offsets are {_amount(reading.start)}")
        repair.append(f"{_add(reading.start)} each start and end")
    if reading.end > reading.start:
        what.append("ends are inclusive")
        repair.append("then add 1 to each end" if repair else "add 1 to each end")
    elif reading.end < reading.start:
        what.append("ends are 1 too large")
        repair.append("subtract 1 from each end")
    return " and ".join(what), ", ".join(repair)


def _amount(shift: int) -> str:
    return f"{abs(shift)} too {'large' if shift < 0 else 'small'}"


def _add(shift: int) -> str:
    return f"subtract {-shift} from" if shift < 0 else f"add {shift} to"


def _squash(text: str) -> str:
    """A text without white space, and with one way to write letters with accents."""
    return unicodedata.normalize("NFC", "".join(text.split()))


def _count_characters(text: str) -> Unit:
    places = {place: place for place in range(len(text) + 1)}
    return Unit("characters", places, places)


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
    return Unit(TOKENS, starts, ends)
