"""Which columns of a file hold the tokens and the tags."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from ...messages import list_some, quote
from ..reading import NUMBER

# A line: its number, and its columns.
Row = tuple[int, list[str]]

TAG = re.compile(r"O|[BIMELSU]-\S+")
# Names of the column of tokens, in small letters.
TOKENS = ("form", "token", "tokens", "word", "words")
# Of a file of CoNLL-U Plus.
NAMES = re.compile(r"#\s*global\.columns\s*=\s*(.*)")
# Numbers of lines that are no words, as CoNLL-U has them.
NO_WORDS = {
    r"\d+-\d+": "A line of words that are written as one",
    r"\d+\.\d+": "A line of a word that is not written",
}
# Phrases of CoNLL-2000 and of the German part of CoNLL-2003: tags, but of no entities.
PHRASES = frozenset(
    "ADJP ADVP CONJP INTJ LST NP PP PRT SBAR UCP VP NC VC PC AC CAC CNC CPC CVC".split()
)
PAIR = re.compile(r"[A-Za-z][\w.\[\]-]*=\S*")


class Columns(NamedTuple):
    """Columns of a file, from 0.

    numbers: of token numbers; None if there is none.
    tokens: of tokens.
    tags: of tags, one for each layer.
    names: of all columns; empty for none.
    """

    numbers: int | None
    tokens: int
    tags: tuple[int, ...]
    names: tuple[str, ...] = ()

    def name(self, column: int) -> str:
        """How a message calls a column."""
        return f"{column + 1} ({self.names[column]})" if self.names else str(column + 1)


def find_numbers(blocks: Sequence[Sequence[Row]]) -> int | None:
    """The column that numbers the words of each sentence from 1; None if there is none.

    blocks: rows of each sentence.
    """
    for block in blocks:
        ids = [columns[0] for _, columns in block]
        words = [id for id in ids if not any(re.fullmatch(form, id) for form in NO_WORDS)]
        if not words or words != [str(number + 1) for number in range(len(words))]:
            return None
    # Two columns, or two of tags, are those of a file whose tokens happen to be numbers.
    rows = [columns[1:] for _, columns in blocks[0]] if blocks else []
    return None if all(len(x) < 2 or TAG.fullmatch(x[0]) for x in rows) else 0


def choose_columns(
    blocks: Sequence[Sequence[Row]],
    numbers: int | None,
    names: Sequence[str],
    wanted: Sequence[str],
    source: str,
) -> Columns:
    """The columns of a file.

    blocks: rows of each sentence.
    numbers: as find_numbers returned.
    names: of the columns; empty for none.
    wanted: names or numbers (from 1) of the columns of tags; empty for those with tags of entities.
    RAISES (ValueError): a name or number that no column has, no column with tags.
    """
    small = [name.lower() for name in names]
    tokens = next((small.index(name) for name in TOKENS if name in small), 1 if numbers == 0 else 0)
    columns = Columns(numbers, tokens, (), tuple(names))
    width = len(names) or (len(blocks[0][0][1]) if blocks else 2)
    others = [at for at in range(width) if at not in (numbers, tokens)]
    if wanted:
        tags = [_find(name, names, others, source) for name in wanted]
    elif len(others) == 1 or not blocks:
        tags = others
    else:
        tags = _list_tag_columns(blocks, others)
    for at in tags:
        _refuse_pairs(blocks, columns, at, source)
    if not tags:
        shown = [f"{columns.name(at)}, as {quote(blocks[0][0][1][at])}" for at in others]
        raise ValueError(
            f"{source}: a column must hold tags (O, B-PER), was: {list_some(shown, 10)}. Write "
            "the tags into a column of their own"
        )
    return columns._replace(tags=tuple(tags))


def note_unread(columns: Columns, width: int) -> list[str]:
    """A note of each column that is not read."""
    read = {columns.numbers, columns.tokens, *columns.tags}
    return [f"Column {columns.name(at)} is not read" for at in range(width) if at not in read]


def _find(name: str, names: Sequence[str], others: Sequence[int], source: str) -> int:
    """The column that has a name or number."""
    number = re.fullmatch(NUMBER, name)
    at = names.index(name) if name in names else int(name) - 1 if number else -1
    if at not in others:
        known = list_some([*(names[x] for x in others if names), *(str(x + 1) for x in others)], 20)
        raise ValueError(
            f"{source}: --column must name a column of tags, as {known}, was: {quote(name)}. "
            "Numbers count from 1; names are those of a line # global.columns or of a first line"
        )
    return at


def _list_tag_columns(blocks: Sequence[Sequence[Row]], others: Sequence[int]) -> list[int]:
    """Columns at least half of whose values are tags; none of phrases, if there are others."""
    rows = [columns for block in blocks for _, columns in block]
    tags = [
        at for at in others if 2 * sum(bool(TAG.fullmatch(row[at])) for row in rows) >= len(rows)
    ]
    entities = [at for at in tags if not {row[at][2:] for row in rows} - {""} <= PHRASES]
    return entities or tags


def _refuse_pairs(blocks: Sequence[Sequence[Row]], columns: Columns, at: int, source: str) -> None:
    """Refuse a column of key=value, as MISC of CoNLL-U is."""
    for block in blocks:
        for number, row in block:
            if PAIR.match(row[at]):
                raise ValueError(
                    f"{source} line {number}: a column of tags must hold O or tags like B-PER, "
                    f"was: {quote(row[at])} in column {columns.name(at)}, which holds pairs. Write "
                    "the tags into a column of their own"
                )
