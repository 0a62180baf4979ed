"""Gold spans on the predicted tokens, and an account of those that cannot be learned."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy
from spacy.attrs import IS_SPACE, ORTH
from spacy.tokens import Doc, Span
from spacy.training import Example

# Label index, start, last.
Cell = tuple[int, int, int]

MISALIGNED = "do not begin and end where predicted tokens do"
EMPTY = "have no token"
TOO_LONG = "are longer than max_length"
WHITESPACE = "begin or end with a whitespace token"
NO_VECTOR = "begin or end with a token that has no vector"
NO_GROUP = (
    "A missing group means 'not annotated', an empty one 'no spans here'. Check spans_key; spaCy's "
    "own reader drops all spans with gold_preproc = true or max_length > 0 (use the reader "
    'spacy_globalpointer.SpanCorpus.v1); or set missing = "negative"'
)


class GoldSpan(NamedTuple):
    """A gold span on the predicted tokens: last is inclusive."""

    label: str
    start: int
    last: int


class GoldReader:
    """Aligns the gold spans of examples, and keeps an account of what it saw.

    documents: seen with the span group.
    spans: that can be learned.
    longest (tokens): the longest of them.
    labels: of all gold spans, also of those that cannot be learned.
    lost: counts of the spans that cannot be learned, by label and reason.
    """

    def __init__(self, key: str, max_length: int | None) -> None:
        """Begin an account.

        key: name of the span group in example.reference.spans.
        max_length (tokens): longest span that can be learned, None for no limit.
        """
        self.key = key
        self.max_length = max_length
        self.documents = 0
        self.spans = 0
        self.longest = 0
        self.labels: set[str] = set()
        self.lost: Counter[tuple[str, str]] = Counter()

    def read(self, example: Example) -> set[GoldSpan] | None:
        """Find the gold spans of an example on its predicted tokens.

        RETURNS: without duplicates; None where the group is missing, which means "not annotated".
        """
        if self.key not in example.reference.spans:
            return None
        self.documents += 1
        gold = set()
        is_space = example.predicted.to_array(IS_SPACE)
        spans = example.reference.spans[self.key]
        for span, aligned in zip(spans, align_spans(example, spans), strict=True):
            self.labels.add(span.label_)
            reason = self._cannot_learn(aligned, is_space)
            if aligned is None or reason:
                self.lost[span.label_, reason] += 1
            else:
                gold.add(GoldSpan(span.label_, aligned.start, aligned.end - 1))
                self.longest = max(self.longest, len(aligned))
        self.spans += len(gold)
        return gold

    def lose(self, labels: Iterable[str]) -> None:
        """Count spans that were read, but begin or end with a token that has no vector."""
        for label in labels:
            self.lost[label, NO_VECTOR] += 1
            self.spans -= 1

    def _cannot_learn(self, span: Span | None, is_space: numpy.ndarray) -> str:
        if span is None:
            return MISALIGNED
        if span.start >= span.end:
            return EMPTY
        if is_space[span.start] or is_space[span.end - 1]:
            return WHITESPACE
        if self.max_length is not None and len(span) > self.max_length:
            return TOO_LONG
        return ""

    def account(self, name: str) -> tuple[str, str]:
        """Name the reasons why gold spans cannot be learned, and describe which; empty if none."""
        reasons = sorted({reason for _, reason in self.lost})
        return "; ".join(reasons), self.describe_lost(name) if reasons else ""

    def describe_lost(self, name: str) -> str:
        """Say which gold spans cannot be learned, by reason and label.

        name: of the component.
        """
        lost = sum(self.lost.values())
        parts = []
        for reason in sorted({reason for _, reason in self.lost}):
            labels = Counter({label: n for (label, why), n in self.lost.items() if why == reason})
            shown = ", ".join(f"{label} {n}" for label, n in labels.most_common(10))
            parts.append(f"{sum(labels.values())} {reason} ({shown})")
        return (
            f"'{name}' cannot learn {lost} of {lost + self.spans} gold spans, and will miss them: "
            + "; ".join(parts)
        )


def label_cells(name: str, labels: Sequence[str], gold: Iterable[GoldSpan]) -> set[Cell]:
    """Give gold spans the index of their label.

    name: of the component.
    RETURNS: (label index, start, last).
    RAISES (ValueError): a label that is not in labels.
    """
    indices = {label: i for i, label in enumerate(labels)}
    for span in gold:
        if span.label not in indices:
            raise ValueError(
                f"'{name}' does not know the label {span.label!r} of a gold span. "
                f"Its labels are: {', '.join(labels)}. To fix: nlp.get_pipe({name!r})"
                ".add_label(...) before training, or initialize with all labels"
            )
    return {(indices[span.label], span.start, span.last) for span in gold}


def has_same_tokens(example: Example) -> bool:
    """Whether predicted and reference have the same tokens, which needs no alignment."""
    predicted, reference = example.predicted, example.reference
    if len(predicted) != len(reference):
        return False
    return bool((predicted.to_array(ORTH) == reference.to_array(ORTH)).all())


def align_spans(example: Example, spans: Iterable[Span]) -> list[Span | None]:
    """Find the predicted tokens of spans of the reference, as Example.get_aligned_spans_y2x does.

    RETURNS: one for each; None where predicted tokens do not begin and end with it.
    """
    spans = list(spans)
    if has_same_tokens(example):
        return list(spans)
    align = example.alignment.y2x  # an Example looks the alignment up anew each time it is asked
    return [_align(example.predicted, span, align[span.start : span.end]) for span in spans]


def _align(predicted: Doc, span: Span, tokens: numpy.ndarray) -> Span | None:
    if not len(span):
        return span
    if not len(tokens):
        return None
    aligned = Span(predicted, int(tokens[0]), int(tokens[-1]) + 1, label=span.label)
    return aligned if _letters(aligned) == _letters(span) else None


def _letters(span: Span) -> str:
    return span.text.lower().strip().replace(" ", "")
