"""The gold spans of one text on the tokens that the pipeline makes of it, and what is odd there."""

import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example

from ...corpora import Record, record_to_doc
from ...corpora.mentions import list_units
from ...pipeline.alignment import EMPTY, MISALIGNED, align_spans
from ...pipeline.alignment import WHITESPACE as SPACE_TOKEN
from ...spans import LabelledSpan

PUNCTUATION = "begin or end with punctuation"
PADDED = "begin or end with white space"
DUPLICATE = "are given more than once"
# Spans with these cannot be learned.
LOST = (MISALIGNED, EMPTY, SPACE_TOKEN)
# Wrong offsets, and what to add to start and end.
SHIFTS = {
    "offsets are 1 too large": (-1, -1),
    "offsets are 1 too small": (1, 1),
    "ends are inclusive": (0, 1),
    "starts are counted from 1": (-1, 0),
}
# What signs are called that are too many to count each.
LETTERS, IDEOGRAPHS = "letters or digits", "Chinese characters"
# Brackets and quotes of Unicode, and the quotes that open and close alike.
PAIRED_KINDS, PAIRED_SIGNS = ("Ps", "Pe", "Pi", "Pf"), "\"'"


class Placed(NamedTuple):
    """A gold span.

    given (characters): the span as the data have it.
    tokens: those of the pipeline; None where they do not begin and end with the span.
    """

    given: LabelledSpan
    tokens: Span | None


class GoldText(NamedTuple):
    """A text with gold spans.

    example: what training would get of it.
    groups: the spans of each group that was asked for and is there.
    notes: what was left out or changed when a corpus file was read.
    """

    example: Example
    groups: dict[str, list[Placed]]
    notes: Sequence[str] = ()


def read_example(example: Example, keys: Sequence[str]) -> GoldText:
    """Find the tokens of the gold spans of a training example.

    keys: names of the groups to look at.
    """
    groups = {}
    for key in keys:
        if key in example.reference.spans:
            spans = example.reference.spans[key]
            given = (
                LabelledSpan(s.start_char, max(s.start_char, s.end_char), s.label_) for s in spans
            )
            groups[key] = list(map(Placed, given, align_spans(example, spans)))
    return GoldText(example, groups)


def read_record(record: Record, nlp: Language, key: str) -> GoldText:
    """Find the tokens of the gold spans of a record.

    nlp: its tokenizer is used unless the record has words.
    key: the name that the record's spans get.
    RAISES (ValueError): words that are not in the text.
    """
    doc, outcomes = record_to_doc(record, nlp, spans_key=key)
    groups = {}
    if record.spans is not None:
        kept = iter(doc.spans[key])
        placed = [next(kept) if outcome in ("kept", "trimmed") else None for outcome in outcomes]
        groups[key] = [
            Placed(LabelledSpan(*given), s) for given, s in zip(record.spans, placed, strict=True)
        ]
    return GoldText(Example(doc, doc), groups, record.notes)


def strip(text: str, span: LabelledSpan) -> LabelledSpan:
    """The same span without white space at its ends; an empty one if there is nothing else."""
    inner = text[span.start : span.end]
    start = span.start + len(inner) - len(inner.lstrip())
    return LabelledSpan(start, start + len(inner.strip()), span.label)


def can_learn(tokens: Span | None) -> bool:
    """Whether tokens can be learned as a span: one does not begin or end with white space."""
    return (
        tokens is not None and len(tokens) > 0 and not (tokens[0].is_space or tokens[-1].is_space)
    )


def has_loose_sign(span: Span) -> bool:
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


def find_breaks(doc: Doc, spans: Sequence[LabelledSpan]) -> Iterator[str]:
    """The signs at which spans (characters) cut tokens in two."""
    borders = _token_borders(doc)
    for span in spans:
        for place, known in zip(strip(doc.text, span).extent, borders, strict=True):
            if place not in known:
                yield _name_sign(doc.text[place - 1 : place + 1])


def find_readings(doc: Doc, spans: Sequence[LabelledSpan]) -> Iterator[str]:
    """For each span (characters), other readings of its offsets that begin and end with tokens."""
    starts, ends = _token_borders(doc)
    units = list(list_units(doc.text))
    for start, end, _ in spans:
        places: dict[str, tuple[int | None, int | None]] = {
            name: (start + a, end + b) for name, (a, b) in SHIFTS.items()
        }
        for unit in units:
            places[f"offsets count {unit.name}"] = unit.starts.get(start), unit.ends.get(end)
        yield from (name for name, (s, e) in places.items() if s in starts and e in ends)


def _token_borders(doc: Doc) -> tuple[set[int], set[int]]:
    return {token.idx for token in doc}, {token.idx + len(token) for token in doc}


def _name_sign(pair: str) -> str:
    """Of the two characters at a border, the one that says most about it."""
    for character in pair:
        if "\u3400" <= character <= "\u9fff":
            return IDEOGRAPHS
        if not character.isalnum():
            return character
    return LETTERS
