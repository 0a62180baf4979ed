"""Gold spans on the predicted tokens, and an account of those that cannot be learned."""

from collections import Counter
from collections.abc import Iterable, Sequence

from spacy.attrs import IS_SPACE
from spacy.tokens import Doc
from spacy.training import Example

from ..label_sets import declared_labels
from ..messages import list_some, quote
from ..spans import LabelledSpan
from .alignment import labelled_spans, to_predicted

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


class GoldReader:
    """Finds the gold spans of examples, and keeps an account of what it saw.

    documents: how many had the span group.
    spans: how many can be learned.
    longest (tokens): the longest of them.
    repeated: documents with several spans of one label that can be learned.
    labels: of all gold spans, even those that cannot be learned.
    declared: labels that documents say they are annotated with.
    lost: counts of the spans that cannot be learned, by label and reason.
    """

    loss = "'{name}' cannot learn {lost} of {total} gold spans, and will miss them: "

    def __init__(self, key: str, max_length: int | None) -> None:
        """Start an account.

        key: name of the span group in example.reference.spans.
        max_length (tokens): longest span that can be learned, None for no limit.
        """
        self.key = key
        self.max_length = max_length
        self.documents = 0
        self.spans = 0
        self.longest = 0
        self.repeated = 0
        self.labels: set[str] = set()
        self.declared: set[str] = set()
        self.lost: Counter[tuple[str, str]] = Counter()

    def read(
        self, example: Example, has_vector: Sequence[bool] | None = None
    ) -> set[LabelledSpan] | None:
        """Find the gold spans of an example that can be learned.

        has_vector (l): for each predicted token; None if not known.
        RETURNS: spans on the predicted tokens; None if the group is missing, which means "not
            annotated".
        RAISES (ValueError): texts that differ in more than white space and capitals, a document
            that does not declare the labels of its spans.
        """
        if self.key not in example.reference.spans:
            return None
        return set(self.find_places(example, has_vector))

    def find_places(
        self, example: Example, has_vector: Sequence[bool] | None = None
    ) -> dict[LabelledSpan, int]:
        """Find the spans of an example that can be learned; it must have the group.

        has_vector (l): for each predicted token; None if not known.
        RETURNS: spans on the predicted tokens, and the place of each in the group, the first one if
            it is there twice.
        RAISES (ValueError): texts that differ in more than white space and capitals, a span without
            a label.
        """
        self.documents += 1
        self.declared |= declared_labels(example.reference, self.key) or frozenset()
        is_space = example.predicted.to_array(IS_SPACE)
        given = labelled_spans(example.reference.spans[self.key])
        found: dict[LabelledSpan, int] = {}
        for place, (span, moved) in enumerate(
            zip(given, to_predicted(example, given), strict=True)
        ):
            _require_label(span, example.reference, self.key)
            self.labels.add(span.label)
            first, last = moved.start, moved.end - 1
            if span.start >= span.end:
                self.lost[span.label, EMPTY] += 1
            elif last < first or not moved.is_whole:
                self.lost[span.label, MISALIGNED] += 1
            elif is_space[first] or is_space[last]:
                self.lost[span.label, WHITESPACE] += 1
            elif self.max_length is not None and last - first >= self.max_length:
                self.lost[span.label, TOO_LONG] += 1
            elif has_vector is not None and not (has_vector[first] and has_vector[last]):
                self.lost[span.label, NO_VECTOR] += 1
            else:
                found.setdefault(moved, place)
                self.longest = max(self.longest, moved.end - moved.start)
        self.spans += len(found)
        self.repeated += len({span.label for span in found}) < len(found)
        return found

    def account(self, name: str) -> tuple[str, str]:
        """Say why gold spans cannot be learned, in brief, and which."""
        reasons = "; ".join(sorted({reason for _, reason in self.lost}))
        return f"{self.key}: {reasons}", self.describe_lost(name)

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
        rule = self.loss.format(name=name, lost=lost, total=lost + self.spans)
        return rule + "; ".join(parts)


def _require_label(span: LabelledSpan, doc: Doc, key: str) -> None:
    """Refuse a span that nothing can be learned of.

    key: of its group.
    """
    if not span.label.strip():
        raise ValueError(
            f"a span must have a label to learn it, was: {span.label!r} for "
            f"{quote(doc[span.start : span.end].text)} in doc.spans[{key!r}] of the document "
            f"{quote(doc.text)}. To fix: give it one, or remove the span"
        )


def check_labels(
    name: str, labels: Sequence[str], spans: Iterable[LabelledSpan], what: str = "a gold span"
) -> None:
    """Refuse gold spans of labels that the component does not have.

    name, labels: of the component.
    what: they are.
    RAISES (ValueError): naming the label and the repair.
    """
    for span in spans:
        if span.label not in labels:
            raise ValueError(
                f"'{name}' does not know the label {quote(span.label)} of {what}. Its labels "
                f"are: {list_some(labels, 10)}. To fix: call nlp.get_pipe({name!r})"
                ".add_label(...) before training, or initialize with all labels"
            )
