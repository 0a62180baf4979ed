"""The gold spans of one text, and what is odd about each: what `statistics` counts.

Texts come as training examples, or as records of a corpus file.
"""

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example

from ...corpora import Record, record_to_doc
from ...corpora.mentions import list_units
from ...corpora.messages import excerpt
from ...pipeline.alignment import align_spans
from ...pipeline.gold import EMPTY, MISALIGNED
from ...pipeline.gold import WHITESPACE as SPACE_TOKEN
from .pieces import PieceCounter, PieceCounts

LabelledSpan = tuple[int, int, str]

PUNCTUATION = "begin or end with punctuation"
PADDED = "begin or end with white space"
DUPLICATE = "are given more than once"
# Those of the first line cannot be learned.
REMARKS = (MISALIGNED, EMPTY, SPACE_TOKEN, PADDED, PUNCTUATION, DUPLICATE)
LOST = REMARKS[:3]
# Wrong offsets, and what to add to start and end.
SHIFTS = {
    "offsets are 1 too large": (-1, -1),
    "offsets are 1 too small": (1, 1),
    "ends are inclusive": (0, 1),
    "starts are counted from 1": (-1, 0),
}
# What stands in `breaks` for letters, of which there are too many to count each.
LETTERS, IDEOGRAPHS = "letters or digits", "Chinese characters"
# Brackets and quotes of Unicode, and the quotes that open and close alike.
PAIRED_KINDS, PAIRED_SIGNS = ("Ps", "Pe", "Pi", "Pf"), "\"'"


@dataclass
class Group:
    """The gold spans of a text.

    text: what the offsets of `gold` count.
    gold (characters): all different spans, without white space at their ends.
    spans (tokens): the different spans that can be learned.
    remarks: one of REMARKS, label, the span in its text.
    breaks: signs at which a border of a span lies inside a token.
    readings: other readings of the offsets of such spans with which they begin and end where
        tokens do.
    """

    text: str
    gold: set[LabelledSpan] = field(default_factory=set)
    spans: set[LabelledSpan] = field(default_factory=set)
    remarks: list[tuple[str, str, str]] = field(default_factory=list)
    breaks: Counter[str] = field(default_factory=Counter)
    readings: Counter[str] = field(default_factory=Counter)

    def note(self, start: int, end: int, label: str, problem: str = "") -> bool:
        """Take in one gold span.

        start, end (characters): as they were given.
        problem: one of REMARKS.
        RETURNS: whether the span was not there before.
        """
        inner = _strip(self.text, start, end)
        if inner[0] == inner[1]:
            self._remark(EMPTY, start, end, label)
            return False
        if (*inner, label) in self.gold:
            self._remark(DUPLICATE, start, end, label)
            return False
        self.gold.add((*inner, label))
        if problem:
            self._remark(problem, *inner, label)
        elif inner != (start, end):
            self._remark(PADDED, start, end, label)
        return True

    def keep(self, span: Span) -> None:
        """Take in the tokens of a gold span that can be learned."""
        if (span.start, span.end, span.label_) not in self.spans and _has_loose_sign(span):
            shown = excerpt(span.doc.text, span.start_char, span.end_char)
            self.remarks.append((PUNCTUATION, span.label_, shown))
        self.spans.add((span.start, span.end, span.label_))

    def note_breaks(self, doc: Doc, lost: Sequence[tuple[int, int]]) -> None:
        """Count the signs at which spans cut tokens in two, and readings by which they do not.

        doc: the tokens of `text`.
        lost (characters): start and end of the spans, as they were given.
        """
        if not lost:
            return
        borders = {token.idx for token in doc}, {token.idx + len(token) for token in doc}
        for start, end in lost:
            for place, known in zip(_strip(self.text, start, end), borders, strict=True):
                if place not in known:
                    self.breaks[_sign(self.text[place - 1 : place + 1])] += 1
        units = list(list_units(self.text))
        for start, end in lost:
            places: dict[str, tuple[int | None, int | None]] = {
                name: (start + a, end + b) for name, (a, b) in SHIFTS.items()
            }
            for unit in units:
                found = unit.starts.get(start), unit.ends.get(end)
                places[f"offsets count {unit.name}"] = found
            fit = (name for name, (s, e) in places.items() if s in borders[0] and e in borders[1])
            self.readings.update(fit)

    def _remark(self, problem: str, start: int, end: int, label: str) -> None:
        self.remarks.append((problem, label, excerpt(self.text, start, end)))


class Document(NamedTuple):
    """One text.

    text: as it is given.
    n_tokens: that the pipeline's tokenizer makes of it.
    names: of all its groups of spans.
    n_ents: entities in doc.ents.
    groups: by name, those that were asked for and are there.
    notes: what was left out or changed when the text was read from a corpus file.
    pieces: that a transformer is given, by name of the group that is predicted with it.
    """

    text: str
    n_tokens: int
    names: tuple[str, ...]
    n_ents: int
    groups: dict[str, Group]
    notes: tuple[str, ...] = ()
    pieces: Mapping[str, PieceCounts] = {}


def read_example(
    example: Example, keys: Sequence[str], pieces: Mapping[str, PieceCounter] = {}
) -> Document:
    """Look over a training example.

    keys: names of the groups to look at.
    pieces: of the transformer that a group is predicted with, where there is one.
    """
    reference = example.reference
    found = {key: _read_group(example, key) for key in keys if key in reference.spans}
    given = {key: counter.count(example.predicted) for key, counter in pieces.items()}
    return Document(
        reference.text,
        len(example.predicted),
        tuple(reference.spans),
        len(reference.ents),
        found,
        pieces={key: counts for key, counts in given.items() if counts is not None},
    )


def read_record(record: Record, nlp: Language, key: str) -> Document:
    """Look over a record of a corpus file.

    nlp: its tokenizer is used unless the record has words.
    key: the name that the record's spans get.
    RAISES (ValueError): words that are not in the text.
    """
    doc, outcomes = record_to_doc(record, nlp, spans_key=key)
    if record.spans is None:
        return Document(record.text, len(doc), (), 0, {}, record.notes)
    group = Group(record.text)
    for span in doc.spans[key]:
        group.keep(span)
    lost = []
    for (start, end, label), outcome in zip(record.spans, outcomes, strict=True):
        is_new = group.note(start, end, label, MISALIGNED if outcome == "skipped" else "")
        if is_new and outcome == "skipped":
            lost.append((start, end))
    group.note_breaks(doc, lost)
    return Document(record.text, len(doc), (key,), 0, {key: group}, record.notes)


def _read_group(example: Example, key: str) -> Group:
    group = Group(example.reference.text)
    lost = []
    spans = example.reference.spans[key]
    for span, aligned in zip(spans, align_spans(example, spans), strict=True):
        if not len(span):
            group.remarks.append((EMPTY, span.label_, ""))
            continue
        problem = MISALIGNED if aligned is None else SPACE_TOKEN if _has_space(aligned) else ""
        is_new = group.note(span.start_char, span.end_char, span.label_, problem)
        if aligned is not None and not problem:
            group.keep(Span(aligned.doc, aligned.start, aligned.end, label=span.label_))
        if is_new and aligned is None:
            lost.append((span.start_char, span.end_char))
    if example.predicted.text == group.text:
        group.note_breaks(example.predicted, lost)
    return group


def _has_space(span: Span) -> bool:
    return bool(span[0].is_space or span[-1].is_space)


def _strip(text: str, start: int, end: int) -> tuple[int, int]:
    """The same place without white space at its ends; an empty one if there is nothing else."""
    inner = text[start:end]
    start += len(inner) - len(inner.lstrip())
    return start, start + len(inner.strip())


def _has_loose_sign(span: Span) -> bool:
    """Whether a span begins or ends with punctuation that does not seem to belong to it.

    Brackets belong to it in pairs, and full stops and apostrophes as parts of words.
    """
    n_paired = sum(_is_paired(character) for character in span.text)
    for token, place in ((span[0], 0), (span[-1], -1)):
        sign = token.text[place]
        in_word = sign in ".'’" and not token.is_punct
        in_pair = _is_paired(sign) and n_paired > 1
        belongs = in_word or in_pair or sign in "%‰#@"
        if unicodedata.category(sign).startswith("P") and not belongs:
            return True
    return False


def _is_paired(sign: str) -> bool:
    return sign in PAIRED_SIGNS or unicodedata.category(sign) in PAIRED_KINDS


def _sign(pair: str) -> str:
    """Of the two characters at a border, the one that says most about it."""
    for character in pair:
        if "\u3400" <= character <= "\u9fff":
            return IDEOGRAPHS
        if not character.isalnum():
            return character
    return LETTERS
