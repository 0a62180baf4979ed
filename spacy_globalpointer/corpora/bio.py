"""Column files with BIO, IOB1, BIOES, BMES or BILOU tags; each tag column is a layer of spans."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise

from ..spans import LabelledSpan
from .messages import quote, shorten
from .record import Record

# BMES and BILOU are BIOES in other letters.
LETTERS = {"B": "B", "I": "I", "M": "I", "E": "E", "L": "E", "S": "S", "U": "S"}
TAG = re.compile(r"O|[BIMELSU]-\S+")
# The last column of a first line; lines of JSON end otherwise.
LAST_TAG = re.compile(r'-DOCSTART-|[^\n]*\S[\t ]+(O|[BIMELSU]-\S*[^\s\]},"])[^\S\n]*(\n|$)')
# Written without spaces between words (spaCy's language codes).
UNSPACED_LANGUAGES = frozenset({"ja", "th", "zh"})

# With E- or S- at the end of every span; I- may begin one; neither.
CLOSING, IOB1, IOB2 = "closing", "IOB1", "IOB2"
# A line: its number, and its columns.
Row = tuple[int, list[str]]


def read_bio(lines: Iterable[str], name: str, *, joiner: str = " ") -> Iterator[Record]:
    """Records of a column file, one for each block of lines.

    Ada     B-PER
    's      O
    London  B-LOC

    The first column is the token, every other column one layer of tags, so nested spans lie in
    different layers. Columns are separated by tabs, or by spaces where a line has no tab; blank
    lines separate the records; -DOCSTART- lines, and comments that start with "# ", are skipped.
    A layer that uses E-, L-, S- or U- anywhere has to close every span so. In one whose every B-
    follows a span of the same label, I- begins a span too (IOB1).

    RAISES (ValueError): a malformed line or tag sequence.
    """
    groups = groupby(_read_rows(lines, name), key=bool)
    blocks = [list(filter(None, rows)) for is_block, rows in groups if is_block]
    layers = range(1, len(blocks[0][0][1]) if blocks else 1)
    schemes = [find_scheme([[columns[i] for _, columns in b] for b in blocks]) for i in layers]
    for block in blocks:
        spans: list[LabelledSpan] = []
        for layer, scheme in zip(layers, schemes, strict=True):
            tags = [(number, columns[layer]) for number, columns in block]
            spans.extend(read_layer(tags, name, scheme))
        words = [columns[0] for _, columns in block]
        source = f"{name} line {block[0][0]}"
        yield Record.from_words(words, sorted(spans), joiner=joiner, source=source)


def is_bio(head: str) -> bool:
    """Whether the last column of a file's first line is a tag."""
    return LAST_TAG.match(head) is not None


def is_comment(line: str) -> bool:
    """Whether a line is a comment: "# " and no tags after it, which a token "#" has."""
    line = line.rstrip(" \t\r\n")
    tags = _split(line)[1:]
    return line == "#" or (line.startswith("# ") and not all(map(TAG.fullmatch, tags)))


def _split(line: str) -> list[str]:
    """The columns of a line."""
    return line.split("\t") if "\t" in line else [c for c in line.split(" ") if c]


def find_scheme(blocks: Sequence[Sequence[str]]) -> str:
    """Which scheme the tags of a layer have.

    blocks: tags of each record.
    """
    if any(LETTERS.get(tag[:1]) in ("E", "S") for tags in blocks for tag in tags):
        return CLOSING
    pairs = (pair for tags in blocks for pair in pairwise(("O", *tags)))
    is_iob2 = any(tag.startswith("B-") and before[2:] != tag[2:] for before, tag in pairs)
    return IOB2 if is_iob2 else IOB1


def _read_rows(lines: Iterable[str], name: str) -> Iterator[Row | None]:
    """The rows of a file, and None between records."""
    n_columns, inside = 0, False
    for number, line in enumerate(lines, start=1):
        # Not str.split(): an ideographic space is a token in Chinese files.
        line = line.rstrip(" \t\r\n")
        columns = _split(line)
        if is_comment(line) and not (inside and len(columns) == n_columns):
            continue
        inside = bool(line) and columns[0] != "-DOCSTART-"
        if not inside:
            yield None
            continue
        n_columns = n_columns or len(columns)
        if len(columns) < 2 or len(columns) != n_columns or not columns[0]:
            raise ValueError(
                f"{name} line {number}: every line must have a token and the same number of tag "
                f"columns ({max(n_columns - 1, 1)} here), was: {shorten(line)}. "
                "Repair the line, or put a blank line between sentences"
            )
        yield number, columns


def read_layer(
    tags: Sequence[tuple[int, str]], name: str, scheme: str, *, unit: str = "line"
) -> Iterator[LabelledSpan]:
    """Spans of the tags of one record, in tokens.

    tags: number and tag of each token.
    name, unit: of the file and of what is numbered there, for messages.
    scheme: what find_scheme returned.
    RAISES (ValueError): another tag, a malformed sequence.
    """
    start = 0
    label: str | None = None  # of the open span
    for i, (number, tag) in enumerate((*tags, (0, "O"))):  # the last O closes an open span
        letter, own = _read_tag(tag, f"{name} {unit} {number}")
        continues = letter in ("I", "E") and own == label
        if letter == "I" and not continues and scheme == IOB1:
            letter = "B"
        if letter in ("I", "E") and not continues:
            before = shorten(tags[i - 1][1]) if i else "the start of the sentence"
            raise ValueError(
                f"{name} {unit} {number}: {shorten(tag)} must continue a span of {shorten(own)}, "
                f"was after: {before}. Write B-{shorten(own)} where the span starts"
            )
        if label is not None and not continues:
            if scheme == CLOSING:
                raise ValueError(
                    f"{name} {unit} {tags[i - 1][0]}: a span must end with E- or S- (L- or U-) in "
                    f"a file that uses them, was: {shorten(tags[i - 1][1])}. Write the end tag"
                )
            yield LabelledSpan(start, i, label)
            label = None
        if letter in ("B", "S"):
            start, label = i, own
        if letter in ("E", "S"):
            yield LabelledSpan(start, i + 1, own)
            label = None


def _read_tag(tag: str, source: str) -> tuple[str, str]:
    """Letter of the BIOES scheme and label; the label of O is empty."""
    letter, dash, label = tag.partition("-")
    if tag == "O":
        return "O", ""
    if letter not in LETTERS or not dash or not label:
        raise ValueError(
            f"{source}: a tag must be O or one of B- I- E- S- (M- L- U-) and a label, was: "
            f"{quote(tag)}. Keep only the token column and the columns of span tags"
        )
    return LETTERS[letter], label
