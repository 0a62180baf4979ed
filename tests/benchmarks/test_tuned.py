"""The threshold that is chosen on other documents than are counted."""

import numpy
import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Span

from benchmarks import tuned
from benchmarks.accuracy import predict_cells
from benchmarks.peers import make_pipeline
from benchmarks.text import KEY, STYLES, AnnotatedText, generate
from benchmarks.tuned import cross_fit_threshold
from spacy_globalpointer.commands.tune.thresholds import best_global


@Language.factory("scored_spans")
class Scored:
    """What is asked of a trained spancat: spans of the words that are numbers, which score so."""

    labels = ("A", "B")

    def __init__(self, nlp, name):
        self.cfg = {"threshold": 0.5}

    def __call__(self, doc):
        spans = [Span(doc, t.i, t.i + 1, label="A") for t in doc if self.score(t) is not None]
        doc.spans[KEY] = spans
        doc.spans[KEY].attrs["scores"] = numpy.array([self.score(span[0]) for span in spans])
        return doc

    def score(self, token):
        score = float(token.text) if token.like_num else 0.0
        return score if score >= self.cfg["threshold"] else None


@pytest.fixture
def spancat():
    nlp = spacy.blank("en")
    nlp.add_pipe("scored_spans", name="spancat")
    return nlp


# Gold from 0.2 on: the fixed threshold of 0.5 finds half of it, one below 0.2 all.
WORDS = ["0.9", "0.6", "0.3", "0.2", "0.11", "0.01", "b"]
DOC = AnnotatedText(WORDS, [(i, i + 1, "A") for i in range(4)])


def test_the_threshold_is_chosen_on_the_other_documents(spancat):
    assert cross_fit_threshold(spancat, [DOC] * 10) == {"p": 1.0, "r": 1.0, "f": 1.0}
    # Nine documents say that 0.11 is wrong; in the tenth it is right, and is missed.
    odd = DOC._replace(spans=[*DOC.spans, (4, 5, "A")])
    assert cross_fit_threshold(spancat, [DOC] * 9 + [odd])["r"] == pytest.approx(40 / 41)


def test_the_pipeline_keeps_its_threshold(spancat):
    cross_fit_threshold(spancat, [DOC] * 5)
    assert spancat.get_pipe("spancat").cfg == {"threshold": 0.5}


def test_gold_spans_that_cannot_be_found_are_missed(spancat):
    # One does not fit the tokens, one has a label that the component does not know.
    docs = [DOC._replace(lost=1, spans=[*DOC.spans, (6, 7, "C")])] * 10
    assert cross_fit_threshold(spancat, docs)["r"] == pytest.approx(4 / 6)


def test_nothing_to_choose_is_no_score(spancat):
    assert cross_fit_threshold(spancat, [DOC]) is None
    assert cross_fit_threshold(spacy.blank("en"), [DOC] * 10) is None


@pytest.mark.parametrize("overlap", [True, False])
def test_ours_is_cross_fitted_as_tune_does(overlap, monkeypatch):
    docs = generate(STYLES["genia"], 10, seed=0)
    nlp = make_pipeline("global_pointer_plain", docs, 0)
    pipe = nlp.get_pipe("global_pointer")
    pipe.cfg["allow_overlap"] = overlap
    optimizer = nlp.resume_training(sgd=None)
    examples = [doc.make_example(nlp.vocab) for doc in docs]
    for _ in range(40):
        nlp.update(examples, sgd=optimizer)
    # With each document as a fold, and counted by hand with the component itself.
    monkeypatch.setattr(tuned, "FOLDS", len(docs))
    right = predicted = 0
    for i, doc in enumerate(docs):
        others = [example for j, example in enumerate(examples) if j != i]
        candidates = tuned.find_candidates(nlp, "global_pointer", others, tuned.LOWEST).candidates
        pipe.cfg["threshold"] = best_global(candidates).shared
        [found] = predict_cells(nlp, "global_pointer", [doc])
        pipe.cfg["threshold"] = 0.4
        right, predicted = right + len(found & set(doc.spans)), predicted + len(found)
    scores = cross_fit_threshold(nlp, docs)
    assert right > 0
    assert scores["p"] == pytest.approx(right / predicted)
    assert scores["r"] == pytest.approx(right / sum(len(doc.spans) for doc in docs))
