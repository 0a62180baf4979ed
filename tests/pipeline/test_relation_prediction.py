"""Several searches and the scores of given relations, from one run of the model."""

import math
from itertools import product

import pytest
from relation_samples import make_relation_examples, make_relation_nlp
from thinc.api import Model

from spacy_globalpointer.models import DocSpans
from spacy_globalpointer.pipeline.pair_gold import find_spans
from spacy_globalpointer.pipeline.relation_prediction import (
    find_and_score_relations,
    predict_relations,
)
from spacy_globalpointer.spans import LabelledRelation, LabelledSpan, turn_forward


def make_batch(**settings):
    nlp = make_relation_nlp(**settings)
    examples = make_relation_examples(nlp)
    pipe = nlp.get_pipe("relation_pointer")
    pipe.initialize(lambda: examples)
    docs = [example.predicted for example in examples]
    return pipe, [DocSpans(d, find_spans(d, "sc").spans) for d in docs]


def named(pipe, item, found):
    """{relation: score} of what was found."""
    columns = zip(*(column.tolist() for column in found), strict=True)
    return {
        LabelledRelation(item.spans[head], item.spans[child], pipe.labels[label]): score
        for label, head, child, score in columns
    }


def all_relations(pipe, spans):
    for head, child, label in product(spans, spans, pipe.labels):
        edge = LabelledRelation(head, child, label)
        yield turn_forward(edge) if label in pipe.cfg["symmetric"] else edge


@pytest.mark.parametrize("architecture", ["SpanPairs", "GPLinker"])
@pytest.mark.parametrize("type_pairs", ["seen", "any"])
def test_scores_are_those_of_what_is_found_without_a_threshold(architecture, type_pairs):
    pipe, batch = make_batch(architecture=architecture, type_pairs=type_pairs)
    every = {**pipe.cfg, "max_relations": 1000}
    cuts = [-math.inf] * len(pipe.labels)
    strange = LabelledSpan(0, 1, "NEVER SEEN")
    given = [{edge: edge for edge in all_relations(pipe, [*spans, strange])} for _, spans in batch]
    (found,), scores = find_and_score_relations(pipe.model, batch, [(cuts, every)], given)
    assert sum(map(len, scores)) > (8 if type_pairs == "seen" else 20)
    for item, own, score in zip(batch, found.relations, scores, strict=True):
        assert score == pytest.approx(named(pipe, item, own))


def test_each_search_finds_what_it_would_alone(monkeypatch):
    pipe, batch = make_batch()
    every = {**pipe.cfg, "max_relations": 1000}
    cuts = [[-math.inf] * 4, [0.0] * 4, [0.05, -0.1, math.inf, 0.0]]
    searches = [(own, every) for own in cuts] + [(cuts[0], {**pipe.cfg, "max_relations": 2})]
    alone = [predict_relations(pipe.model, batch, *search) for search in searches]
    runs, predict = [], Model.predict

    def spy(self, X):
        runs.append(len(X) if self is pipe.model else 0)
        return predict(self, X)

    monkeypatch.setattr(Model, "predict", spy)
    together, _ = find_and_score_relations(pipe.model, batch, searches, [{} for _ in batch])
    assert sum(runs) == sum(len(spans) > 1 for _, spans in batch)
    for one, other in zip(together, alone, strict=True):
        assert one.full == other.full
        for item, a, b in zip(batch, one.relations, other.relations, strict=True):
            assert named(pipe, item, a) == named(pipe, item, b)
    assert len(together[3].full) > 1


def test_raw_scores_stand_for_the_probabilities():
    pipe, batch = make_batch()
    cuts = [-math.inf] * len(pipe.labels)
    both = [
        predict_relations(pipe.model, batch, cuts, pipe.cfg, raw=raw).relations
        for raw in (False, True)
    ]
    for plain, raw in zip(*both, strict=True):
        probability = [1 / (1 + math.exp(-2 * s)) for s in raw.score.tolist()]
        assert plain.score.tolist() == pytest.approx(probability, rel=1e-5)
