"""Every batch is learned once more with its vectors moved, and nothing else changes."""

import math

import numpy
import pytest
import spacy
from samples import OWN, encoder_settings, fake_encoder, make_examples, make_nlp, train
from thinc.api import Adam, set_dropout_rate

from spacy_globalpointer.models import build_efficient_global_pointer
from spacy_globalpointer.pipeline.adversarial import learn_moved
from spacy_globalpointer.pipeline.settings import check_settings

HEADS = ["EfficientGlobalPointer", "GlobalPointer"]
EPSILON = 0.2
CFG = {"threshold": 0.5, "label_thresholds": [], "lr_scale": 1.0, "spans_key": "sc"}


def _weights(model):
    return {
        (i, name): node.get_param(name).copy()
        for i, node in enumerate(model.walk())
        for name in node.param_names
        if node.has_param(name)
    }


def _same(one, other):
    assert one.keys() == other.keys()
    return all((one[key] == other[key]).all() for key in one)


def _loss_of(rows):
    """A loss and its gradient, of which only the rows are known."""
    return sum(float((row**2).sum()) for row in rows), [2 * row for row in rows]


def test_gradients_are_those_of_the_vectors_and_of_the_moved_vectors():
    docs = [spacy.blank("en")(text) for text in ("a b c", "d e", "")]
    encoder = fake_encoder(8)
    model = build_efficient_global_pointer(encoder, head_size=4, nO=2)
    model.initialize(X=docs)
    vectors = encoder.predict(docs)

    def gradients(given):
        model.layers[0].attrs["vectors"] = given
        own = fake_encoder(8, vectors=given)
        model.replace_node(model.get_ref("tok2vec"), own)
        rows, backprop = model.begin_update(docs)
        backprop(_loss_of(rows)[1])
        found = {key: g.copy() for key, (_, g) in model.get_gradients().items()}
        for node in model.walk():
            for name in node.grad_names:
                node.set_grad(name, node.get_grad(name) * 0)
        return found, own.attrs["seen"][0], _loss_of(rows)[0]

    head, plain, loss = gradients(vectors)
    moved = []
    for x, g in zip(vectors, plain, strict=True):
        norms = numpy.linalg.norm(x), numpy.linalg.norm(g)
        moved.append(x + EPSILON * norms[0] * g / norms[1] if x.size else x)
        assert numpy.linalg.norm(moved[-1] - x) == pytest.approx(EPSILON * norms[0], rel=1e-4)
    others, more, worse = gradients(moved)
    assert worse > loss
    encoder = fake_encoder(8, vectors=vectors)
    model.replace_node(model.get_ref("tok2vec"), encoder)
    assert learn_moved(model, docs, _loss_of, EPSILON) == pytest.approx(loss)
    (seen,) = encoder.attrs["seen"]  # once
    for got, one, other in zip(seen, plain, more, strict=True):
        numpy.testing.assert_allclose(got, one + other, rtol=1e-4, atol=1e-5)
    for key, (_, got) in model.get_gradients().items():
        numpy.testing.assert_allclose(got, head[key] + others[key], rtol=1e-3, atol=1e-4)
    assert model.get_ref("tok2vec") is encoder


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("rescorer", [None, {}])
@pytest.mark.parametrize("kind", ["own", "tok2vec", "transformer", "curated"])
def test_it_learns_with_every_encoder(kind, rescorer, head, tiny_bert):
    settings = encoder_settings(kind, tiny_bert)
    nlp = make_nlp(head, **settings, rescorer=rescorer, adversarial=EPSILON)
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    encoder = nlp.get_pipe(nlp.pipe_names[0]).model
    before = encoder.to_bytes()
    losses = [nlp.update(examples, sgd=optimizer)["global_pointer"] for _ in range(8)]
    assert encoder.to_bytes() != before
    assert losses[-1] < losses[0]


def test_it_still_finds_everything():
    nlp = make_nlp(adversarial=0.05)
    examples = make_examples(nlp)
    train(nlp, examples)
    assert nlp.evaluate(examples)["spans_sc_f"] == 1.0


def test_an_own_encoder_is_moved_at_its_embeddings_which_run_once(monkeypatch):
    nlp = make_nlp(adversarial=EPSILON)
    nlp.initialize(lambda: make_examples(nlp))
    model = nlp.get_pipe("global_pointer").model
    calls = {"embed": 0, "encode": 0}
    for name in calls:
        node = model.get_ref("tok2vec").get_ref(name)

        def count(model, X, is_train, *, name=name, forward=node._func):
            calls[name] += 1
            return forward(model, X, is_train)

        monkeypatch.setattr(node, "_func", count)
    nlp.update(make_examples(nlp), sgd=Adam(0.001))
    assert calls == {"embed": 1, "encode": 2}


def test_a_shared_encoder_gets_one_gradient_with_that_of_others(monkeypatch):
    """The last listener triggers the encoder's backprop."""
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": OWN})
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 32, "upstream": "*"}
    model = {
        "@architectures": "spacy_globalpointer.EfficientGlobalPointer.v1",
        "tok2vec": listener,
    }
    for name in ("first", "second"):
        config = {"model": model, "adversarial": EPSILON}
        nlp.add_pipe("global_pointer", name, config=config)
    with pytest.warns(UserWarning, match="all write"):
        nlp.initialize(lambda: make_examples(nlp))
    encoder, calls = nlp.get_pipe("tok2vec").model, []
    forward = encoder._func

    def count(model, X, is_train):
        Y, backprop = forward(model, X, is_train)
        return Y, lambda dY: calls.append(dY) or backprop(dY)

    monkeypatch.setattr(encoder, "_func", count)
    nlp.update(make_examples(nlp), sgd=Adam(0.001))
    assert len(calls) == 1


@pytest.mark.parametrize("kind", ["own", "tok2vec"])
def test_an_error_leaves_the_model_as_it_was(kind, tiny_bert, monkeypatch):
    nlp = make_nlp(**encoder_settings(kind, tiny_bert), adversarial=EPSILON)
    optimizer = nlp.initialize(lambda: make_examples(nlp))
    pipe = nlp.get_pipe("global_pointer")
    before, nodes = _weights(pipe.model), list(pipe.model.walk())
    losses = iter([True, False])
    loss = pipe.loss

    def fail_second(factors, gold):
        if next(losses):
            return loss(factors, gold)
        raise RuntimeError("out of memory")

    pipe.loss = fail_second
    with pytest.raises(RuntimeError, match="out of memory"):
        nlp.update(make_examples(nlp), sgd=optimizer)
    assert all(a is b for a, b in zip(pipe.model.walk(), nodes, strict=True))
    assert _same(_weights(pipe.model), before)
    pipe.loss = loss
    assert nlp.update(make_examples(nlp), sgd=optimizer)["global_pointer"] > 0


def test_0_is_exactly_what_it_was():
    def run(**settings):
        spacy.util.fix_random_seed(0)
        nlp = make_nlp(**settings)
        train(nlp, make_examples(nlp), steps=3)
        return _weights(nlp.get_pipe("global_pointer").model)

    assert _same(run(), run(adversarial=0.0))
    assert not _same(run(), run(adversarial=0.01))


def test_documents_that_are_not_annotated_move_nothing():
    nlp = make_nlp(adversarial=EPSILON)
    nlp.initialize(lambda: make_examples(nlp))
    examples = [*make_examples(nlp)]
    for example in examples:
        del example.reference.spans["sc"]
    with pytest.warns(UserWarning, match="learns nothing"):
        losses = nlp.update(examples, sgd=Adam(0.001))
    assert losses["global_pointer"] == 0.0


def test_dropout_below_the_vectors_is_the_same_and_above_another():
    """The vectors themselves are dropped once; the layers above them anew."""
    doc = spacy.blank("en")("a b c d e f")
    encoder = fake_encoder(8)
    model = build_efficient_global_pointer(encoder, head_size=4, dropout=0.0, nO=2)
    model.initialize(X=[doc])
    set_dropout_rate(model, 0.5)
    seen = []

    def get_loss(rows):
        seen.append(rows[0].copy())
        return _loss_of(rows)

    learn_moved(model, [doc], get_loss, 1e-9)
    assert len(seen) == 2
    assert numpy.abs(seen[0] - seen[1]).max() > 0.01


@pytest.mark.parametrize("epsilon", [-0.1, math.inf, math.nan, "0.1", True])
def test_a_step_that_cannot_be_is_refused(epsilon):
    message = "adversarial must be a number of at least 0, and finite"
    with pytest.raises(ValueError, match=message):
        check_settings("global_pointer", {**CFG, "adversarial": epsilon})
