"""Relations to choose thresholds for: all that a low threshold finds, and those others keep."""

from collections.abc import Iterator, Sequence

import torch
from spacy.training import Example

from ...models import DocSpans
from ...nn import to_probability
from ...pipeline.pair_gold import find_spans
from ...pipeline.relation_pointer import RelationPointer
from ...pipeline.relation_prediction import ScoredRelations, predict_relations
from ...pipeline.settings import label_cuts
from ...spans import LabelledRelation
from ..comparison import relation_account, relations_on_reference
from .floor import Floor

# The spans of a document, and the relations between them.
FoundRelations = tuple[DocSpans, ScoredRelations]


class RelationSource:
    """What `tune` needs to know about relations: as `SpanSource`."""

    limit, items = "max_relations", "relations"

    def __init__(self, pipe: RelationPointer) -> None:
        """Start.

        pipe: the component.
        """
        self.pipe, self.account, self.metric = pipe, relation_account(pipe), pipe.key

    def predict(
        self, batch: Sequence[Example], cuts: Sequence[float]
    ) -> Iterator[tuple[FoundRelations, Floor | None]]:
        """Find relations with raw scores between the spans that there are.

        cuts (c): raw, of each label.
        YIELDS: those of each document, and its floor if it has more than it may have.
        """
        items = []
        for doc in (example.predicted for example in batch):
            spans = find_spans(doc, self.pipe.cfg["spans"])
            items.append(DocSpans(doc, spans.spans if spans else []))
        result = predict_relations(self.pipe.model, items, cuts, self.pipe.cfg, raw=True)
        most = {id(doc): n for doc, n in result.full}
        for item, found in zip(items, result.relations, strict=True):
            text, n = item.doc.text[:60], most.get(id(item.doc))
            floor = None if n is None else Floor(float(found.score.min()), text, n)
            yield (item, found), floor

    def changes(
        self, example: Example, found: FoundRelations, lowest: float, floors: list[Floor]
    ) -> Iterator[tuple[LabelledRelation, float, int]]:
        """Relations, and the raw score below which a cut finds them."""
        (_, spans), relations = found
        scores = relations_on_reference(example, spans, relations, self.pipe).items()
        return ((relation, score, 1) for relation, score in scores)

    def keep(self, found: FoundRelations) -> FoundRelations:
        """Of all relations of a document with raw scores, those that the component finds."""
        pipe, (item, relations) = self.pipe, found
        cuts = torch.tensor(label_cuts(pipe.name, pipe.labels, pipe.cfg)).numpy()
        kept = relations.score >= cuts[relations.label]
        label, head, child, score = (column[kept] for column in relations)
        probability = to_probability(torch.from_numpy(score)).numpy()
        return item, ScoredRelations(label, head, child, probability)
