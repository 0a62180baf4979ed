"""What a component finds of the relations of annotated documents, and how sure it is."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from ...models import DocSpans
from ...pipeline.alignment import to_predicted, to_reference
from ...pipeline.pair_gold import find_spans
from ...pipeline.pair_settings import describe_no_spans
from ...pipeline.relation_pointer import RelationPointer
from ...pipeline.relation_prediction import (
    ScoredRelations,
    find_and_score_relations,
    predict_relations,
)
from ...pipeline.relation_scorer import compare_relations
from ...pipeline.relation_settings import describe_full_relations
from ...pipeline.settings import label_cuts
from ...spans import Counts, LabelledRelation, LabelledSpan
from ..comparison import (
    gold_spans_reader,
    join_spans,
    relation_account,
    relations_on_reference,
    run_before,
)
from .judged import (
    Joined,
    Judgement,
    describe_crowded_documents,
    lowest_settings,
    sentence_starts,
)


class JudgedRelations(Joined[LabelledRelation]):
    """A document with its gold and its predicted relations."""


class _Found(NamedTuple):
    """What is found in a document, on its own tokens.

    spans: that could be joined; own, lower: what is found with the own and the lowest thresholds.
    scores: of gold relations.
    given: the gold spans, and what is found between them.
    """

    spans: Sequence[LabelledSpan]
    own: ScoredRelations
    lower: ScoredRelations
    scores: dict[LabelledRelation, float]
    given: tuple[Sequence[LabelledSpan], ScoredRelations]


def judge_relations(nlp: Language, name: str, examples: Iterable[Example]) -> Judgement:
    """Find relations with the component's own settings, and score those below and all gold ones.

    The model runs once on the spans that the pipeline finds, and once on the gold spans.

    name: of the component; later components do not run.
    RAISES (NoGoldError): no annotated documents. (ValueError): settings that mean nothing.
    """
    pipe: Any = nlp.get_pipe(name)
    pipe.predict([])  # refuses a component that is not initialized
    account, search = relation_account(pipe), _Search(pipe)
    documents: list[JudgedRelations] = []
    number = 0
    for batch in run_before(nlp, name, examples):
        golds = [account.read(example) for example in batch]
        located = [_locate(pipe, *pair) for pair in zip(batch, golds, strict=True)]
        found = search.find(batch, located)
        for example, gold, own in zip(batch, golds, found, strict=True):
            number += 1
            if gold is not None:
                documents.append(_judge_document(pipe, number, example, gold, own))
    account.require("DATA")
    notes = [*account.notes(), *search.notes(), *_notes(pipe, documents)]
    return Judgement(documents, search.lowest, account.unannotated, notes)


class _Search:
    """Finds relations in batches, and keeps an account of what a user should know."""

    def __init__(self, pipe: RelationPointer) -> None:
        low, self.lowest = lowest_settings(pipe.cfg)
        cuts = (label_cuts(pipe.name, pipe.labels, cfg) for cfg in (pipe.cfg, low))
        self.searches = list(zip(cuts, (pipe.cfg, low), strict=True))
        self.pipe, self.gold_spans = pipe, gold_spans_reader(pipe)
        self.n_crowded = 0
        self.messages: dict[str, str] = {}  # the first of each kind

    def find(
        self,
        batch: Sequence[Example],
        located: Sequence[Mapping[LabelledRelation, LabelledRelation]],
    ) -> list[_Found]:
        """Find what there is in each document of a batch, and write it into the document.

        located: gold relations that could be found, and what they are on the predicted tokens.
        """
        pipe, (cuts, cfg) = self.pipe, self.searches[0]
        items = [self._item(example.predicted) for example in batch]
        gold_items = [self.gold_spans.read(example).spans for example in batch]
        (own, lower), scores = find_and_score_relations(pipe.model, items, self.searches, located)
        given = predict_relations(pipe.model, gold_items, cuts, cfg)
        self.n_crowded += len(lower.full)
        for doc, most in own.full:
            self.messages.setdefault("full", describe_full_relations(pipe.name, doc, most))
        docs = [example.predicted for example in batch]
        pipe.set_annotations(docs, list(zip(items, own.relations, strict=True)))
        spans, gold_spans = ([item.spans for item in side] for side in (items, gold_items))
        ideal = zip(gold_spans, given.relations, strict=True)
        return list(map(_Found, spans, own.relations, lower.relations, scores, ideal))

    def _item(self, doc: Doc) -> DocSpans:
        found = find_spans(doc, self.pipe.cfg["spans"])
        if found is None and len(doc):
            message = describe_no_spans(self.pipe.name, self.pipe.cfg["spans"], doc)
            self.messages.setdefault("no spans", message)
        return DocSpans(doc, found.spans if found else [])

    def notes(self) -> Iterator[str]:
        """What is odd about what was found."""
        yield from self.messages.values()
        if self.n_crowded:
            yield describe_crowded_documents("relations", self.n_crowded, self.lowest)


def _locate(
    pipe: RelationPointer, example: Example, gold: set[LabelledRelation] | None
) -> dict[LabelledRelation, LabelledRelation]:
    """Gold relations on the predicted tokens, but for those of labels that cannot be found."""
    known = sorted(relation for relation in gold or () if relation.label in pipe.labels)
    ends = to_predicted(example, [span for r in known for span in (r.head, r.child)])
    return dict(zip(known, join_spans(pipe, ends, (r.label for r in known)), strict=True))


def _judge_document(
    pipe: RelationPointer,
    number: int,
    example: Example,
    gold: set[LabelledRelation],
    found: _Found,
) -> JudgedRelations:
    own, more = (
        relations_on_reference(example, found.spans, part, pipe)
        for part in (found.own, found.lower)
    )
    arguments = {span for relation in gold for span in (relation.head, relation.child)}
    source = find_spans(example.reference, pipe.cfg["spans"], is_gold=True)
    views = compare_relations(example, pipe.key, pipe.cfg["symmetric"])
    return JudgedRelations(
        number,
        example.reference,
        sentence_starts(example),
        {relation: found.scores.get(relation) for relation in gold},
        own,
        {**more, **own},
        gold_spans=arguments | set(source.spans if source else ()),
        found_spans=set(to_reference(example, found.spans)),
        views={name: Counts.compare(*pair) for name, pair in views.items()},
        given=set(relations_on_reference(example, *found.given, pipe)),
    )


def _notes(pipe: RelationPointer, documents: Sequence[JudgedRelations]) -> Iterator[str]:
    off = (
        not (relation.head.is_whole and relation.child.is_whole)
        for document in documents
        for relation in document.found
    )
    if n_off := sum(off):
        yield (
            f"{n_off} predicted relations join spans that do not begin and end where tokens of "
            "DATA do: they count as wrong"
        )
    if not any(document.gold for document in documents):
        yield f"No document has a gold relation: the group {pipe.key!r} is empty in all of them"
