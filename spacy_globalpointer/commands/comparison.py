"""Predicted and gold spans on the same tokens, those of the reference, as `nlp.evaluate` does."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from spacy.language import Language
from spacy.training import Example
from spacy.util import minibatch

from ..pipeline.alignment import labelled_spans, to_predicted, to_reference
from ..pipeline.global_pointer import GlobalPointer
from ..pipeline.gold import GoldReader
from ..pipeline.prediction import ScoredSpans
from ..spans import LabelledSpan
from .labels import list_labels

# Documents of a batch: few, so that progress can be seen while they are predicted.
MOST_DOCUMENTS = 100


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


class GoldAccount:
    """The gold spans of examples, and what a user should know about them.

    unannotated (documents): without the span group; they are left out.
    unknown (spans): of labels that the component does not have.
    """

    def __init__(self, pipe: GlobalPointer) -> None:
        """Begin with no example.

        pipe: the component whose spans are compared.
        """
        self.pipe = pipe
        self.unannotated = 0
        self.unknown: Counter[str] = Counter()
        self._reader = GoldReader(pipe.key, pipe.max_length)
        self._labels = set(pipe.labels)

    def read(self, example: Example) -> set[LabelledSpan] | None:
        """Find the gold spans of an example, on the tokens of the reference.

        RETURNS: None where the group is missing, which means "not annotated".
        """
        if self._reader.read(example) is None:
            self.unannotated += 1
            return None
        gold = set(labelled_spans(example.reference.spans[self.pipe.key]))
        self.unknown.update(label for *_, label in gold if label not in self._labels)
        return gold

    def notes(self) -> list[str]:
        """What is odd about the gold spans."""
        notes = []
        if self.unannotated:
            notes.append(
                f"{self.unannotated} documents without the span group {self.pipe.key!r} are left "
                "out"
            )
        if self.unknown:
            own = list_labels((label, None) for label in self.pipe.labels)
            notes.append(
                "Gold spans of labels that the component does not have count as missed: "
                f"{list_labels(self.unknown.items())}. Its labels are: {own}"
            )
        if self._reader.lost:
            notes.append(self._reader.describe_lost(self.pipe.name))
        return notes


def locate_gold(
    example: Example, gold: Iterable[LabelledSpan], labels: Sequence[str]
) -> dict[LabelledSpan, LabelledSpan]:
    """Find gold spans on the predicted tokens, where the component can score them.

    labels (c): of the component.
    RETURNS: without spans that it can never find, as they have another label, no token, or other
        borders than the predicted tokens.
    """
    known = sorted(span for span in gold if span.label in labels)
    return {
        span: moved
        for span, moved in zip(known, to_predicted(example, known), strict=True)
        if moved.start < moved.end and moved.is_whole
    }


def on_reference(
    example: Example, found: ScoredSpans, labels: Sequence[str]
) -> dict[LabelledSpan, float]:
    """Scores of predicted spans on the tokens of the reference.

    labels (c): names of the labels of found.
    RETURNS: the best score of each span.
    """
    best: dict[LabelledSpan, float] = {}
    scores: list[float] = found.score.tolist()
    for cell, score in zip(move_found(example, found, labels), scores, strict=True):
        best[cell] = max(score, best.get(cell, score))
    return best


def move_found(example: Example, found: ScoredSpans, labels: Sequence[str]) -> list[LabelledSpan]:
    """Each predicted span on the tokens of the reference.

    labels (c): names of the labels of found.
    """
    return to_reference(example, found.named(labels))
