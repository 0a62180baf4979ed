"""The gold spans of one text on the tokens that the pipeline makes of it, and what is odd there."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example

from ...corpora import Record, record_to_doc
from ...corpora.mentions import list_units
from ...label_sets import declared_labels
from ...pipeline.alignment import align_spans
from ...pipeline.gold import EMPTY, MISALIGNED
from ...pipeline.gold import WHITESPACE as SPACE_TOKEN
from ...spans import LabelledSpan

PUNCTUATION = "begin or end with punctuation"
PADDED = "begin or end with white space"
DUPLICATE = "are given more than once"
PARTIAL = "Annotated only with the labels that are declared, and learned only for these"
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

# A gold span in characters, as the data have it, and its tokens if it begins and ends with some.
Placed = tuple[LabelledSpan, Span | None]


class GoldText(NamedTuple):
    """A text with gold spans."""

    example: Example  # what training would get of it
    groups: dict[str, list[Placed]]  # those that were asked for and are there
    notes: Sequence[str] = ()  # what was left out or changed when a corpus file was read
    # Relations and events that did not get into the example as they were, by what became of them:
    # see record_to_doc.
    relations: Mapping[str, int] = {}
    events: Mapping[str, int] = {}


def read_example(example: Example, keys: Iterable[str]) -> GoldText:
    """Find the tokens of the gold spans of a training example, in the groups of these names.

    RAISES (ValueError): a document that does not declare the labels of its spans.
    """
    groups, notes = {}, []
    for key in keys:
        if key in example.reference.spans:
            notes += [] if declared_labels(example.reference, key) is None else [PARTIAL]
            spans = example.reference.spans[key]
            places = [(s.start_char, max(s.start_char, s.end_char), s.label_) for s in spans]
            given = (LabelledSpan(*place) for place in places)
            groups[key] = list(zip(given, align_spans(example, spans), strict=True))
    return GoldText(example, groups, notes)


def read_record(
    record: Record,
    nlp: Language,
    key: str,
    relations_key: str = "relations",
    events_key: str = "events",
) -> GoldText:
    """Find the tokens of the gold spans of a record.

    key, relations_key, events_key: of the groups that its spans, relations and events become.
    """
    doc, outcomes, *joined = record_to_doc(
        record, nlp, spans_key=key, relations_key=relations_key, events_key=events_key
    )
    groups: dict[str, list[Placed]] = {}
    if record.spans is not None:
        kept = iter(doc.spans[key])
        tokens = (next(kept) if outcome in ("kept", "trimmed") else None for outcome in outcomes)
        given = (LabelledSpan(*span) for span in record.spans)
        groups[key] = list(zip(given, tokens, strict=True))
    lost = (Counter(outcome for outcome in own if outcome != "kept") for own in joined)
    notes = [*record.notes, *([] if record.labels is None else [PARTIAL])]
    return GoldText(Example(doc, doc), groups, notes, *lost)


def strip(text: str, span: LabelledSpan) -> LabelledSpan:
    """The same span without white space at its ends; an empty one if there is nothing else."""
    inner = text[span.start : span.end]
    start = span.start + len(inner) - len(inner.lstrip())
    return LabelledSpan(start, start + len(inner.strip()), span.label)


def has_loose_sign(span: Span) -> bool:
    """Whether a span begins or ends with punctuation that does not seem to belong to it.

    Brackets belong to it in pairs, and full stops and apostrophes as parts of words.
    """
    n_paired = sum(map(_is_paired, span.text))
    for token, sign in ((span[0], span.text[0]), (span[-1], span.text[-1])):
        in_word = sign in ".'’" and not token.is_punct
        in_pair = _is_paired(sign) and n_paired > 1
        belongs = in_word or in_pair or sign in "%‰#@"
        if unicodedata.category(sign).startswith("P") and not belongs:
            return True
    return False


def _is_paired(sign: str) -> bool:
    return sign in PAIRED_SIGNS or unicodedata.category(sign) in PAIRED_KINDS


def explain_lost(doc: Doc, spans: Sequence[LabelledSpan]) -> tuple[Counter[str], Counter[str]]:
    """The signs at which spans (characters) cut tokens; other readings of offsets, which do not."""
    starts, ends = {token.idx for token in doc}, {token.idx + len(token) for token in doc}
    breaks: Counter[str] = Counter()
    for span in spans:
        for place, known in zip(strip(doc.text, span).extent, (starts, ends), strict=True):
            if place not in known:
                breaks[_name_sign(doc.text[place - 1 : place + 1])] += 1
    fits = {k: ({s - a for s in starts}, {e - b for e in ends}) for k, (a, b) in SHIFTS.items()}
    for unit in list_units(doc.text):
        begins = {place for place, own in unit.starts.items() if own in starts}
        stops = {place for place, own in unit.ends.items() if own in ends}
        fits[f"offsets count {unit.name}"] = begins, stops
    readings = {k: sum(s.start in a and s.end in b for s in spans) for k, (a, b) in fits.items()}
    return breaks, +Counter(readings)


def _name_sign(pair: str) -> str:
    """Of the two characters at a border, the one that says most about it."""
    for character in pair:
        if "\u3400" <= character <= "\u9fff":
            return IDEOGRAPHS
        if not character.isalnum():
            return character
    return LETTERS
