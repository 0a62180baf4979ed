"""One encoder for our components and for those of spaCy, in any order and in every state."""

import numpy
import pytest
import spacy
from frozen.make import describe
from sharing import (
    KINDS,
    ORDERS,
    OTHERS,
    OURS,
    TEXTS,
    annotate_for_all,
    assert_same_found,
    learn,
    make_shared_nlp,
)
from spacy.util import fix_random_seed, load_model_from_config
from thinc.api import Adam

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*(annotating_components|score_weights):UserWarning"),
    pytest.mark.filterwarnings("ignore:.*learns nothing:UserWarning"),
]
# One pipeline serves all tests that each change runs; each other takes long to train.
KINDS_BUT_SLOW = [KINDS[0], pytest.param(KINDS[1], marks=pytest.mark.nightly)]
PLACES = [
    pytest.param(kind, order, marks=() if fast else pytest.mark.nightly)
    for kind in KINDS
    for order in ORDERS
    for fast in [(kind, order) == ("tok2vec", "last")]
]


@pytest.fixture(scope="module")
def saved(request, tmp_path_factory):
    """Saves a pipeline that has learned a little, once for each kind and order; and loads it."""
    folders = {}

    def load(kind, order="last", **settings):
        if (kind, order) not in folders:
            folders[kind, order] = tmp_path_factory.mktemp(f"{kind}_{order}")
            learn(make_shared_nlp(kind, request, order), kind).to_disk(folders[kind, order])
        return spacy.load(folders[kind, order], **settings)

    load.folders = folders
    return load


def count_calls(nlp):
    """[one item for each time that the encoder gets its gradient], as updates fill it."""
    calls, model = [], nlp.get_pipe("encoder").model
    forward = model._func

    def counted(model, docs, is_train):
        output, backprop = forward(model, docs, is_train)
        return output, lambda gradient: calls.append(1) or backprop(gradient)

    model._func = counted
    return calls


def list_gradients(model):
    """The gradients of a model, and of what it has in torch."""
    for node in model.walk():
        for name in node.param_names:
            if node.has_grad(name):
                yield node.get_grad(name)
        for shim in node.shims:
            yield from (x.grad.numpy() for x in shim._model.parameters() if x.grad is not None)


def gradients_of(nlp, names, **settings):
    """After one batch without gold for ours."""
    fix_random_seed(0)
    losses = nlp.update(annotate_for_all(nlp, has_ours=False), sgd=False, **settings)
    return {name: list(list_gradients(nlp.get_pipe(name).model)) for name in names}, losses


def weights(nlp, names):
    return {name: nlp.get_pipe(name).model.to_bytes() for name in names}


def found_by(nlp):
    return [describe(doc) for doc in nlp.pipe(TEXTS)]


@pytest.mark.parametrize(("kind", "order"), PLACES)
def test_without_gold_for_ours_others_learn_as_if_ours_were_not_there(kind, order, saved):
    whole, rest = saved(kind, order), saved(kind, order, exclude=list(OURS))
    calls, calls_of_rest = count_calls(whole), count_calls(rest)
    ours, losses = gradients_of(whole, ["encoder", *OTHERS, *OURS])
    others, losses_of_rest = gradients_of(rest, ["encoder", *OTHERS])
    assert calls == calls_of_rest == [1]
    for name, expected in others.items():
        assert any(gradient.any() for gradient in expected), name
        for gradient, own in zip(ours[name], expected, strict=True):
            numpy.testing.assert_array_equal(gradient, own, name)
        assert losses[name] == losses_of_rest[name]
    for name in OURS:
        assert losses[name] == 0
        assert not any(gradient.any() for gradient in ours[name]), name


@pytest.mark.parametrize(("kind", "order"), PLACES)
def test_the_encoder_gets_its_gradient_once_a_batch(kind, order, saved):
    nlp = saved(kind, order)
    calls, optimizer, before = count_calls(nlp), Adam(0.01), weights(nlp, nlp.pipe_names)
    for n in (1, 2, 3):
        losses = nlp.update(
            annotate_for_all(nlp), sgd=optimizer, annotates=["encoder", "spans"] if n > 1 else []
        )
        assert len(calls) == n
        assert all(losses[name] > 0 for name in nlp.pipe_names)
    now = weights(nlp, nlp.pipe_names)
    assert all(now[name] != before[name] for name in nlp.pipe_names)


@pytest.mark.nightly
@pytest.mark.parametrize("kind", KINDS)
def test_ours_are_frozen(kind, saved):
    """They come first: spaCy does not train an encoder whose last listener is frozen."""
    nlp = saved(kind, "first")
    calls, before = count_calls(nlp), weights(nlp, nlp.pipe_names)
    for _ in range(2):  # spaCy updates an encoder with what the batch before has left
        nlp.update(annotate_for_all(nlp), sgd=Adam(0.01), exclude=list(OURS))
    now = weights(nlp, nlp.pipe_names)
    assert calls == [1, 1]
    assert {name for name in now if now[name] == before[name]} == set(OURS)


@pytest.mark.parametrize("kind", KINDS_BUT_SLOW)
def test_the_encoder_is_frozen_and_annotates(kind, saved):
    nlp = saved(kind)
    calls, before = count_calls(nlp), weights(nlp, nlp.pipe_names)
    nlp.update(annotate_for_all(nlp), sgd=Adam(0.01), exclude=["encoder"], annotates=["encoder"])
    now = weights(nlp, nlp.pipe_names)
    assert calls == []
    assert {name for name in now if now[name] == before[name]} == {"encoder"}


@pytest.mark.nightly
@pytest.mark.parametrize("replaces", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_components_are_sourced(kind, replaces, saved):
    nlp = saved(kind)
    source = {"source": str(saved.folders[kind, "last"])}
    if replaces:
        source["replace_listeners"] = ["model.tok2vec"]
    blocks = {name: dict(source) for name in OURS}
    if not replaces:
        blocks = {"encoder": dict(source), **blocks}
    config = {"nlp": {"lang": "en", "pipeline": list(blocks)}, "components": blocks}
    other = load_model_from_config(config, auto_fill=True)
    assert_same_found(found_by(nlp), found_by(other))


@pytest.mark.nightly
@pytest.mark.parametrize("kind", KINDS)
def test_components_are_renamed(kind, saved, tmp_path):
    nlp, other = saved(kind), saved(kind)
    for name in ("encoder", *OURS):
        other.rename_pipe(name, f"my_{name}")
    expected = found_by(nlp)
    assert_same_found(found_by(other), expected)
    other.to_disk(tmp_path)
    other = spacy.load(tmp_path)
    assert_same_found(found_by(other), expected)
    losses = other.update(annotate_for_all(other), sgd=Adam(0.01))
    assert all(losses[f"my_{name}"] > 0 for name in ("encoder", *OURS))


@pytest.mark.parametrize("kind", KINDS_BUT_SLOW)
def test_listeners_are_replaced(kind, saved, tmp_path):
    nlp, other = saved(kind), saved(kind)
    for name in OURS:
        other.replace_listeners("encoder", name, ["model.tok2vec"])
    expected = found_by(nlp)
    assert_same_found(found_by(other), expected)
    other.to_disk(tmp_path)
    other = spacy.load(tmp_path)
    assert_same_found(found_by(other), expected)
    calls, before = count_calls(other), weights(other, other.pipe_names)
    # Each learns with an encoder of its own now, and the shared one only from the others.
    losses = other.update(annotate_for_all(other, has_ours=False), sgd=Adam(0.01))
    assert calls == [1]
    assert losses["encoder"] > 0
    other.update(annotate_for_all(other), sgd=Adam(0.01))
    assert all(now != before[name] for name, now in weights(other, OURS).items())
