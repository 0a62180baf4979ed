"""The pipeline that `spacy global-pointer render` shows: what finds spans and relations."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Corpus
from tqdm import tqdm

from ...spans import LabelledSpan
from ..inputs import find_component, load_pipeline
from .data import Document, Keys, Related, in_characters, read_relations

# Imports torch.
if TYPE_CHECKING:
    from ...pipeline.global_pointer import GlobalPointer
    from ...pipeline.relation_pointer import RelationPointer


class Predictor(NamedTuple):
    """Components of a pipeline whose predictions are shown.

    spans: finds spans; None if another component does, from which there are no scores.
    relations: finds relations between them, None if they are not shown.
    """

    nlp: Language
    spans: "GlobalPointer | None"
    relations: "RelationPointer | None"

    @property
    def span_labels(self) -> Sequence[str] | None:
        """Labels of spans; None if they are not known."""
        return None if self.spans is None else self.spans.labels

    @property
    def symmetric(self) -> Sequence[str]:
        """Labels of relations without direction."""
        return () if self.relations is None else self.relations.cfg["symmetric"]

    @property
    def keys(self) -> Keys:
        """Where the predictions are."""
        if self.relations is not None:
            return Keys(self.relations.cfg["spans"], self.relations.key)
        return Keys(self.spans.key if self.spans else "sc", None)

    def predict(self, documents: Sequence[Document]) -> Iterable[tuple[Doc, Document]]:
        """Predict, on the tokens that a pipeline gets in training; later components do not run.

        documents: that have tokens.
        """
        docs = (document.doc for document in documents)
        examples = Corpus(Path()).make_examples(self.nlp, docs)
        pairs = zip((example.predicted for example in examples), documents, strict=True)
        names, shown = self.nlp.pipe_names, [pipe for pipe in self[1:] if pipe is not None]
        last = max(names.index(pipe.name) for pipe in shown)
        self.nlp.select_pipes(disable=names[last + 1 :])
        predicted = self.nlp.pipe(pairs, as_tuples=True)
        # None: tqdm shows its bar on a terminal only.
        return tqdm(predicted, "Predicting", len(documents), unit=" docs", disable=None)

    def read(self, doc: Doc) -> tuple[dict[LabelledSpan, float | None], Related | None]:
        """The spans and the relations of a predicted document."""
        spans, key = self.keys
        group = doc.ents if spans is None else doc.spans.get(spans, ())
        related = None if self.relations is None or key is None else read_relations(doc, key)
        return read_scores(group), related


def load_predictor(model: str, name: str | None) -> Predictor:
    """Load a pipeline and find the components to show.

    name: of a component global_pointer, whose spans are shown alone, or of a relation_pointer; None
        for the only relation_pointer or, if there is none, the only global_pointer.
    RAISES (ValueError): no pipeline, no such component, or several.
    """
    from ...pipeline.global_pointer import GlobalPointer
    from ...pipeline.relation_pointer import RelationPointer

    nlp = load_pipeline(model)
    related = {key: pipe for key, pipe in nlp.pipeline if isinstance(pipe, RelationPointer)}
    if not related or (name is not None and name not in related):
        return Predictor(nlp, find_component(nlp, name)[1], None)
    if name is None and len(related) > 1:
        raise ValueError(
            f"the pipeline has several relation_pointer components: {', '.join(related)}. "
            "To fix: --component with the name of one"
        )
    pipe = related[next(iter(related)) if name is None else name]
    before = nlp.pipeline[: nlp.pipe_names.index(pipe.name)]
    writers = [own for _, own in before if isinstance(own, GlobalPointer)]
    spans = [own for own in writers if own.key == pipe.cfg["spans"]]
    return Predictor(nlp, spans[-1] if spans else None, pipe)


def read_scores(spans: Iterable[Span]) -> dict[LabelledSpan, float | None]:
    """Predicted spans (characters) with their scores; None for spans of components that give none.

    spans: a group, or entities.
    """
    found = in_characters(spans)
    scores = getattr(spans, "attrs", {}).get("scores", ())
    # Another component may have added spans.
    values = [float(x) for x in scores] if len(scores) == len(found) else [None] * len(found)
    return dict(zip(found, values, strict=True))
