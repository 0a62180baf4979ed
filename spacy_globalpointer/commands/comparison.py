"""What a component finds and gold, on the tokens of the reference: spans, relations or events.

Both are compared as `nlp.evaluate` does.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

from spacy.language import Language
from spacy.training import Example
from spacy.util import minibatch

from ..label_sets import declared_labels, of_labels
from ..pipeline.alignment import labelled_spans, to_reference
from ..pipeline.event_gold import EventReader
from ..pipeline.event_pointer import EventPointer
from ..pipeline.event_scorer import read_events
from ..pipeline.global_pointer import GlobalPointer
from ..pipeline.gold import NO_GROUP, GoldReader
from ..pipeline.pair_gold import describe_no_gold
from ..pipeline.prediction import ScoredSpans
from ..pipeline.relation_gold import NO_RELATIONS, RelationReader
from ..pipeline.relation_pointer import RelationPointer
from ..pipeline.relation_prediction import ScoredRelations
from ..relations import get_relations
from ..spans import LabelledEvent, LabelledRelation, LabelledSpan, turn_forward
from .labels import list_labels

# Documents of a batch: few, so that progress can be seen while they are predicted.
MOST_DOCUMENTS = 100
# What a component finds.
Item = TypeVar("Item", LabelledSpan, LabelledRelation, LabelledEvent)


class NoGoldError(ValueError):
    """No document of the data is annotated with what a component finds."""


def run_before(nlp: Language, name: str, examples: Iterable[Example]) -> Iterator[list[Example]]:
    """Give the predicted side of examples what the components before one of them make of it.

    name: of the component; it and later ones do not run.
    YIELDS: batches of examples.
    """
    with nlp.select_pipes(disable=nlp.pipe_names[nlp.pipe_names.index(name) :]):
        for batch in minibatch(examples, min(nlp.batch_size, MOST_DOCUMENTS)):
            docs = nlp.pipe(example.predicted for example in batch)
            for example, doc in zip(batch, list(docs), strict=True):
                example.predicted = doc
            yield batch


class GoldAccount(Generic[Item]):
    """The gold spans, relations or events of examples, and what a user should know about them.

    documents: that were read.
    unannotated (documents): without gold; they are left out.
    partial (documents): annotated with the labels that they declare only.
    """

    def __init__(
        self,
        labels: Sequence[str],
        what: tuple[str, str, str],
        read: Callable[[Example], set[Item] | None],
        describe_lost: Callable[[], str],
    ) -> None:
        """Start an account.

        labels: that the component can find.
        what: what it finds, where that is, and what to do if it is not there; for messages.
        read: finds gold on the tokens of the reference; None where it is not annotated.
        describe_lost: says which of it cannot be learned; empty if all can be.
        """
        self._labels = labels
        self.what, self.place, self._hint = what
        self.documents = 0
        self.unannotated = 0
        self.partial = 0
        self._unknown: Counter[str] = Counter()  # gold of labels it cannot find
        self._read: Callable[[Example], set[Item] | None] = read
        self._describe_lost: Callable[[], str] = describe_lost

    def read(self, example: Example) -> set[Item] | None:
        """Find the gold of an example, on the tokens of the reference.

        RETURNS: None where the group is missing, which means "not annotated".
        """
        gold = self._read(example)
        self.documents += 1
        self.unannotated += gold is None
        self._unknown.update(item.label for item in gold or () if item.label not in self._labels)
        return gold

    def require(self, data: str, use: str = "") -> None:
        """Refuse documents of which none is annotated.

        data: the name of the argument, for the message.
        use: what gold is needed for.
        RAISES (NoGoldError): naming what is missing.
        """
        if self.documents == self.unannotated:
            raise NoGoldError(
                f"{data} must hold gold {self.what}{use}, but has {self.documents} documents, none "
                f"with {self.place}. {self._hint}"
            )

    def notes(self) -> list[str]:
        """What is odd about the gold."""
        notes: list[str] = []
        if self.unannotated:
            notes.append(f"{self.unannotated} documents without {self.place} are left out")
        if self.partial:
            notes.append(
                f"{self.partial} documents declare the labels they are annotated with: what is "
                "found of other labels is left out there"
            )
        if self._unknown:
            own = list_labels((label, None) for label in self._labels)
            notes.append(
                f"Gold {self.what} of labels that the component does not have count as missed: "
                f"{list_labels(self._unknown.items())}. Its labels are: {own}"
            )
        lost = self._describe_lost()
        return [*notes, lost] if lost else notes


def span_account(pipe: GlobalPointer) -> GoldAccount[LabelledSpan]:
    """Start an account of gold spans."""
    key = pipe.key
    reader = GoldReader(key, pipe.max_length)

    def read(example: Example) -> set[LabelledSpan] | None:
        if reader.read(example) is None:
            return None
        account.partial += declared_labels(example.reference, key) is not None
        return set(labelled_spans(example.reference.spans[key]))

    def describe_lost() -> str:
        return reader.describe_lost(pipe.name) if reader.lost else ""

    what = "spans", f"the span group {key!r}", NO_GROUP
    account = GoldAccount(pipe.labels, what, read, describe_lost)
    return account


def relation_account(pipe: RelationPointer) -> GoldAccount[LabelledRelation]:
    """Start an account of gold relations; those without direction lead forward."""
    reader = gold_spans_reader(pipe)

    def read(example: Example) -> set[LabelledRelation] | None:
        if reader.read(example).relations is None:
            return None
        relations = get_relations(example.reference, pipe.key)
        ends = labelled_spans(span for r in relations for span in (r.head, r.child))
        labels = (relation.label for relation in relations)
        return set(join_spans(pipe, ends, labels))

    def describe_lost() -> str:
        return reader.account(pipe.name)[1] if reader.lost else ""

    what = "relations", f"relations in doc.spans[{pipe.key!r}]", NO_RELATIONS
    return GoldAccount(pipe.labels, what, read, describe_lost)


def event_account(pipe: EventPointer) -> GoldAccount[LabelledEvent]:
    """Start an account of gold events."""
    reader = gold_events_reader(pipe)

    def read(example: Example) -> set[LabelledEvent] | None:
        if reader.read(example).relations is None:
            return None
        return set(read_events(example.reference, pipe.key, labelled_spans))

    def describe_lost() -> str:
        return reader.account(pipe.name)[1] if reader.lost else ""

    what = "events", f"events in doc.spans[{pipe.key!r}]", describe_no_gold("events")
    return GoldAccount(event_types(pipe), what, read, describe_lost)


def event_types(pipe: EventPointer) -> list[str]:
    """Types of the events that a component can find."""
    rules = pipe.rules
    return sorted(
        rules.types if rules.nodes is None else {kind for kind, _ in rules.nodes.values()}
    )


def gold_events_reader(pipe: EventPointer) -> EventReader:
    """Reads the gold spans that edges of events can join, and these edges."""
    cfg = {**pipe.cfg, "candidates": "gold", "missing": "skip"}
    return EventReader(cfg, pipe.labels, pipe.rules.nodes)


def events_on_reference(
    example: Example, found: Mapping[LabelledEvent, float]
) -> dict[LabelledEvent, float]:
    """The best score of each predicted event on the tokens of the reference."""
    moved = iter(to_reference(example, [span for event in found for span in event.spans]))
    return _best([event.between(moved) for event in found], list(found.values()))


def gold_spans_reader(pipe: RelationPointer) -> RelationReader:
    """Reads the gold spans that relations can join, and the relations between them."""
    return RelationReader({**pipe.cfg, "candidates": "gold", "missing": "skip"})


def join_spans(
    pipe: RelationPointer, ends: Sequence[LabelledSpan], labels: Iterable[str]
) -> list[LabelledRelation]:
    """Join spans, of which every second is a child; relations without direction lead forward."""
    relations = map(LabelledRelation, ends[::2], ends[1::2], labels)
    return [turn_forward(r) if r.label in pipe.cfg["symmetric"] else r for r in relations]


def spans_on_reference(
    example: Example, found: ScoredSpans, pipe: GlobalPointer
) -> dict[LabelledSpan, float]:
    """The best score of each predicted span on the tokens of the reference.

    Without those of labels that the reference is not annotated with.

    pipe: the component that found them.
    """
    best = _best(to_reference(example, found.named(pipe.labels)), found.score.tolist())
    declared = declared_labels(example.reference, pipe.key)
    return {span: best[span] for span in of_labels(best, declared)}


def relations_on_reference(
    example: Example, spans: Sequence[LabelledSpan], found: ScoredRelations, pipe: RelationPointer
) -> dict[LabelledRelation, float]:
    """The best score of each predicted relation on the tokens of the reference.

    spans: that found joins, on the predicted tokens.
    pipe: the component; relations without direction lead forward.
    """
    moved = to_reference(example, spans)
    pairs = zip(found.head.tolist(), found.child.tolist(), strict=True)
    ends = [moved[i] for pair in pairs for i in pair]
    labels = (pipe.labels[i] for i in found.label.tolist())
    return _best(join_spans(pipe, ends, labels), found.score.tolist())


def _best(items: Sequence[Item], scores: Sequence[float]) -> dict[Item, float]:
    """The best score of each item."""
    best: dict[Item, float] = {}
    for item, score in zip(items, scores, strict=True):
        best[item] = max(score, best.get(item, score))
    return best
