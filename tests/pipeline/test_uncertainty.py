"""How unsure a pipeline is of a document."""

from math import log

import numpy
import pytest
import spacy
from samples import SENTENCES, make_examples, make_nlp, train

from spacy_globalpointer.pipeline import uncertainty
from spacy_globalpointer.pipeline.prediction import ScoredSpans
from spacy_globalpointer.pipeline.uncertainty import UNCERTAINTY, measure_uncertainty

TEXTS = [text for text, _ in SENTENCES]


def make_spans(*spans):
    columns = list(zip(*spans, strict=True)) or [(), (), (), ()]
    return ScoredSpans(*map(numpy.array, columns[:3]), numpy.array(columns[3], dtype="f"))


def test_it_is_the_surprise_at_all_decisions():
    """A found span that is none, and another that is one."""
    every = make_spans((0, 0, 1, 0.9), (0, 2, 3, 0.4), (1, 2, 3, 0.5), (1, 4, 5, 0.01))
    found = make_spans((0, 0, 1, 0.9), (1, 2, 3, 0.5))
    expected = -log(0.9) - log(0.6) - log(0.5) - log(0.99)
    assert uncertainty._sum_doubts(found, every) == pytest.approx(expected)
    assert uncertainty._sum_doubts(make_spans(), make_spans()) == 0.0


def test_sure_and_wrong_is_a_finite_number():
    sure = make_spans((0, 0, 1, 1.0))
    assert uncertainty._sum_doubts(sure, sure) == 0.0
    assert uncertainty._sum_doubts(make_spans(), sure) == pytest.approx(-log(1e-6))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A pipeline that has learned little."""
    nlp = make_nlp()
    train(nlp, make_examples(nlp), steps=15)
    directory = tmp_path_factory.mktemp("model")
    nlp.to_disk(directory)
    return directory


def measure(folder, texts=TEXTS, **settings):
    nlp = spacy.load(folder)
    nlp.get_pipe("global_pointer").cfg.update(settings)
    measure_uncertainty(nlp)
    return list(nlp.pipe(texts))


@pytest.mark.filterwarnings("ignore:.*kept only the best:UserWarning")
@pytest.mark.parametrize(
    "settings", [{}, {"allow_overlap": False}, {"max_spans": 1}, {"threshold": 0.2}]
)
def test_spans_are_those_that_are_found_without_it(folder, settings):
    nlp = spacy.load(folder)
    nlp.get_pipe("global_pointer").cfg.update(settings)
    for doc, plain in zip(measure(folder, **settings), nlp.pipe(TEXTS), strict=True):
        assert [(str(span), span.label_) for span in doc.spans["sc"]] == [
            (str(span), span.label_) for span in plain.spans["sc"]
        ]
        assert doc.user_data[UNCERTAINTY] >= 0


def test_it_is_the_same_by_hand(folder):
    """From the probabilities of all spans."""
    wide = spacy.load(folder)
    wide.get_pipe("global_pointer").cfg.update(threshold=1e-9)
    for doc, every in zip(measure(folder), wide.pipe(TEXTS), strict=True):
        scores = every.spans["sc"].attrs["scores"]
        own = [max(score, 1 - score) for score in scores.tolist() if score >= 0.01]
        assert doc.user_data[UNCERTAINTY] == pytest.approx(-sum(map(log, own)) / len(doc), rel=1e-3)


def test_a_likely_span_that_loses_to_another_counts(folder):
    (doc,) = measure(folder, TEXTS[:1])
    (flat,) = measure(folder, TEXTS[:1], allow_overlap=False, threshold=0.05)
    assert flat.user_data[UNCERTAINTY] != doc.user_data[UNCERTAINTY]


def test_an_empty_text_is_sure(folder):
    (doc, other) = measure(folder, ["", TEXTS[0]])
    assert doc.user_data[UNCERTAINTY] == 0.0
    assert other.user_data[UNCERTAINTY] > 0


def test_several_components_add_up(folder):
    nlp = spacy.load(folder)
    nlp.add_pipe("global_pointer", "second", source=spacy.load(folder))
    measure_uncertainty(nlp)
    (one,) = measure(folder, TEXTS[:1])
    assert nlp(TEXTS[0]).user_data[UNCERTAINTY] == pytest.approx(2 * one.user_data[UNCERTAINTY])


def test_a_pipeline_without_the_component_has_none():
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    with pytest.raises(
        ValueError, match="active component global_pointer, was: a pipeline of sent"
    ):
        measure_uncertainty(nlp)
