"""Hugging Face's datasets of tagged tokens: `tokens` and `ner_tags`, as names or numbers.

Source: the cards and viewers of conll2003, wnut_17, wikiann, germeval_14, few-nerd and tner there.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from typing import Any

from ...messages import list_some, shorten
from ...spans import LabelledSpan
from ..containers import Rows, check_object
from ..reading import Reading
from ..record import Record, check_words
from ..unread import LINGUISTIC, PARTS, refuse_unread, split_name
from .bio import TAG, find_scheme, read_layer
from .dialects import Dialect

TOKENS = ("tokens", "words")
# Words of keys that name tags of entities, and those of keys that do where none has one of these.
NAMES = frozenset({"ner", "ne", "nes", "entity", "entities"})
PLAIN = frozenset({"tag", "tags", "label", "labels"})
# Rows that tell the scheme of the tags.
SAMPLE = 10_000
IO = "IO"
# A tag with its letter before or after the label; the letter is found first.
POSITIONS = (
    re.compile(r"([BI])(?:[-_.:](.*))?", re.IGNORECASE),
    re.compile(r"(?=.*[-_.:]([BI])$)(.*).{2}", re.IGNORECASE),
)


def read_hugging_face(rows: Rows, reading: Reading) -> Iterator[Record]:
    """Records of rows with tokens and tags.

    {"id": "0", "tokens": ["Ada", "Lovelace", "lives"], "ner_tags": ["B-PER", "I-PER", "O"]}

    Each list of tags whose key has the word "ner" is a layer of spans; without one "tags" or
    "labels" is. The tokens are joined, unless there is a "text" that has them. Numbers are named by
    the file's own description (parquet), or by `reading.tag_names`. Schemes are those of column
    files; if no tag has a letter such as "B-" before it, neighbours with one label are one span.
    Another list with something for each token, such as tags of chunks, is not read, which is noted
    (but for parts of speech and the like). A row without tags is not annotated.

    RAISES (ValueError): no tokens, another number of tags, numbers without names, malformed tags,
        annotation in another key.
    """
    first = [_read_row(row, source, reading) for source, row in islice(rows, SAMPLE)]
    rest = (_read_row(row, source, reading) for source, row in rows)
    keys = dict.fromkeys(key for _, layers in first for key in layers)
    schemes = {
        key: _find_scheme(key, [(r.source, t[key]) for r, t in first if key in t]) for key in keys
    }
    for record, layers in chain(first, rest):
        if not layers:
            yield record
            continue
        notes = [*record.notes]
        spans: list[LabelledSpan] = []
        for key, tags in layers.items():
            scheme = schemes.get(key) or _find_scheme(key, [(record.source, tags)])
            spans.extend(_read_tags(tags, record.source, scheme))
            if scheme == IO:
                notes.append(f'"{key}" has no B-: neighbours with one label are read as one span')
        places = _find_places(record)
        found = tuple(LabelledSpan(places[s][0], places[e - 1][1], x) for s, e, x in sorted(spans))
        yield replace(record, spans=found, notes=tuple(notes))


def is_hugging_face(row: Any) -> bool:
    """Whether a row has tokens, and a tag for each."""
    if not isinstance(row, dict):
        return False
    words = next((row[key] for key in TOKENS if isinstance(row.get(key), list)), None)
    if words is None or not all(isinstance(word, str) for word in words):
        return False
    return any(_is_tags(value, len(words)) for key, value in row.items() if key in _find_keys(row))


def _read_row(row: Any, source: str, reading: Reading) -> tuple[Record, dict[str, list[str]]]:
    """The record of a row without its spans, and the names of its tags by their key."""
    row = check_object(row, source)
    words_key = next((key for key in TOKENS if key in row), TOKENS[0])
    words = row.get(words_key)
    check_words(words, source=source)
    keys = _find_keys(row)
    others = [
        key
        for key, value in row.items()
        if key not in {words_key, *keys} and _is_other(key, value, words)
    ]
    refuse_unread(row, source, known={words_key, "text", *keys, *others}, words=words)
    layers = {key: _name_tags(row[key], key, source, reading) for key in keys}
    for key, tags in layers.items():
        if len(tags) != len(words):
            raise ValueError(
                f'{source}: "{key}" must have a tag for each of the {len(words)} tokens, was: '
                f"{len(tags)} tags. Repair them"
            )
    notes = [f'"{key}" is not read' for key in others if not split_name(key) & (LINGUISTIC - PARTS)]
    fields = {key: value for key, value in row.items() if key not in {words_key, *keys}}
    record = Record.from_words(words, None, joiner=reading.joiner, source=source)
    text = fields.pop("text", None)
    if isinstance(text, str):
        own = replace(record, text=text, words=tuple(words), unknown_spaces=False)
        is_there = len(_find_places(own)) == len(words)
        record = own if is_there else record
        notes += [] if is_there else ['"text" is not read: it does not have the tokens']
    return replace(record, notes=tuple(notes), fields=fields), layers


def _find_places(record: Record) -> list[tuple[int, int]]:
    """Start and end of each word in the text (characters), as far as they are there in order."""
    places, place = [], 0
    for word in record.words or ():
        start = record.text.find(word, place)
        if start < 0 or record.text[place:start].strip():
            break
        place = start + len(word)
        places.append((start, place))
    return places


def _find_keys(row: dict[str, Any]) -> list[str]:
    """The keys of the tags of entities, in their order."""
    lists = [key for key, value in row.items() if isinstance(value, list)]
    named = [key for key in lists if split_name(key) & NAMES]
    # Numbers beside the same tags by name.
    by_name = [key for key in named if not split_name(key) & {"index", "id", "ids"}]
    return by_name or named or [key for key in lists if split_name(key) <= PLAIN][:1]


def _is_tags(value: Any, n_words: int) -> bool:
    are_tags = isinstance(value, list) and all(type(item) in (str, int) for item in value)
    return are_tags and len(value) == n_words


def _is_other(key: str, value: Any, words: Sequence[str]) -> bool:
    """Whether this is a list of other tags, or of the mentions that the tags have, too."""
    is_mentions = key == "spans" and isinstance(value, list)
    is_mentions = is_mentions and all(isinstance(item, str) for item in value)
    return is_mentions or _is_tags(value, len(words))


def _name_tags(tags: Any, key: str, source: str, reading: Reading) -> list[str]:
    """The tags as names."""
    names, numbers = reading.tag_names, [tag for tag in tags if type(tag) is int]
    if not numbers:
        wrong = [tag for tag in tags if not isinstance(tag, str)]
        if wrong:
            raise ValueError(
                f'{source}: "{key}" must be a list of names or of numbers, was: '
                f"{shorten(wrong[0])} in it. Repair it"
            )
        return tags
    if not names:
        raise ValueError(
            f'{source}: the numbers in "{key}" must have names, was: {list_some(numbers)}. Give '
            "the names in their order, as the dataset's card has them: --tag-names O,B-PER,I-PER"
        )
    unknown = [tag for tag in tags if type(tag) is not int or not 0 <= tag < len(names)]
    if unknown:
        raise ValueError(
            f'{source}: a number in "{key}" must be one of 0 to {len(names) - 1}, as there are '
            f"{len(names)} names of tags, was: {shorten(unknown[0])}. Name all tags, or repair it"
        )
    return [names[tag] for tag in tags]


def _find_scheme(key: str, rows: Sequence[tuple[str, Sequence[str]]]) -> str:
    """The scheme of a layer; IO if no tag has a letter.

    rows: source and tags of each.
    RAISES (ValueError): tags of something else.
    """
    tags = {tag for _, own in rows for tag in own}
    if tags <= {"O"} or any(TAG.fullmatch(tag) for tag in tags - {"O"}):
        return find_scheme([own for _, own in rows])
    written = _find_positions(tags)
    if written:
        raise ValueError(
            f"{rows[0][0]}: tags of entities must be O, or a letter, - and a label, was: "
            f'"{key}" with {list_some(written)}. Write them as B-PER and I-PER'
        )
    if "O" not in tags:
        raise ValueError(
            f'{rows[0][0]}: tags of entities must have O where there is none, was: "{key}" with '
            f"{list_some(sorted(tags))}. Name the tags of entities ner_tags"
        )
    return IO


def _find_positions(tags: Collection[str]) -> list[str]:
    """Two tags that begin and continue one label in another way than TAG, as B_PER and I_PER."""
    found = [(pattern.fullmatch(tag), tag) for pattern in POSITIONS for tag in tags]
    places = {(match[1].lower(), match[2] or ""): tag for match, tag in found if match}
    labels = sorted({label for _, label in places})
    pairs = ([places.get((letter, label), "") for letter in "bi"] for label in labels)
    return next((pair for pair in pairs if all(pair)), [])


def _read_tags(tags: Sequence[str], source: str, scheme: str) -> Iterator[LabelledSpan]:
    """Spans of the tags of a record, in tokens."""
    if scheme != IO:
        yield from read_layer([*enumerate(tags)], source, scheme, unit="token")
        return
    start = 0
    for end in range(1, len(tags) + 1):
        if end == len(tags) or tags[end] != tags[start]:
            if tags[start] != "O":
                yield LabelledSpan(start, end, tags[start])
            start = end


HUGGING_FACE = Dialect(read_hugging_face, is_hugging_face)
