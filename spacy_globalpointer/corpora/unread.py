"""What looks like annotation in a record and is in no key that is read: never lost silently.

Names of keys and shapes of values tell it, whichever tool wrote them.
"""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from .messages import list_some, shorten
from .shapes import (
    LINGUISTIC,
    PARTS,
    are_borders,
    are_columns,
    are_mentions,
    has_place,
    has_type,
    is_fact,
    is_row,
    is_span,
    split_name,
)

# Whatever is in these is no annotation of spans: spaCy's classes of texts, a place for the rest.
FREE = frozenset({"meta", "metadata", "cats"})
# Words in names of keys. Lists and objects under these are annotation ...
ANNOTATION = frozenset(
    "annotation annotations annotated ent entity entities ents event events highlights iob iob2 "
    "bilou bioes mention mentions ner nes relation relations span spans spo triples triplets "
    "entidad entidade entidades entitat entitaten entite entites entita сущности".split()
)
# The same in languages without spaces between words: anywhere in a name.
WITHIN = re.compile("[实實][体體]|标注|標註|标记|標記|固有表現")
# ... and under these, unless they are classes of the whole text: names, or numbers by name.
LABELS = frozenset("label labels 标签".split())
# Lists about annotation that is somewhere else, or nowhere.
ABOUT = frozenset("count counts id ids map names set type types url urls vocab".split())
# A line of brat's .ann files.
BRAT = re.compile(r"^T\d+\t\S+ \d+ \d+", re.MULTILINE)
TAG = re.compile(r"O|[BIMELSU]-\S+")
# Deeper than any tool nests its annotation.
DEEPEST = 8


class _Text(NamedTuple):
    """What values are compared with.

    text: of the record.
    n_words: its tokens, where it has some.
    sizes: lengths that a list of tags may have.
    """

    text: str
    n_words: int | None
    sizes: frozenset[int]


def refuse_unread(
    row: Mapping[str, Any],
    source: str,
    *,
    known: Collection[str],
    words: Sequence[str] | None = None,
    text: Any = None,
) -> None:
    """Refuse a record with annotation in a key that is not read.

    row: a JSON object.
    source: file and line, for messages.
    known: the keys that are read.
    words: the tokens of the record.
    text: that it is about; None for its own.
    RAISES (ValueError): such a key.
    """
    text = row.get("text") if text is None else text
    text = text if isinstance(text, str) else ""
    n_words = None if words is None else len(words)
    sizes = frozenset({n_words or 0, len(text), len(text.split())})
    facts = _Text(text, n_words, sizes)
    others = {key: value for key, value in row.items() if key not in known and key not in FREE}
    for key, value in others.items():
        if _is_annotation(key, value, facts):
            raise ValueError(
                f'{source}: "{shorten(key)}" looks like annotation, but only '
                f"{_list_keys(known)} are read, was: {shorten(value)}. Write spans as "
                '"spans": [{"start": 0, "end": 3, "label": "X"}]; move what is no annotation of '
                'spans into "meta", or remove it'
            )


def refuse_single_span(row: Mapping[str, Any], source: str) -> None:
    """Refuse a record that is one span itself, as lines of a table are.

    row: a JSON object without "spans".
    source: file and line, for messages.
    RAISES (ValueError): it has start, end and a type.
    """
    others = {key: value for key, value in row.items() if key not in FREE}
    if has_place(others) and has_type(others):
        raise ValueError(
            f"{source}: a record that looks like one span must have it in a list, was: "
            f"the keys {list_some(sorted(others), 10)}. "
            'Write "spans": [{"start": 0, "end": 3, "label": "X"}]'
        )


def list_unread(row: Mapping[str, Any], *, known: Collection[str]) -> list[str]:
    """Keys that may hold annotation of a form that nobody knows: with lists, objects, or a name.

    row: a JSON object without annotation that is read.
    known: the keys that are read.
    """
    names = {key: split_name(key) for key in row if key not in known and key not in FREE}
    return [
        key
        for key, words in names.items()
        if row[key]
        and not words & (ABOUT | LINGUISTIC | PARTS)
        and (isinstance(row[key], (list, dict)) or bool(words & ANNOTATION))
    ]


def _list_keys(known: Collection[str]) -> str:
    *some, last = (f'"{key}"' for key in sorted(known))
    return f"{', '.join(some)} and {last}"


def _is_annotation(key: str, value: Any, facts: _Text, depth: int = 0) -> bool:
    """Whether a value looks like annotation of spans.

    key: its name, empty for an item of a list.
    depth: in the record.
    """
    words = split_name(key)
    by_name = not words & ABOUT
    if isinstance(value, str):
        if _is_annotation(key, _parse(value), facts, depth + 1):
            return True
        is_list = value.strip().startswith(("[", "{", "(")) and value.strip().endswith(tuple("]})"))
        if is_list and by_name and words & (ANNOTATION | LABELS) and len(value.strip()) > 2:
            return True
        return bool(BRAT.search(value)) or _are_tags(value.split(), facts)
    if not isinstance(value, (list, dict)) or not value or depth > DEEPEST:
        return False
    if by_name and (words & ANNOTATION or WITHIN.search(key)):
        return True
    if isinstance(value, list) and not any(isinstance(item, (list, dict)) for item in value):
        if any(isinstance(item, str) and BRAT.search(item) for item in value):
            return True
        return _are_tags(value, facts) or (not depth and _is_aligned(words, value, facts))
    if by_name and words & LABELS and not _are_numbers(value):
        return True
    if isinstance(value, dict):
        if are_columns(value) or are_mentions(value, facts.text):
            return True
        items = list(value.items())
    else:
        if any(is_span(item, facts.text) or is_row(item) for item in value):
            return True
        if not words & PARTS and are_borders(value, len(facts.text)):
            return True
        if all(is_fact(item, facts.text) for item in value):
            return True
        items = [("", item) for item in value]
    return any(_is_annotation(name, item, facts, depth + 1) for name, item in items)


def _parse(value: str) -> Any:
    """The list or object that a string holds as JSON, as cells of tables do; None if none."""
    if not re.fullmatch(r"\s*(\[.*\]|\{.*\})\s*", value, re.DOTALL):
        return None
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def _are_tags(values: Sequence[Any], facts: _Text) -> bool:
    """Whether these are BIO tags, of which one is O or which are as many as the tokens."""
    if len(values) < 2 and facts.n_words != 1:
        return False
    if not all(isinstance(v, str) and TAG.fullmatch(v) for v in values):
        return False
    return "O" in values or len(values) in facts.sizes


def _is_aligned(words: frozenset[str], values: Sequence[Any], facts: _Text) -> bool:
    """Whether a list has a label for each token, as names or numbers."""
    if len(values) < 2 or words & LINGUISTIC or not all(type(v) in (int, str) for v in values):
        return False
    if facts.n_words is not None:
        return len(values) == facts.n_words
    # Labels of a text are as many as its words by chance, but each stands there once.
    is_named = words & (LABELS | {"tag", "tags"}) and len(set(values)) < len(values)
    return bool(is_named and len(values) in facts.sizes)


def _are_numbers(value: Any) -> bool:
    """Whether an object has numbers by name, as classes of a text have."""
    return isinstance(value, dict) and all(isinstance(v, (int, float)) for v in value.values())
