"""Encoders that return what no encoder should: an error, or weights and scores that are numbers."""

import numpy
import pytest
from fuzz_docs import NLP, check_weights, make_pipes, quiet
from relation_samples import make_relation_examples
from thinc.api import Adam, Model

ODD = [numpy.nan, numpy.inf, -numpy.inf, 1e-45, 1e-40, 1e4, -1e4, 1e10, 1e18, 1e25, 1e37]


def odd_encoder(value):
    """Random vectors of this size; of what is no number, one in each document."""

    def forward(model, docs, is_train):
        generator = numpy.random.default_rng(0)
        rows = [generator.normal(size=(len(doc), 8)) for doc in docs]
        for own in rows:
            if numpy.isfinite(value):
                own *= value
            else:
                own[0, 0] = value
        return [own.astype("f") for own in rows], lambda d_rows: []

    return Model("odd", forward, dims={"nO": 8})


def learn_and_predict(pipe, examples):
    """The scores, and the messages of what is refused; weights are numbers all the time."""
    messages, sgd = [], Adam(0.01)
    for _ in range(3):
        try:
            losses = quiet(pipe.update, examples, sgd=sgd)
            assert numpy.isfinite(losses[pipe.name])
        except ValueError as error:
            messages.append(str(error))
        check_weights({pipe.name: pipe})
    pipe.cfg["threshold"] = 0.0
    try:
        docs = quiet(lambda: [*pipe.pipe(example.reference.copy() for example in examples)])
    except ValueError as error:
        return [], [*messages, str(error)]
    scores = [x for doc in docs for x in doc.spans[pipe.key].attrs.get("scores", ())]
    return scores, messages


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize(
    ("name", "head", "pairs"),
    [
        ("global_pointer", "efficient", "SpanPairs"),
        ("global_pointer", "plain", "SpanPairs"),
        ("relation_pointer", "efficient", "SpanPairs"),
        ("relation_pointer", "efficient", "GPLinker"),
    ],
)
@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered:RuntimeWarning")
def test_vectors_of_any_size_are_refused_or_learned(name, head, pairs, value):
    pipe = make_pipes(head, pairs)[name]
    pipe.model.replace_node(pipe.model.get_ref("tok2vec"), odd_encoder(value))
    examples = make_relation_examples(NLP)
    quiet(pipe.initialize, lambda: examples)
    scores, messages = learn_and_predict(pipe, examples)
    assert numpy.isfinite(scores).all()
    assert all("must be finite" in message for message in messages)
    if abs(value) <= 1e10:
        assert not messages
        assert len(scores)
    if not numpy.isfinite(value):
        assert len(messages) == 4
