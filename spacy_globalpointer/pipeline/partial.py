"""What a batch says about spans, label by label: some documents are annotated with some labels.

A document may be annotated with all labels, with those that it declares (attrs["labels"] of its
group), or with none. Spans that are known to be wrong say something where it is not.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from spacy.tokens import Doc
from spacy.training import Example
from thinc.types import Floats2d

from ..label_sets import declared_labels
from ..losses import SpanLoss
from ..messages import list_some, quote
from ..nn import loss_of_negatives
from ..spans import LabelledSpan
from .gold import GoldReader, check_labels
from .label_tables import own_numbers
from .learning import batch_loss
from .one_span import is_of_one_span
from .soft_targets import SoftReader, blend
from .tables import Tables

# By the place of a document in its batch.
Spans = Mapping[int, set[LabelledSpan]]
WRONG = "a span known to be wrong"


class KnownSpans(NamedTuple):
    """What is known about the spans of a batch.

    gold: the spans of each document that is annotated; of one with soft targets, these too.
    labels: with which labels, if not with all; one with none is not among gold.
    wrong: spans known to be wrong, of labels that their document is not annotated with.
    """

    gold: Mapping[int, Collection[LabelledSpan]]
    labels: Mapping[int, frozenset[str]]
    wrong: Spans


def read_annotation(
    name: str,
    labels: Sequence[str],
    cfg: Mapping[str, Any],
    reader: GoldReader,
    soft: SoftReader,
    examples: Iterable[tuple[Example, Sequence[bool]]],
) -> KnownSpans:
    """Read what is known about the spans of a batch.

    name, labels, cfg: of the component.
    reader, soft: of its gold spans and soft targets.
    examples: each with whether its predicted tokens have a vector (l).
    RAISES (ValueError): a label that the component does not have, a span that is gold and wrong.
    """
    gold: dict[int, Collection[LabelledSpan]] = {}
    declared: dict[int, frozenset[str]] = {}
    wrong: dict[int, set[LabelledSpan]] = {}
    for place, (example, has_vector) in enumerate(examples):
        spans = reader.read(example, has_vector)
        check_labels(name, labels, spans or ())
        own = declared_labels(example.reference, reader.key)
        if own is not None:
            check_declared(name, labels, own)
        found = read_wrong(name, cfg, example, reader, has_vector)
        check_labels(name, labels, found, WRONG)
        targets = soft.read_targets(example, has_vector)
        if targets is not None:
            # Of every label, also of those that the document is not annotated with.
            check_labels(name, labels, targets, "a soft span")
            right = {span: target for span, target in targets.items() if span not in found}
            gold[place] = blend(spans, right, cfg["soft_weight"], own)
            continue
        # An empty list of labels says as little as no group, but is no document to be "missing".
        if own != frozenset() and (spans is not None or cfg["missing"] == "negative"):
            gold[place] = spans or set()
        if own and own != set(labels):
            declared[place] = own
        known = own if own is not None else labels if place in gold else ()
        wrong[place] = {span for span in found if span.label not in known}
    return KnownSpans(gold, declared, {place: own for place, own in wrong.items() if own})


def read_wrong(
    name: str,
    cfg: Mapping[str, Any],
    example: Example,
    reader: GoldReader,
    has_vector: Sequence[bool] | None = None,
) -> set[LabelledSpan]:
    """Find the spans of an example that are known to be wrong, on its predicted tokens.

    Those that the component could never find, such as spans off the token borders, say nothing and
    are left out.

    reader: of the gold spans.
    RAISES (ValueError): a span that is gold, too.
    """
    key = cfg["incorrect_spans_key"]
    if key is None:
        return set()
    both = _named(example.reference, key) & _named(example.reference, reader.key)
    for start, end, label in sorted(both):
        raise ValueError(
            f"'{name}': a span must not be both gold and known to be wrong, was: "
            f"{example.reference[start:end].text[:60]!r} ({label}), in doc.spans[{reader.key!r}] "
            f"and in doc.spans[{key!r}] of the document {example.reference.text[:60]!r}. To fix: "
            "remove it from one of them"
        )
    return GoldReader(key, reader.max_length).read(example, has_vector) or set()


def _named(doc: Doc, key: str) -> set[tuple[int, int, str]]:
    return {(span.start, span.end, span.label_) for span in doc.spans.get(key, ())}


def check_loss_of_wrong(name: str, cfg: Mapping[str, Any], loss: SpanLoss) -> None:
    """Refuse spans known to be wrong where the loss is about the one span of a text.

    name, cfg, loss: of the component.
    RAISES (ValueError): naming the rule, the value and the repair.
    """
    if cfg["incorrect_spans_key"] is not None and is_of_one_span(loss):
        raise ValueError(
            f"'{name}': incorrect_spans_key must be null with ExpectedF1, which compares all spans "
            f"of a text with the right one, was: {cfg['incorrect_spans_key']!r}. To fix: @losses = "
            '"spacy_globalpointer.ZLPR.v1", or incorrect_spans_key = null'
        )


def describe_no_wrong(name: str, cfg: Mapping[str, Any], groups: Collection[str]) -> str:
    """Say that no document has spans known to be wrong, although the settings name their group.

    groups: of all documents of the training data.
    RETURNS: empty if one has them, none are asked for, or there are no groups at all.
    """
    key = cfg["incorrect_spans_key"]
    if key is None or key in groups or not groups:
        return ""
    return (
        f"'{name}': incorrect_spans_key should be a group that documents of the training data "
        f"have, was: {key!r}, which none has. Their groups are: {', '.join(sorted(groups))}. To "
        "fix: correct it, or set incorrect_spans_key = null, unless such spans come later"
    )


def check_declared(name: str, labels: Sequence[str], declared: Collection[str]) -> None:
    """Refuse documents that declare labels which the component does not have.

    RAISES (ValueError): naming the label and the repair.
    """
    unknown = sorted(set(declared) - set(labels))
    if unknown:
        raise ValueError(
            f"'{name}': a document must declare labels of the component as those it is annotated "
            f'with (attrs["labels"] of its group), was: {quote(unknown[0])}. Its labels are: '
            f"{list_some(labels, 10)}. To fix: correct the label, or, if it is one that no gold "
            "span has, initialize with all labels"
        )


def check_known(
    name: str,
    labels: Sequence[str],
    cfg: dict[str, Any],
    reader: GoldReader,
    wrong: Iterable[LabelledSpan],
) -> None:
    """Refuse training data and settings with labels that the component does not have.

    reader: has read the gold spans.
    wrong: the spans known to be wrong.
    RAISES (ValueError): naming the label and the repair.
    """
    check_declared(name, labels, reader.declared)
    check_labels(name, labels, wrong, WRONG)
    weigh_labels(name, labels, cfg)


def weigh_labels(name: str, labels: Sequence[str], cfg: dict[str, Any]) -> list[float] | None:
    """What the loss of each label counts.

    RETURNS (c): None if all count the same.
    RAISES (ValueError): an unknown label.
    """
    own = own_numbers(name, labels, cfg, "label_weights")
    return [own.get(label, 1.0) for label in labels] if own else None


def annotation_loss(
    tables: Tables,
    known: KnownSpans,
    loss: SpanLoss,
    max_length: int | None,
    weights: Sequence[float] | None,
) -> tuple[float, list[Floats2d]]:
    """Sum the loss over documents and the labels that each is annotated with.

    Only documents with the same labels are laid end to end. In a row with others, the spans across
    their border would be wrong spans of the first, and teach the tokens of the second that no span
    of such a label ends there, without any that do.

    tables: the rows of all documents of the batch.
    known: about their spans.
    loss, max_length, weights (c): as `batch_loss` takes them.
    RETURNS: the loss, and the gradient of the rows of each document.
    """
    labels = tables.model.attrs["labels"]
    every = [1.0] * len(labels) if weights is None else weights
    alike: dict[frozenset[str] | None, dict[int, Collection[LabelledSpan]]] = {}
    for place, spans in known.gold.items():
        alike.setdefault(known.labels.get(place), {})[place] = spans
    parts = []
    for own, gold in alike.items():
        counts = [w * (x in own) for w, x in zip(every, labels, strict=True)] if own else weights
        parts.append(batch_loss(tables, gold, loss, max_length, weights=counts))
    wrong = {
        place: {span for span in spans if max_length is None or span.end - span.start <= max_length}
        for place, spans in known.wrong.items()
    }
    if any(wrong.values()):
        only = partial(loss_of_negatives, loss=loss)
        parts.append(batch_loss(tables, wrong, only, max_length, weights=weights))
    if not parts:
        return batch_loss(tables, {}, loss, max_length)
    value, rows = parts[0]
    for more, others in parts[1:]:
        value += more
        rows = [x + other for x, other in zip(rows, others, strict=True)]
    return value, rows
