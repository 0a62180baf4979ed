"""Column files with BIO, IOB1, BIOES, BMES or BILOU tags; each tag column is a layer of spans."""

import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby, pairwise

from ...messages import quote, shorten
from ...spans import LabelledSpan
from ..record import Record
from .columns import (
    NAMES,
    NO_WORDS,
    TAG,
    TOKENS,
    Row,
    choose_columns,
    find_numbers,
    note_unread,
)

# BMES and BILOU are BIOES in other letters.
LETTERS = {"B": "B", "I": "I", "M": "I", "E": "E", "L": "E", "S": "S", "U": "S"}
# The last column of a first line; lines of JSON end otherwise.
LAST_TAG = re.compile(r'-DOCSTART-|[^\n]*\S[\t ]+(O|[BIMELSU]-\S*[^\s\]},"])[^\S\n]*(\n|$)')
# A line of CoNLL-U: ten columns.
CONLLU = re.compile(r"1(-\d+)?(\t[^\t]+){9}$")
# Written without spaces between words (spaCy's language codes).
UNSPACED_LANGUAGES = frozenset({"ja", "th", "zh"})

# With E- or S- at the end of every span; I- may begin one; neither.
CLOSING, IOB1, IOB2 = "closing", "IOB1", "IOB2"


def read_bio(
    lines: Iterable[str], name: str, *, joiner: str = " ", columns: Sequence[str] = ()
) -> Iterator[Record]:
    """Records of a column file, one for each block of lines.

    Ada     B-PER
    's      O
    London  B-LOC

    Columns are separated by tabs, or by spaces where a line has no tab; blank lines separate the
    records; -DOCSTART- lines, and comments that start with "# ", are skipped. The first column is
    the token, or the second where the first counts 1, 2, 3 (CoNLL-U, GermEval 2014), or the one
    named form, token or word in a line "# global.columns = ID FORM NER" or in a first line of
    names. Every column of tags is a layer, so nested spans lie in different layers; of several, one
    of phrases (the third of CoNLL-2003) is none. Columns that are not read are noted, and words
    that are written as one (3-4 in CoNLL-U) are read as the single ones.

    A layer that uses E-, L-, S- or U- anywhere has to close every span so. In one whose every B-
    follows a span of the same label, or most of them, I- begins a span too (IOB1).

    columns: of tags, by name or by number from 1; empty for all that hold tags.
    RAISES (ValueError): a malformed line or tag sequence, no column of tags.
    """
    names: list[str] = []
    groups = groupby(_read_rows(lines, name, names, columns), key=bool)
    blocks = [list(filter(None, rows)) for is_block, rows in groups if is_block]
    numbers = find_numbers(blocks)
    left_out = [[] if numbers is None else _drop_unwritten(block, name) for block in blocks]
    chosen = choose_columns(blocks, numbers, names, columns, name)
    notes = tuple(note_unread(chosen, len(blocks[0][0][1]) if blocks else 0))
    layers = chosen.tags
    schemes = [find_scheme([[columns[i] for _, columns in b] for b in blocks]) for i in layers]
    for block, lost in zip(blocks, left_out, strict=True):
        spans: list[LabelledSpan] = []
        for layer, scheme in zip(layers, schemes, strict=True):
            tags = [(number, columns[layer]) for number, columns in block]
            spans.extend(read_layer(tags, name, scheme))
        words = [columns[chosen.tokens] for _, columns in block]
        source = f"{name} line {block[0][0]}"
        record = Record.from_words(words, sorted(spans), joiner=joiner, source=source)
        yield replace(record, notes=notes, left_out=tuple(lost))


def is_bio(head: str) -> bool:
    """Whether the first line of a file has a tag, or names its columns, or is one of CoNLL-U."""
    first, _, rest = head.partition("\n")
    if (
        LAST_TAG.match(head)
        or CONLLU.match(first)
        or any(map(TAG.fullmatch, first.split("\t")[1:]))
    ):
        return True
    second = next((x for x in rest.splitlines() if x.strip() and not is_comment(x)), "")
    is_named = not {x.lower() for x in _split(first)}.isdisjoint(TOKENS)
    return is_named and any(map(TAG.fullmatch, _split(second)[1:]))


def is_comment(line: str) -> bool:
    """Whether a line is a comment: "#", a space or tab, and no tags, which a token "#" has."""
    if not line.startswith("#"):
        return False
    line = line.rstrip(" \t\r\n")
    tags = _split(line)[1:]
    return line == "#" or (line.startswith(("# ", "#\t")) and not all(map(TAG.fullmatch, tags)))


def _split(line: str) -> list[str]:
    """The columns of a line."""
    return line.split("\t") if "\t" in line else list(filter(None, line.split(" ")))


def find_scheme(blocks: Sequence[Sequence[str]]) -> str:
    """Which scheme the tags of a layer have.

    blocks: tags of each record.
    """
    letters = {tag[0] for tags in blocks for tag in tags if tag[1:2] == "-"}
    if any(LETTERS.get(letter) in ("E", "S") for letter in letters):
        return CLOSING
    pairs = (pair for tags in blocks for pair in pairwise(("O", *tags)))
    # First letters of spans that follow none of the same label. CoNLL-2003 itself has two B- there.
    starts = Counter(tag[:1] for before, tag in pairs if before[2:] != tag[2:] and tag != "O")
    return IOB1 if starts["I"] > starts["B"] or not starts["B"] else IOB2


def _read_rows(
    lines: Iterable[str], name: str, names: list[str], wanted: Sequence[str]
) -> Iterator[Row | None]:
    """The rows of a file, and None between records.

    names: where those of the columns are written to.
    """
    n_columns, inside = 0, False
    for number, line in enumerate(lines, start=1):
        # Not str.split(): an ideographic space is a token in Chinese files.
        line = line.rstrip(" \t\r\n")
        columns = _split(line)
        if is_comment(line) and not (inside and len(columns) == n_columns):
            found = NAMES.match(line)
            names[:] = found[1].split() if found else names
            continue
        inside = bool(line) and columns[0] != "-DOCSTART-"
        if not inside:
            yield None
            continue
        if not n_columns and not names and _is_header(columns, wanted):
            names[:] = columns
            n_columns = len(columns)
            continue
        n_columns = n_columns or len(names) or len(columns)
        if len(columns) < 2 or len(columns) != n_columns or not columns[0]:
            raise ValueError(
                f"{name} line {number}: every line must have a token and the same number of tag "
                f"columns ({max(n_columns - 1, 1)} here), was: {shorten(line)}. "
                "Repair the line, or put a blank line between sentences"
            )
        yield number, list(map(sys.intern, columns))  # of a large file most are the same


def _is_header(columns: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether a first line has names: that of the tokens, or one that is wanted, and no tags."""
    is_named = not {x.lower() for x in columns}.isdisjoint(TOKENS) or set(wanted) & set(columns)
    return len(columns) > 1 and bool(is_named) and not any(map(TAG.fullmatch, columns[1:]))


def _drop_unwritten(block: list[Row], name: str) -> list[tuple[str, str]]:
    """Take rows out of a sentence that are no words by their number, and tell which."""
    lost = []
    words = []
    for number, row in block:
        what = next((what for form, what in NO_WORDS.items() if re.fullmatch(form, row[0])), None)
        if what:
            lost.append((what, f"{name} line {number}"))
        else:
            words.append((number, row))
    block[:] = words
    return lost


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
