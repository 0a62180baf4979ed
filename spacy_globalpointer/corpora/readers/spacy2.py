"""spaCy 2's training data: a text, and a dictionary with its entities.

Sources: "Training data" in the documentation of spaCy 2 and 3 (Example.from_dict);
tecoholic/ner-annotator, which exports one object with all pairs.
"""

from collections.abc import Iterator
from typing import Any

from ...messages import quote, shorten
from ...spans import LabelledSpan
from ..containers import Rows
from ..reading import Reading
from ..record import Record
from ..unread import refuse_unread
from .dialects import Dialect

KEYS = ("entities", "spans")
# Of NER Annotator's one object.
PROJECT = ("classes", "annotations")
# Annotation of other kinds.
OTHERS = ("heads", "deps", "tags", "pos", "morphs", "lemmas", "sent_starts", "links", "words")


def read_spacy2(rows: Rows, reading: Reading) -> Iterator[Record]:
    """Records of pairs.

    ["Ada lives.", {"entities": [[0, 3, "PERSON"]]}]

    {"classes": ["PERSON"], "annotations": [["Ada lives.", {"entities": [[0, 3, "PERSON"]]}], null]}

    Offsets are in characters, and the end is exclusive; a span may have an id behind. "spans" may
    hold one group of the same rows by its name. A text without either is not annotated. What is
    there of tags, links and the like is not read, which is noted. null stands for a text that was
    skipped, and is nowhere in the file.

    RAISES (ValueError): another form, several groups of spans, annotation in another key.
    """
    for source, row in rows:
        if not _is_project(row):
            yield _read_pair(row, source)
            continue
        refuse_unread(row, source, known=PROJECT)
        for number, pair in enumerate(row["annotations"], start=1):
            if pair is not None:
                yield _read_pair(pair, f"{source} annotation {number}")


def is_spacy2(row: Any) -> bool:
    """Whether a row is a text and a dictionary, or an object with such pairs."""
    return _is_pair(row) or (
        _is_project(row) and all(pair is None or _is_pair(pair) for pair in row["annotations"])
    )


def _is_pair(row: Any) -> bool:
    is_pair = isinstance(row, list) and len(row) == 2
    return is_pair and isinstance(row[0], str) and isinstance(row[1], dict)


def _is_project(row: Any) -> bool:
    return isinstance(row, dict) and set(PROJECT) == {*row} and isinstance(row[PROJECT[1]], list)


def _read_pair(row: Any, source: str) -> Record:
    if not _is_pair(row):
        raise ValueError(
            f'{source}: a record must be [text, {{"entities": [[start, end, label]]}}], was: '
            f"{shorten(row)}. Repair it"
        )
    text, gold = row
    refuse_unread(gold, source, known=(*KEYS, *OTHERS), text=text)
    given, notes = _list_given(gold, source)
    notes += [f'"{key}" is not read' for key in OTHERS if gold.get(key)]
    spans: list[LabelledSpan] = []
    for value in given or ():
        is_row = isinstance(value, (list, tuple)) and 3 <= len(value) <= 5
        if not is_row or type(value[0]) is not int or type(value[1]) is not int:
            raise ValueError(
                f"{source}: an entity must be [start, end, label] in characters, was: "
                f"{quote(value)}. Tags of tokens are read as the format bio or hugging-face"
            )
        spans.append(LabelledSpan(*value[:3]))
        notes += ["The id of a span is not read"] * any(value[3:])
    return Record(
        text,
        None if given is None else tuple(spans),
        source=source,
        notes=tuple(notes),
        fields={key: value for key, value in gold.items() if key not in KEYS},
    )


def _list_given(gold: dict[str, Any], source: str) -> tuple[list[Any] | None, list[str]]:
    """The rows of one group of spans, or of the entities; and what is not read."""
    groups, entities = gold.get("spans"), gold.get("entities")
    if groups is not None and (not isinstance(groups, dict) or len(groups) > 1):
        raise ValueError(
            f'{source}: "spans" must be one group of spans by its name, was: {shorten(groups)}. '
            "Keep one of them"
        )
    if groups:
        given, notes = next(iter(groups.values())), ['"entities" beside "spans" is not read']
        notes = notes if entities else []
    else:
        given, notes = entities, []
    if given is not None and not isinstance(given, (list, tuple)):
        raise ValueError(
            f"{source}: entities must be a list of [start, end, label], was: {shorten(given)}. "
            "Repair it"
        )
    return None if given is None else [*given], notes


SPACY2 = Dialect(read_spacy2, is_spacy2)
