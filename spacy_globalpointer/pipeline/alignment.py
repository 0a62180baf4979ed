"""Gold spans on the predicted tokens, and an account of those that cannot be learned."""

from collections import Counter
from typing import Counter as Counts
from typing import Dict, Iterable, List, NamedTuple, Optional, Set, Tuple

from spacy.attrs import IS_SPACE, ORTH
from spacy.tokens import Doc, Span
from spacy.training import Example

MISALIGNED = "do not begin and end where predicted tokens do"
TOO_LONG = "are longer than max_length"
WHITESPACE = "begin or end with a whitespace token"
NO_GROUP = (
    "A missing group means 'not annotated', an empty one 'no spans here'. Check spans_key; spaCy's "
    "own reader drops all spans with gold_preproc = true or max_length > 0 (use the reader "
    'spacy_globalpointer.SpanCorpus.v1); or set missing = "negative"'
)
# Documents from which the sizes of the model are inferred.
SAMPLE = 10

Lost = Counts[Tuple[str, str]]


class GoldSpan(NamedTuple):
    """A gold span on the predicted tokens: label is a hash of the vocab, last is inclusive."""

    label: int
    start: int
    last: int


class TrainingData(NamedTuple):
    """What examples hold for one span group.

    gold: spans of each annotated document, by its place.
    labels: of all gold spans, also of those that cannot be learned.
    lost: counts of the spans that cannot be learned, by label and reason.
    total (spans): learned and lost.
    sample: a few predicted documents with tokens.
    """

    gold: Dict[int, Set[GoldSpan]]
    labels: Set[str]
    lost: Lost
    total: int
    sample: List[Doc]


def look_over(examples: Iterable[Example], key: str, max_length: Optional[int]) -> TrainingData:
    """Align all examples.

    key: name of the span group in example.reference.spans.
    max_length (tokens): longest span that can be learned, None for no limit.
    """
    data = TrainingData({}, set(), Counter(), 0, [])
    for place, example in enumerate(examples):
        if len(data.sample) < SAMPLE and len(example.predicted):
            data.sample.append(example.predicted)
        gold = align_gold(example, key, max_length, data.lost)
        if gold is not None:
            data.gold[place] = gold
            data.labels.update(span.label_ for span in example.reference.spans[key])
    total = sum(data.lost.values()) + sum(len(gold) for gold in data.gold.values())
    return data._replace(total=total)


def align_gold(
    example: Example, key: str, max_length: Optional[int], lost: Lost
) -> Optional[Set[GoldSpan]]:
    """Find the gold spans of a group on the predicted tokens.

    key: name of the span group in example.reference.spans.
    max_length (tokens): longest span that can be held, None for no limit.
    lost: counts (label, reason) of the spans that cannot be held; added to.
    RETURNS: without duplicates; None where the group is missing, which means "not annotated".
    """
    if key not in example.reference.spans:
        return None
    gold = set()
    same_tokens = has_same_tokens(example)
    space = example.predicted.to_array(IS_SPACE)
    for span in example.reference.spans[key]:
        aligned = span if same_tokens else _aligned(example, span)
        if aligned is None:
            lost[span.label_, MISALIGNED] += 1
        elif space[aligned.start] or space[aligned.end - 1]:
            lost[span.label_, WHITESPACE] += 1
        elif max_length is not None and len(aligned) > max_length:
            lost[span.label_, TOO_LONG] += 1
        else:
            gold.add(GoldSpan(span.label, aligned.start, aligned.end - 1))
    return gold


def has_same_tokens(example: Example) -> bool:
    """Whether predicted and reference have the same tokens, which needs no alignment."""
    predicted, reference = example.predicted, example.reference
    if len(predicted) != len(reference):
        return False
    return bool((predicted.to_array(ORTH) == reference.to_array(ORTH)).all())


def _aligned(example: Example, span: Span) -> Optional[Span]:
    spans = example.get_aligned_spans_y2x([span], allow_overlap=True)
    return spans[0] if spans else None


def describe_lost(name: str, lost: Lost, total: int) -> str:
    """Say which gold spans cannot be learned, by reason and label.

    name: of the component.
    lost: counts by label and reason.
    total (spans): learned and lost.
    """
    reasons: Counts[str] = Counter()
    for (_, reason), count in lost.items():
        reasons[reason] += count
    parts = []
    for reason, count in reasons.most_common():
        labels = Counter({label: n for (label, why), n in lost.items() if why == reason})
        shown = ", ".join(f"{label} {n}" for label, n in labels.most_common(10))
        parts.append(f"{count} {reason} ({shown})")
    return (
        f"'{name}' cannot learn {sum(lost.values())} of {total} gold spans, and will miss them: "
        + "; ".join(parts)
    )
