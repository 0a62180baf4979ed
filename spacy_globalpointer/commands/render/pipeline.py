"""The pipeline that `spacy global-pointer render` shows: what finds spans, relations and events."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Corpus
from tqdm import tqdm

from ...spans import LabelledSpan
from ..inputs import find_component, load_pipeline
from .data import (
    Document,
    Happened,
    Keys,
    Related,
    in_characters,
    read_happened,
    read_relations,
)

# Imports torch.
if TYPE_CHECKING:
    from ...pipeline.event_pointer import EventPointer
    from ...pipeline.global_pointer import GlobalPointer
    from ...pipeline.relation_pointer import RelationPointer


class Predictor(NamedTuple):
    """Components of a pipeline whose predictions are shown.

    spans: finds spans; None if another component does, from which there are no scores.
    relations, events: find these between them, None if they are not shown.
    """

    nlp: Language
    spans: "GlobalPointer | None"
    relations: "RelationPointer | None" = None
    events: "EventPointer | None" = None

    @property
    def span_labels(self) -> Sequence[str] | None:
        """Labels of spans; None if they are not known, or come from several components."""
        return None if self.spans is None or len(self._sources) > 1 else self.spans.labels

    @property
    def event_types(self) -> Sequence[str] | None:
        """Types of events; None if they are not shown."""
        # Imports torch.
        from ..comparison import event_types

        return None if self.events is None else event_types(self.events)

    @property
    def symmetric(self) -> Sequence[str]:
        """Labels of relations without direction."""
        return () if self.relations is None else self.relations.cfg["symmetric"]

    @property
    def _sources(self) -> list[str | None]:
        """Where the spans are that are joined."""
        # Imports torch.
        from ...pipeline.pair_gold import list_span_sources

        pipes = [pipe for pipe in (self.relations, self.events) if pipe is not None]
        return list(dict.fromkeys(x for p in pipes for x in list_span_sources(p.cfg["spans"])))

    @property
    def keys(self) -> Keys:
        """Where the predictions are."""
        own = [self.spans.key if self.spans else "sc"]
        joining = (pipe.key if pipe else None for pipe in (self.relations, self.events))
        return Keys(self._sources or own, *joining)

    def predict(self, documents: Sequence[Document]) -> Iterable[tuple[Doc, Document]]:
        """Predict, on the tokens that a pipeline gets in training; later components do not run.

        documents: that have tokens.
        """
        docs = (document.doc for document in documents)
        examples = Corpus(Path()).make_examples(self.nlp, docs)
        pairs = zip((example.predicted for example in examples), documents, strict=True)
        names, shown = self.nlp.pipe_names, [pipe for pipe in self[1:] if pipe is not None]
        last = max(names.index(pipe.name) for pipe in shown)
        with self.nlp.select_pipes(disable=names[last + 1 :]):
            predicted = self.nlp.pipe(pairs, as_tuples=True)
            # None: tqdm shows its bar on a terminal only.
            yield from tqdm(predicted, "Predicting", len(documents), unit=" docs", disable=None)

    def read(self, doc: Doc) -> "Found":
        """The spans, relations and events of a predicted document."""
        return read_found(doc, self.keys)


class Found(NamedTuple):
    """What is predicted in a document (characters), with scores; None if it is not looked for."""

    spans: dict[LabelledSpan, float | None]
    relations: Related | None
    events: Happened | None


def read_found(doc: Doc, keys: Keys) -> Found:
    """The spans, relations and events that are in groups of a predicted document."""
    spans, relations, events = keys
    found: dict[LabelledSpan, float | None] = {}
    for key in spans:
        found.update(read_scores(doc.ents if key is None else doc.spans.get(key, ())))
    related = None if relations is None else read_relations(doc, relations)
    return Found(found, related, None if events is None else read_happened(doc, events))


def load_predictor(model: str, name: str | None) -> Predictor:
    """Load a pipeline and find the components to show.

    name: of a component global_pointer, whose spans are shown alone, or of a relation_pointer or an
        event_pointer; None for the only one of each of these or, if there is none, the only
        global_pointer.
    RAISES (ValueError): no pipeline, no such component, or several.
    """
    from ...pipeline.event_pointer import EventPointer
    from ...pipeline.global_pointer import GlobalPointer
    from ...pipeline.relation_pointer import RelationPointer

    nlp = load_pipeline(model)
    kinds = {"relation_pointer": RelationPointer, "event_pointer": EventPointer}
    joining = {
        kind: [key for key, pipe in nlp.pipeline if isinstance(pipe, own) and name in (None, key)]
        for kind, own in kinds.items()
    }
    if not any(joining.values()):
        return Predictor(nlp, find_component(nlp, name)[1])
    for kind, found in joining.items():
        if len(found) > 1:
            raise ValueError(
                f"the pipeline has several {kind} components: {', '.join(found)}. "
                "To fix: --component with the name of one"
            )
    related, happened = (nlp.get_pipe(found[0]) if found else None for found in joining.values())
    shown = Predictor(nlp, None, related, happened)  # type: ignore[arg-type]
    last = max(nlp.pipe_names.index(found[0]) for found in joining.values() if found)
    writers = [own for _, own in nlp.pipeline[:last] if isinstance(own, GlobalPointer)]
    spans = [own for own in writers if own.key in shown.keys.spans]
    return shown._replace(spans=spans[-1] if spans else None)


def read_scores(spans: Iterable[Span]) -> dict[LabelledSpan, float | None]:
    """Predicted spans (characters) with their scores; None for spans of components that give none.

    spans: a group, or entities.
    """
    found = in_characters(spans)
    scores = getattr(spans, "attrs", {}).get("scores", ())
    # Another component may have added spans.
    values = [float(x) for x in scores] if len(scores) == len(found) else [None] * len(found)
    return dict(zip(found, values, strict=True))
