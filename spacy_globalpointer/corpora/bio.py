"""Column files with BIO, IOB1, BIOES, BMES or BILOU tags; each tag column is a layer of spans."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from ..spans import LabelledSpan
from .messages import quote, shorten
from .record import Record

# BMES and BILOU are BIOES in other letters.
LETTERS = {"B": "B", "I": "I", "M": "I", "E": "E", "L": "E", "S": "S", "U": "S"}
TAG = re.compile(r"O|[BIMELSU]-\S+")
# Written without spaces between words (spaCy's language codes).
UNSPACED_LANGUAGES = frozenset({"ja", "th", "zh"})

CLOSING, IOB1, IOB2 = "closing", "IOB1", "IOB2"

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

    lines: the file's lines.
    name: the file's name, for messages.
    joiner: put between tokens; empty for languages written without spaces.
    RAISES (ValueError): a malformed line or tag sequence.
    """
    blocks = list(_read_blocks(lines, name))
    n_layers = len(blocks[0][0][1]) - 1 if blocks else 0
    schemes = [_find_scheme([[c[i] for _, c in b] for b in blocks]) for i in range(1, n_layers + 1)]
    for block in blocks:
        spans: list[LabelledSpan] = []
        for layer in range(n_layers):
            tags = [(number, columns[layer + 1]) for number, columns in block]
            spans.extend(_read_layer(tags, name, schemes[layer]))
        words = [columns[0] for _, columns in block]
        source = f"{name} line {block[0][0]}"
        yield Record.from_words(words, sorted(spans), joiner=joiner, source=source)


def is_comment(line: str) -> bool:
    """Whether a line is a comment: "# " and no tags after it, which a token "#" has."""
    line = line.rstrip(" \t\r\n")
    tags = _split(line)[1:]
    return line == "#" or (line.startswith("# ") and not all(map(TAG.fullmatch, tags)))


def _split(line: str) -> list[str]:
    """The columns of a line."""
    return line.split("\t") if "\t" in line else [c for c in line.split(" ") if c]


def _find_scheme(blocks: Sequence[Sequence[str]]) -> str:
    """Which scheme a layer has: CLOSING, IOB1 or IOB2.

    blocks: its tags, record by record.
    """
    if any(LETTERS.get(tag[:1]) in ("E", "S") for tags in blocks for tag in tags):
        return CLOSING
    for tags in blocks:
        for before, tag in pairwise(("O", *tags)):
            if tag.startswith("B-") and before[2:] != tag[2:]:
                return IOB2
    return IOB1


def _read_blocks(lines: Iterable[str], name: str) -> Iterator[list[Row]]:
    """Line numbers and columns of each record."""
    block: list[Row] = []
    n_columns = 0
    for number, line in enumerate(lines, start=1):
        # Not str.split(): an ideographic space is a token in Chinese files.
        line = line.rstrip(" \t\r\n")
        columns = _split(line)
        if is_comment(line) and not (block and len(columns) == n_columns):
            continue
        if not line or columns[0] == "-DOCSTART-":
            if block:
                yield block
            block = []
            continue
        n_columns = n_columns or len(columns)
        if len(columns) < 2 or len(columns) != n_columns or not columns[0]:
            raise ValueError(
                f"{name} line {number}: every line must have a token and the same number of tag "
                f"columns ({max(n_columns - 1, 1)} here), was: {shorten(line)}. "
                "Repair the line, or put a blank line between sentences"
            )
        block.append((number, columns))
    if block:
        yield block


def _read_layer(tags: Sequence[tuple[int, str]], name: str, scheme: str) -> Iterator[LabelledSpan]:
    """Spans of one tag column, in tokens.

    scheme: with CLOSING a span has to end with E- or S-; with IOB1 it may start with I-.
    """
    start = 0
    label: str | None = None  # of the open span
    for i, (number, tag) in enumerate((*tags, (0, "O"))):  # the last O closes an open span
        letter, tag_label = _read_tag(tag, f"{name} line {number}")
        if scheme == IOB1 and letter == "I" and tag_label != label:
            letter = "B"
        continues = letter in ("I", "E")
        if continues and tag_label != label:
            before = shorten(tags[i - 1][1]) if i else "the start of the sentence"
            raise ValueError(
                f"{name} line {number}: {shorten(tag)} must continue a span of "
                f"{shorten(tag_label)}, was after: {before}. "
                f"Write B-{shorten(tag_label)} where the span starts"
            )
        if label is not None and not continues:
            if scheme == CLOSING:
                raise ValueError(
                    f"{name} line {tags[i - 1][0]}: a span must end with E- or S- (L- or U-) in "
                    f"a file that uses them, was: {shorten(tags[i - 1][1])}. Write the end tag"
                )
            yield LabelledSpan(start, i, label)
        if letter in ("B", "S"):
            start, label = i, tag_label
        if letter in ("E", "S"):
            yield LabelledSpan(start, i + 1, tag_label)
        if letter in ("E", "S", "O"):
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
