"""Soft targets: probabilities of spans, such as a teacher's, to learn beside gold or without."""

import inspect
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from spacy.tokens import SpanGroup
from spacy.training import Example

from ..losses import SpanLoss
from ..messages import list_some
from ..spans import LabelledSpan
from .gold import GoldReader
from .one_span import is_of_one_span
from .settings import is_probability

HINT = (
    "`spacy global-pointer annotate TEACHER INPUT OUTPUT.spacy --soft-key KEY` writes such a group"
)


def check_soft(name: str, cfg: dict[str, Any], loss: SpanLoss) -> None:
    """Refuse invalid settings of soft targets.

    name: of the component, for the message.
    loss: of the component.
    RAISES (ValueError): a group that is that of the gold spans, a share outside [0, 1], a loss that
        takes no weights.
    """
    key, weight = cfg["soft_spans_key"], cfg["soft_weight"]
    if key is not None and (not isinstance(key, str) or not key or key == cfg["spans_key"]):
        raise ValueError(
            f"'{name}': soft_spans_key must be a group of doc.spans or null for none, but not the "
            f"spans_key, whose spans are all gold, was: {key!r}. To fix: write soft spans into a "
            f"group of their own. {HINT}"
        )
    if key is not None and key == cfg["incorrect_spans_key"]:
        raise ValueError(
            f"'{name}': soft_spans_key must be another group than incorrect_spans_key, whose spans "
            f"all have the target 0, was: {key!r} for both. To fix: keep what a teacher found and "
            "what was rejected in groups of their own"
        )
    if not is_probability(weight):
        raise ValueError(
            f"'{name}': soft_weight must be a share in [0, 1], was: {weight!r}. To fix: 0.5 is "
            "usual, 1.0 learns from the teacher alone"
        )
    if type(cfg["soft_rehearsal"]) is not bool:
        raise ValueError(
            f"'{name}': soft_rehearsal must be true or false, was: {cfg['soft_rehearsal']!r}"
        )
    if key is None and not cfg["soft_rehearsal"]:
        return
    what = "soft_spans_key" if key is not None else "soft_rehearsal"
    if is_of_one_span(loss):
        raise ValueError(
            f"'{name}': {what} needs a loss with soft targets, and ExpectedF1 has none. To fix: "
            '@losses = "spacy_globalpointer.ZLPR.v1"'
        )
    try:
        inspect.signature(loss).bind(None, None, None)
    except TypeError as error:
        raise ValueError(
            f"'{name}': a loss must take soft targets, as a third argument with the weights of the "
            f"gold spans, if {what} is set, was: one that does not ({error}). To fix: @losses = "
            f'"spacy_globalpointer.ZLPR.v1", or add `weights` as `nn.zlpr` has it'
        ) from error


class SoftReader(GoldReader):
    """Finds soft targets of examples, and keeps the same account of them as of gold spans."""

    loss = "'{name}' cannot learn {lost} of {total} soft spans: "

    def __init__(self, key: str | None, max_length: int | None) -> None:
        """Start an account.

        key: name of the span group in example.reference.spans; None to read nothing.
        max_length (tokens): longest span that can be learned, None for no limit.
        """
        super().__init__(key or "", max_length)
        self.is_on = key is not None

    def read_targets(
        self, example: Example, has_vector: Sequence[bool] | None = None
    ) -> dict[LabelledSpan, float] | None:
        """Find the soft targets of an example that can be learned.

        has_vector (l): for each predicted token; None if not known.
        RETURNS: probabilities of spans on the predicted tokens; None if there is no such group.
        RAISES (ValueError): scores that are missing or are no probabilities, texts that differ.
        """
        if not self.is_on or self.key not in example.reference.spans:
            return None
        scores = read_probabilities(example.reference.spans[self.key], self.key)
        found = self.find_places(example, has_vector)
        return {span: scores[place] for span, place in found.items()}

    def check(self, name: str, labels: Sequence[str]) -> None:
        """Refuse training data whose soft targets cannot be learned; all of it has been read.

        name, labels: of the component.
        RAISES (ValueError): no soft targets at all, or such of labels that the component lacks.
        """
        if self.is_on and not self.documents:
            raise ValueError(
                f"'{name}': soft_spans_key must be a group that documents of the training data "
                f"have, was: {self.key!r}, which none has. To fix: {HINT}; soft_spans_key = null "
                "trains without"
            )
        unknown = sorted(self.labels - set(labels))
        if unknown:
            raise ValueError(
                f"'{name}': a teacher must have no other labels than the component "
                f"({list_some(labels, 10)}), but doc.spans[{self.key!r}] has: "
                f"{list_some(unknown)}. To fix: use a teacher of the same labels, or name all "
                f"labels in `labels` of [initialize.components.{name}]"
            )


def read_probabilities(group: SpanGroup, key: str) -> list[float]:
    """The probabilities of the spans of a group.

    group: with attrs["scores"], unless it is empty.
    key: of doc.spans.
    RAISES (ValueError): scores that are missing, no list, of another number than the spans, or no
        numbers in [0, 1].
    """
    scores = group.attrs.get("scores", () if not len(group) else None)
    rule = f"doc.spans[{key!r}], a group of soft spans, must have attrs['scores']"
    where = f"(document {group.doc.text[:60]!r}). To fix: {HINT}"
    if scores is None:
        raise ValueError(f"{rule}, was: {len(group)} spans without {where}")
    if not isinstance(scores, (list, tuple)) and getattr(scores, "ndim", 0) != 1:
        raise ValueError(f"{rule} that are a list of numbers, was: {scores!r} {where}")
    if len(scores) != len(group):
        raise ValueError(
            f"{rule}, one for each span, was: {len(scores)} scores of {len(group)} spans {where}"
        )
    for score in scores:
        if not is_probability(score):
            shown = repr(score) if isinstance(score, (str, int)) else score
            raise ValueError(f"{rule} that are probabilities in [0, 1], was: {shown} {where}")
    return [float(score) for score in scores]


def blend(
    gold: Collection[LabelledSpan] | None,
    soft: Mapping[LabelledSpan, float],
    share: float,
    declared: Collection[str] | None = None,
) -> dict[LabelledSpan, float]:
    """The targets of a document: (1 - share) gold + share soft, or soft if it is not annotated.

    gold: spans; None if the document is not annotated.
    soft (probability): of spans; 0 for all others.
    share: of the soft targets.
    declared: labels that the document is annotated with; None for all.
    """
    if gold is None:
        return dict(soft)
    targets = {
        span: target * (share if declared is None or span.label in declared else 1)
        for span, target in soft.items()
    }
    for span in gold:
        targets[span] = min(1.0, targets.get(span, 0.0) + 1 - share)
    return targets


def as_weights(targets: Sequence[float]) -> list[tuple[float, float]] | None:
    """Weights of gold in the two sums of ZLPR; None if all of it is certain.

    targets (probability): of each row of gold.
    """
    if all(target == 1 for target in targets):
        return None
    return [(target, 1 - target) for target in targets]
