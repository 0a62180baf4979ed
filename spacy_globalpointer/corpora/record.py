"""What every corpus format becomes, and the one place where character offsets meet tokens."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc, Span, SpanGroup
from spacy.vocab import Vocab

from ..spans import LabelledSpan
from .messages import quote, shorten

ALIGNMENTS = ("fail", "skip", "expand")
HALF = re.compile("[\ud800-\udfff]")  # of a surrogate pair
OUTCOMES = ("kept", "trimmed", "expanded", "skipped", "duplicate")


@dataclass(frozen=True)
class Record:
    """One annotated text, checked when it is built.

    text: the text that the offsets refer to.
    spans (characters): start, end (exclusive), label. None means "not annotated", an empty
        tuple means "there are no spans here".
    words: tokens found in the text in this order; None leaves the tokens to the tokenizer.
    unknown_spaces: the text was joined from words, so its spaces are a guess.
    source: file and line, for messages.
    notes: what was left out or changed when it was read.
    fields: what else was in its JSON object.
    RAISES (ValueError): an offset outside the text, an empty span, a label that is no name, half
        of a surrogate pair in the text or a label (nothing can store it).
    """

    text: str
    spans: tuple[LabelledSpan, ...] | None = None
    words: tuple[str, ...] | None = None
    unknown_spaces: bool = False
    source: str = "record"
    notes: tuple[str, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        half = HALF.search(self.text)
        if half:
            raise ValueError(
                f"{self.source}: text must be valid Unicode, was: half a character "
                f"({half.group()!r}) at {half.start()}. Remove or complete it"
            )
        check_spans(self.spans or (), len(self.text), unit="characters", source=self.source)

    @classmethod
    def from_words(
        cls,
        words: Sequence[str],
        spans: Sequence[LabelledSpan] | None,
        *,
        joiner: str,
        source: str,
    ) -> "Record":
        """Record of words whose text is not known.

        words: the tokens, which are joined to a text.
        spans (tokens): start, end (exclusive), label; None if not annotated.
        RETURNS: a record with offsets in characters.
        RAISES (ValueError): an offset outside the words, an empty word.
        """
        check_words(words, source=source)
        if joiner:  # white space is between the words, unless a word is nothing else
            words = [word.strip() or word for word in words]
        starts, length = [], 0
        for word in words:
            starts.append(length)
            length += len(word) + len(joiner)
        char_spans = None
        if spans is not None:
            check_spans(spans, len(words), unit="tokens", source=source)
            char_spans = tuple(
                LabelledSpan(starts[s], starts[e - 1] + len(words[e - 1]), n) for s, e, n in spans
            )
        return cls(joiner.join(words), char_spans, tuple(words), joiner != "", source)

    def trim_labels(self) -> "Record":
        """The same without white space at the ends of labels, and a note of each that had some."""
        padded = [label for _, _, label in self.spans or () if label != label.strip()]
        if not padded:
            return self
        notes = [f"White space around the label {quote(label)} was trimmed" for label in padded]
        spans = tuple(LabelledSpan(s, e, label.strip()) for s, e, label in self.spans or ())
        return replace(self, spans=spans, notes=(*self.notes, *dict.fromkeys(notes)))


def check_words(words: Any, *, source: str) -> None:
    """Refuse words that cannot become tokens.

    words: what a format gave.
    RAISES (ValueError): not a list of strings, or an empty string in it.
    """
    rule = f"{source}: tokens must be a list of non-empty strings, was: "
    if not isinstance(words, (list, tuple)):
        raise ValueError(f'{rule}{quote(words)}. Write them as ["...", "..."]')
    for number, word in enumerate(words):
        if not isinstance(word, str) or not word:
            raise ValueError(f"{rule}{quote(word)} at {number} (from 0). Write each as its text")


def check_spans(spans: Sequence[Any], length: int, *, unit: str, source: str) -> None:
    """Refuse spans that cannot lie in a text.

    spans: start, end (exclusive), label.
    length (unit): of the text.
    unit: "characters" or "tokens", for messages.
    RAISES (ValueError): an offset outside 0..length, start >= end, no label, half a character.
    """
    for start, end, label in spans:
        if type(start) is not int or type(end) is not int:
            rule, repair = "start and end must be whole numbers", "Write them without quotes"
        elif not isinstance(label, str) or not label.strip():
            rule, repair = "label must be a non-empty string", "Name it or remove the span"
        elif HALF.search(label):
            rule, repair = "label must be valid Unicode", "Remove or complete half a character"
        elif start >= end:
            rule, repair = "start must be smaller than end", "end is exclusive: add 1 to the last"
        elif start < 0 or end > length:
            rule = f"a span must lie inside the {length} {unit} of the text"
            repair = f"Count {unit} from 0, end exclusive"
        else:
            continue
        what = f"{quote(start)} to {quote(end)}, {quote(label)}"
        raise ValueError(f"{source}: {rule}, was: {what}. {repair}")


def record_to_doc(
    record: Record, nlp: Language, *, spans_key: str = "sc", alignment: str = "skip"
) -> tuple[Doc, list[str]]:
    """Document with the record's spans as a group, and what became of each span.

    A record that is not annotated gives no group, one without spans an empty group. White space at
    the ends of a span is cut off first ("trimmed"), so no span starts or ends on a white-space
    token. A span that then does not start and end at token borders is an error ("fail"), left out
    ("skip") or widened to the tokens it touches ("expand"); one of nothing but white space cannot
    be widened and is left out. Spans with the same tokens and label are one span.

    record: the text and its spans.
    nlp: its tokenizer is used unless the record has words.
    spans_key: name of the group in doc.spans.
    alignment: one of ALIGNMENTS.
    RETURNS: the document; one of OUTCOMES for each span of the record, in its order.
    RAISES (ValueError): with "fail", a span off the token borders; words not in the text.
    """
    if alignment not in ALIGNMENTS:
        raise ValueError(f"alignment must be one of {', '.join(ALIGNMENTS)}, was: {alignment!r}")
    doc = _make_doc(record, nlp)
    outcomes: list[str] = []
    spans: dict[LabelledSpan, Span] = {}
    for given in record.spans or ():
        span, outcome = _place(doc, record, given, alignment)
        if span is not None:
            placed = LabelledSpan(span.start, span.end, span.label_)
            outcome = "duplicate" if placed in spans else outcome
            spans.setdefault(placed, span)
        outcomes.append(outcome)
    if record.spans is not None:
        doc.spans[spans_key] = SpanGroup(doc, name=spans_key, spans=list(spans.values()))
    return doc, outcomes


def _place(
    doc: Doc, record: Record, char_span: LabelledSpan, alignment: str
) -> tuple[Span | None, str]:
    """The tokens of one span, and which of OUTCOMES that is."""
    start, end, label = char_span
    chars = record.text[start:end]
    start += len(chars) - len(chars.lstrip())
    end -= len(chars) - len(chars.rstrip())
    if start < end:
        span = doc.char_span(start, end, label=label)
        if span is not None:
            return span, "kept" if (start, end, label) == char_span else "trimmed"
        if alignment == "expand":
            return doc.char_span(start, end, label=label, alignment_mode="expand"), "expanded"
    if alignment == "fail":
        raise ValueError(
            f"{record.source}: a span must start and end at token borders, was: {quote(chars)} "
            f"({shorten(label)}, characters {char_span[0]} to {char_span[1]}). If that is not what "
            "was marked, repair the offsets. Else use alignment expand to widen such spans, skip "
            "to leave them out, or give the tokens in the data"
        )
    return None, "skipped"


def _make_doc(record: Record, nlp: Language) -> Doc:
    """Tokens of a record, without spans."""
    if record.words is None:
        doc = nlp.make_doc(record.text)
    elif record.unknown_spaces:
        spaces = [True] * len(record.words)
        doc = Doc(nlp.vocab, words=list(record.words), spaces=[*spaces[1:], False][: len(spaces)])
        # spaCy's corpus reader then trains on these words, not on a new tokenization of a guess.
        doc.has_unknown_spaces = True
    else:
        doc = _find_words(record, nlp.vocab)
    if doc.text != record.text:
        raise ValueError(
            f"{record.source}: the tokenizer must keep the text, was: {quote(doc.text)} for "
            f"{quote(record.text)}. Offsets mean nothing then: choose another tokenizer"
        )
    return doc


def _find_words(record: Record, vocab: Vocab) -> Doc:
    """The document of a text and words; white space beyond one space is a token, as in spaCy."""
    text, position = record.text, 0
    given = [word.strip() for word in record.words or () if word.strip()]
    words: list[str] = []
    spaces: list[bool] = []
    for word in (*given, ""):
        start = text.find(word, position) if word else len(text)
        if start < 0 or text[position:start].strip():
            raise ValueError(
                f"{record.source}: tokens must follow each other in the text with only white "
                f"space between, was: {quote(word or 'the end of the tokens')} where the text has "
                f"{text[position:].lstrip()[:20]!r}. Repair the tokens, or leave them out"
            )
        gap = text[position:start]
        if words and gap.startswith(" "):
            spaces[-1], gap = True, gap[1:]
        tokens = [token for token in (gap, word) if token]
        words += tokens
        spaces += [False] * len(tokens)
        position = start + len(word)
    return Doc(vocab, words=words, spaces=spaces)
