"""Column files with BIO, BIOES, BMES or BILOU tags; each tag column is a layer of spans."""

from typing import Iterable, Iterator, List, Optional, Sequence, Tuple

from .jsonl import shorten
from .record import CharSpan, Record

# BMES and BILOU are BIOES in other letters.
LETTERS = {"B": "B", "I": "I", "M": "I", "E": "E", "L": "E", "S": "S", "U": "S"}
# Written without spaces between words (spaCy's language codes).
UNSPACED_LANGUAGES = frozenset({"ja", "th", "zh"})

Row = Tuple[int, List[str]]


def read_bio(lines: Iterable[str], name: str, *, joiner: str = " ") -> Iterator[Record]:
    """Records of a column file, one for each block of lines.

    Ada     B-PER
    's      O
    London  B-LOC

    The first column is the token, every other column one layer of tags, so nested spans lie in
    different layers. Columns are separated by tabs, or by spaces where a line has no tab; blank
    lines separate the records, and -DOCSTART- lines are skipped. A layer that uses E-, L-, S-
    or U- anywhere has to close every span so.

    lines: the file's lines.
    name: the file's name, for messages.
    joiner: put between tokens; empty for languages written without spaces.
    RAISES (ValueError): a malformed line or tag sequence.
    """
    blocks = list(_read_blocks(lines, name))
    n_layers = len(blocks[0][0][1]) - 1 if blocks else 0
    closing = [
        any(LETTERS.get(columns[layer + 1][:1]) in ("E", "S") for b in blocks for _, columns in b)
        for layer in range(n_layers)
    ]
    for block in blocks:
        spans: List[CharSpan] = []
        for layer in range(n_layers):
            tags = [(number, columns[layer + 1]) for number, columns in block]
            spans.extend(_read_layer(tags, name, closing=closing[layer]))
        words = [columns[0] for _, columns in block]
        source = f"{name} line {block[0][0]}"
        yield Record.from_words(words, sorted(spans), joiner=joiner, source=source)


def _read_blocks(lines: Iterable[str], name: str) -> Iterator[List[Row]]:
    """Line numbers and columns of each record."""
    block: List[Row] = []
    n_columns = 0
    for number, line in enumerate(lines, start=1):
        # Not str.split(): an ideographic space is a token in Chinese files.
        line = line.rstrip(" \t\r\n")
        columns = line.split("\t") if "\t" in line else [c for c in line.split(" ") if c]
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


def _read_layer(tags: Sequence[Tuple[int, str]], name: str, *, closing: bool) -> Iterator[CharSpan]:
    """Spans of one tag column, in tokens. closing: a span has to end with E- or S-."""
    start = 0
    label: Optional[str] = None  # of the open span
    for i, (number, tag) in enumerate((*tags, (0, "O"))):  # the last O closes an open span
        letter, tag_label = _read_tag(tag, f"{name} line {number}")
        continues = letter in ("I", "E")
        if continues and tag_label != label:
            raise ValueError(
                f"{name} line {number}: {tag} must continue a span of {tag_label}, was after: "
                f"{tags[i - 1][1] if i else 'the start of the sentence'}. "
                f"Write B-{tag_label} where the span starts"
            )
        if label is not None and not continues:
            if closing:
                raise ValueError(
                    f"{name} line {tags[i - 1][0]}: a span must end with E- or S- (L- or U-) in "
                    f"a file that uses them, was: {tags[i - 1][1]}. Write the end tag"
                )
            yield start, i, label
        if letter in ("B", "S"):
            start, label = i, tag_label
        if letter in ("E", "S"):
            yield start, i + 1, tag_label
        if letter in ("E", "S", "O"):
            label = None


def _read_tag(tag: str, source: str) -> Tuple[str, str]:
    """Letter of the BIOES scheme and label; the label of O is empty."""
    letter, dash, label = tag.partition("-")
    if tag == "O":
        return "O", ""
    if letter not in LETTERS or not dash or not label:
        raise ValueError(
            f"{source}: a tag must be O or one of B- I- E- S- (M- L- U-) and a label, was: "
            f"{tag!r}. Keep only the token column and the columns of span tags"
        )
    return LETTERS[letter], label
