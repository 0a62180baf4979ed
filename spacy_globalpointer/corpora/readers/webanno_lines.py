"""Lines of WebAnno TSV 3: the text, its tokens and parts of them, with their offsets in it."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ...messages import shorten
from ...spans import LabelledSpan
from ..mentions import check_mentions
from ..reading import NUMBER
from .webanno_layers import Layer, read_layer_line, unescape

FORMAT = re.compile(r"#FORMAT=WebAnno TSV 3\.(\d{1,9})\s*")
TEXT = "#Text="
# Sentence and token, and the number of a part of the token; offsets; what stands there; cells.
UNIT = re.compile(rf"(\d+-\d+)(\.\d+)?\t({NUMBER})-({NUMBER})\t([^\t]*)((?:\t[^\t]*)*)")
# Java's escapes, until version 3.1.
UNICODE, LAST_WITH_UNICODE = re.compile(r"\\u([0-9a-fA-F]{4})"), 1
# Characters of two UTF-16 code units.
LONG = re.compile("[\U00010000-\U0010ffff]")


class TokenLine(NamedTuple):
    """A token, or an annotated part of one.

    id: as in the file.
    start, end (characters): the file has them in UTF-16 code units.
    text: that the file says is there.
    cells: after it.
    """

    id: str
    start: int
    end: int
    text: str
    cells: list[str]

    @property
    def is_part(self) -> bool:
        """Whether it is a part of a token."""
        return "." in self.id


@dataclass
class Export:
    """What is in a file: layers, text, and units in its order."""

    layers: list[Layer]
    text: str
    units: list[TokenLine]


def read_export(lines: Iterable[str], name: str) -> Export:
    """The layers, text and units of a file.

    name: of the file, for messages.
    RAISES (ValueError): a malformed line, a sentence without tokens, a token that is not at its
        offsets.
    """
    layers: list[Layer] = []
    units: list[TokenLine] = []
    pieces: list[str] = []
    sentence: list[str] = []  # its lines, until its first token shows where they are
    length = 0
    lines = iter(lines)
    minor = _read_version(next(lines, ""), f"{name} line 1")
    for number, line in enumerate(lines, start=2):
        line, source = line.rstrip("\n"), f"{name} line {number}"
        if line.startswith(TEXT):
            sentence.append(_unescape_text(line.removeprefix(TEXT), minor))
        elif line.startswith("#T_"):
            layers.append(read_layer_line(line, sum(len(x.features) for x in layers), source))
        elif line.strip() and not line.startswith("#"):
            units.append(_read_unit(line, source, layers))
            if sentence:
                pieces.append(_place(sentence, units[-1].start - length, not pieces, source))
                length += _measure(pieces[-1])
                sentence = []
    if sentence:
        raise ValueError(
            f"{name}: every sentence must have its tokens, was: none for {shorten(sentence[0])}. "
            "Is the file cut off? Export it again"
        )
    export = _count_characters(Export(layers, "".join(pieces), units), name)
    rest = export.text[max((unit.end for unit in export.units), default=0) :]
    if any(character.isalnum() for character in rest):
        raise ValueError(
            f"{name}: the tokens must go to the end of the text, was: none for "
            f"{shorten(rest.strip())}. Is the file cut off? Export it again"
        )
    return export


def _read_version(line: str, source: str) -> int:
    """Number of the version after "3."."""
    found = FORMAT.fullmatch(line)
    if not found:
        raise ValueError(
            f"{source}: the first line must be #FORMAT=WebAnno TSV 3.3 (or another 3), was: "
            f"{shorten(line.strip()) or 'nothing'}. Export the document as WebAnno TSV v3"
        )
    return int(found[1])


def _unescape_text(line: str, minor: int) -> str:
    """The text of a line."""
    if minor <= LAST_WITH_UNICODE:
        line = UNICODE.sub(lambda found: chr(int(found[1], 16)), line)
        line = line.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return unescape(line)


def _measure(text: str) -> int:
    """Length in UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _read_unit(line: str, source: str, layers: Sequence[Layer]) -> TokenLine:
    found = UNIT.fullmatch(line)
    n_cells = sum(len(layer.features) for layer in layers)
    cells = found[6].split("\t")[1:] if found else []
    if not found or len(cells) < n_cells or any(cells[n_cells:]):
        raise ValueError(
            f"{source}: a line must be a number (1-1), offsets (0-3), a token, and {n_cells} "
            f"columns for the layers of the header, with tabs between them, was: {shorten(line)}. "
            "Is the file cut off? Export it again"
        )
    id = found[1] + (found[2] or "")
    return TokenLine(id, int(found[3]), int(found[4]), found[5], cells[:n_cells])


def _place(sentence: Sequence[str], gap: int, is_first: bool, source: str) -> str:
    """The text of a sentence, with the white space before it.

    gap: how much that is.
    """
    if gap < 0:
        raise ValueError(
            f"{source}: a sentence must start after the one before, was: its first token {-gap} "
            "characters too early. Offsets count UTF-16 code units from the start of the document: "
            "export it again"
        )
    return (" " * gap if is_first else ("\n" + " " * gap)[:gap]) + "\n".join(sentence)


def _count_characters(export: Export, name: str) -> Export:
    """The same with offsets in characters, which the text of each unit is compared with."""
    # First code units of the characters that have two.
    pairs = [found.start() + n for n, found in enumerate(LONG.finditer(export.text))]
    units, mentions = [], []
    for unit in export.units:
        start, end = (place - bisect_left(pairs, place) for place in (unit.start, unit.end))
        units.append(unit._replace(start=start, end=end))
        if start < end or unit.text:
            mentions.append((LabelledSpan(start, end, unit.id), unit.text))
    check_mentions(export.text, mentions, name)
    return Export(export.layers, export.text, units)
