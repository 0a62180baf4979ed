"""Predicted and gold spans on the same tokens, those of the reference, as `nlp.evaluate` does."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from spacy.language import Language
from spacy.training import Example
from spacy.util import minibatch

from ..pipeline.alignment import labelled_spans, to_reference
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
    """

    def __init__(self, pipe: GlobalPointer) -> None:
        self.pipe = pipe
        self.unannotated = 0
        self._unknown: Counter[str] = Counter()  # gold spans of labels that pipe does not have
        self._reader = GoldReader(pipe.key, pipe.max_length)

    def read(self, example: Example) -> set[LabelledSpan] | None:
        """Find the gold spans of an example, on the tokens of the reference.

        RETURNS: None where the group is missing, which means "not annotated".
        """
        if self._reader.read(example) is None:
            self.unannotated += 1
            return None
        gold = set(labelled_spans(example.reference.spans[self.pipe.key]))
        labels = self.pipe.labels
        self._unknown.update(span.label for span in gold if span.label not in labels)
        return gold

    def notes(self) -> list[str]:
        """What is odd about the gold spans."""
        notes = []
        if self.unannotated:
            notes.append(
                f"{self.unannotated} documents without the span group {self.pipe.key!r} are left "
                "out"
            )
        if self._unknown:
            own = list_labels((label, None) for label in self.pipe.labels)
            notes.append(
                "Gold spans of labels that the component does not have count as missed: "
                f"{list_labels(self._unknown.items())}. Its labels are: {own}"
            )
        if self._reader.lost:
            notes.append(self._reader.describe_lost(self.pipe.name))
        return notes


def on_reference(
    example: Example, found: ScoredSpans, labels: Sequence[str]
) -> dict[LabelledSpan, float]:
    """The best score of each predicted span on the tokens of the reference.

    labels (c): names of the labels of found.
    """
    best: dict[LabelledSpan, float] = {}
    spans = to_reference(example, found.named(labels))
    for span, score in zip(spans, found.score.tolist(), strict=True):
        best[span] = max(score, best.get(span, score))
    return best
