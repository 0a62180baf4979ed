"""brat's standoff format: annotation in a file named .ann, and its text in one named .txt.

Source: https://brat.nlplab.org/standoff.html
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ...messages import shorten
from ..mentions import squash
from ..reading import NUMBER, Reading
from ..record import Record
from ..text_files import BOM, read_lines
from .standoff import Connection, Standoff

SUFFIX = re.compile(r"\.ann(\.gz)?$")
CONFIGURATION = "annotation.conf"
# An id starts with a letter that says what it is of.
LINE = re.compile(r"([TREAMN#]\S*|\*)\t")
PIECE = f"{NUMBER} {NUMBER}"
SPAN = re.compile(rf"(\S+) ({PIECE}(?:;{PIECE})*)\t(.+)", re.DOTALL)
NOT_READ = {
    "A": "An attribute",
    "M": "An attribute",
    "N": "A normalisation",
    "#": "A note",
    "*": "An equivalence",
}
FORMS = {
    "T": "T1, a tab, label, start and end (as 0 3, or 0 3;5 9), a tab, and what stands there",
    "R": "R1, a tab, label, and two of role:id (as Arg1:T1 Arg2:T2)",
    "E": "E1, a tab, type:id of the trigger, and role:id for each argument",
}


class Bound(NamedTuple):
    """A span of a file: its id, start and end (exclusive) of its pieces, label, what it says."""

    id: str
    pieces: list[tuple[int, int]]
    label: str
    mention: str


def read_brat(path: Path, reading: Reading) -> Iterator[Record]:
    """The record of an .ann file and the .txt file beside it.

    T1  Person 0 3       Ada
    T2  Live 4 9         lived
    T3  City 13 19       London
    R1  BornIn Arg1:T1 Arg2:T3
    E1  Live:T2 Who:T1 Where:T3

    (Tabs are after the ids and before what stands in the text.) A discontinuous span is left out,
    unless there is only white space between its pieces, as where a span goes on in the next line.
    Attributes, normalisations, notes and equivalences are left out. An event that takes part in
    another is there as its trigger; roles that are numbered (Theme and Theme2) are one role. A text
    without relations or events is annotated with none of them if annotation.conf, in its folder or
    one above, has some.

    path: the .ann file.
    RAISES (ValueError): no text file, a line of another form, a mention that is not at its place,
        an id that nothing has.
    """
    standoff = Standoff("", str(path))
    bounds = []
    for number, line in enumerate(read_lines(path), start=1):
        line = line.rstrip("\n")
        if line.strip():
            bounds += _read_line(line, f"{path} line {number}", standoff)
    standoff.text, shift = _choose_text(_read_text(path), bounds)
    for id, pieces, label, mention in bounds:
        moved = [(start - shift, end - shift) for start, end in pieces]
        standoff.add_span(id, moved, label, mention)
    sections = _list_sections(path)
    yield standoff.build(has_relations="relations" in sections, has_events="events" in sections)


def is_brat(path: Path, head: str) -> bool:
    """Whether a file is named .ann."""
    return SUFFIX.search(path.name) is not None


def list_texts_alone(folder: Path) -> list[Path]:
    """Files named .txt without an .ann file beside them, in a folder that has some of these."""
    annotated = {SUFFIX.sub("", path.name) for path in folder.iterdir() if SUFFIX.search(path.name)}
    texts = sorted(folder.glob("*.txt")) if annotated else []
    return [path for path in texts if path.stem not in annotated]


def _read_line(line: str, source: str, standoff: Standoff) -> list[Bound]:
    """The span of a line; what else it may hold goes into the standoff."""
    id, _, rest = line.partition("\t")
    letter = id[:1]
    if not LINE.match(line):
        raise ValueError(
            f"{source}: a line must be an id that starts with T, R, E, A, M, N or #, or *, and a "
            f"tab, was: {shorten(line)}. Repair or remove it"
        )
    if letter in NOT_READ:
        standoff.drop(NOT_READ[letter], f"line {source.split()[-1]}" if id == "*" else id)
        return []
    if letter == "T":
        found = SPAN.fullmatch(rest)
        if found:
            pairs = [piece.split(" ") for piece in found[2].split(";")]
            return [Bound(id, [(int(a), int(b)) for a, b in pairs], found[1], found[3])]
    else:
        connection = _read_connection(id, rest)
        if connection:
            standoff.add_connection(connection)
            return []
    raise ValueError(
        f"{source}: a line must be {FORMS[letter]}, was: {shorten(line)}. Is the file cut off? "
        "Repair or remove the line"
    )


def _read_connection(id: str, rest: str) -> Connection | None:
    """The relation or event of a line; None if it has another form."""
    first, *others = rest.split() or [""]
    members = [part.rpartition(":") for part in others]
    label, colon, trigger = first.rpartition(":") if id[0] == "E" else (first, ":", first)
    is_whole = all(role and ref for role, _, ref in members) and label and colon and trigger
    if not is_whole or (id[0] == "R" and len(members) != 2):
        return None
    pairs = tuple((role, ref) for role, _, ref in members)
    if id[0] == "R":
        return Connection(id, label, pairs)
    roles = {role for role, _ in pairs}
    merged = ((role.rstrip("0123456789"), role, ref) for role, ref in pairs)
    numbered = tuple((base if base in roles else role, ref) for base, role, ref in merged)
    return Connection(id, label, numbered, trigger)


def _read_text(path: Path) -> str:
    """The text of an .ann file, with a byte order mark and line ends as they are."""
    stem = SUFFIX.sub("", path.name)
    for name in (f"{stem}.txt", f"{stem}.txt.gz"):
        if path.with_name(name).is_file():
            return "".join(read_lines(path.with_name(name), raw=True))
    raise ValueError(
        f"{path}: an .ann file must have its text beside it, was: {stem}.txt, which is missing. "
        "Put it there, or leave the .ann file out"
    )


def _choose_text(raw: str, bounds: Sequence[Bound]) -> tuple[str, int]:
    """The text, with the line ends that fit the offsets, and what these count too much.

    brat counts characters of the file; what others write may have counted CRLF as one, and no byte
    order mark. That is a part of the text only if a span says so.
    """
    text = raw.removeprefix(BOM)
    shifts = sorted({0, len(raw) - len(text)})
    texts = dict.fromkeys((text, text.replace("\r\n", "\n")))
    choices = [(text, shift) for text in texts for shift in shifts] + [(raw, 0)]

    def count(choice: tuple[str, int]) -> int:
        text, shift = choice
        found = (
            "".join(text[max(0, a - shift) : max(0, b - shift)] for a, b in bound.pieces)
            for bound in bounds
        )
        return sum(
            squash(piece) == squash(bound.mention)
            for piece, bound in zip(found, bounds, strict=True)
        )

    return max(choices, key=count)


def _list_sections(path: Path) -> set[str]:
    """Sections of the nearest annotation.conf that have types, as "relations" and "events"."""
    folders = path.absolute().parents
    found = next((f / CONFIGURATION for f in folders if (f / CONFIGURATION).is_file()), None)
    sections: set[str] = set()
    name = ""
    for line in read_lines(found) if found else ():
        line = line.strip()
        if re.fullmatch(r"\[\w+\]", line):
            name = line[1:-1]
        elif re.match(r"\w", line) and not line.startswith("Equiv"):
            sections.add(name)
    return sections
