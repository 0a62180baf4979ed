import numpy
import pytest
import torch
from samples import OWN, fake_encoder, make_docs
from spacy.util import registry
from thinc.api import Ops, set_dropout_rate

from spacy_globalpointer.models import (
    RescorerInput,
    build_efficient_global_pointer,
    build_global_pointer,
    build_span_rescorer,
    learned_labels,
    resize_output,
)

N_LABELS = 3
# Sorted by start, longest first: all kinds of rivals, and one span without any.
SPANS = [(0, 4), (0, 2), (1, 3), (2, 4), (3, 6), (8, 8)]
TEXT = 10  # tokens


def _spans(tokens, scores, spans=SPANS):
    start, last = torch.tensor(spans, dtype=torch.long).reshape(-1, 2).unbind(1)
    before = torch.where(start > 0, start - 1, TEXT)
    after = torch.where(last + 1 < TEXT, last + 1, TEXT)
    return RescorerInput(tokens, start, last, before, after, scores)


def _make(n_labels=N_LABELS, seed=0, ops=None, **settings):
    """A rescorer with random weights, and what it reads, in float64 with plain ops."""
    sizes = {"token_size": 4, "hidden_size": 6, "rival_size": 3}
    model = build_span_rescorer(**{**sizes, **settings})
    model.set_dim("nI", 5)
    model.set_dim("nO", n_labels)
    model.initialize()
    generator = numpy.random.default_rng(seed)
    for node in model.walk():
        node.ops = ops or Ops()  # plain numpy: the usual ones refuse float64
        for name in node.param_names:
            node.set_param(name, generator.normal(size=node.get_param(name).shape))
    tokens = generator.normal(size=(TEXT, 4))
    scores = generator.normal(size=(len(SPANS), n_labels)) * 4
    return model, tokens, scores


def test_a_new_rescorer_changes_nothing():
    model = build_span_rescorer(token_size=4)
    model.set_dim("nI", 5)
    model.set_dim("nO", N_LABELS)
    model.initialize()
    tokens, scores = (numpy.ones((n, 4), "f") for n in (TEXT, len(SPANS)))
    corrections = model.predict(_spans(tokens, scores[:, :N_LABELS]))
    numpy.testing.assert_array_equal(corrections, numpy.zeros((len(SPANS), N_LABELS)))


def test_gradient_of_tokens_and_weights():
    """Finite differences of sum(corrections * g), in float64."""
    model, tokens, scores = _make()
    generator = numpy.random.default_rng(1)
    spans = _spans(tokens, scores)
    corrections, backprop = model(spans, is_train=True)
    weight = generator.normal(size=corrections.shape)
    d_tokens = backprop(weight)

    def slope(array, place, step=1e-5):
        values = []
        for sign in (1, -1):
            array[place] += sign * step
            values.append(float((model(spans, is_train=True)[0] * weight).sum()))
            array[place] -= sign * step
        return (values[0] - values[1]) / (2 * step)

    for place in [(0, 0), (3, 1), (7, 2), (8, 3), (9, 0)]:
        assert d_tokens[place] == pytest.approx(slope(tokens, place), rel=1e-4, abs=1e-6)
    # The layer of the tokens runs with the head.
    layers = [layer for layer in model.layers if layer is not model.get_ref("tokens")]
    params = [
        (node, name) for layer in layers for node in layer.walk() for name in node.param_names
    ]
    assert len(params) == 10
    for node, name in params:
        place = tuple(min(1, size - 1) for size in node.get_param(name).shape)
        wanted = slope(node.get_param(name), place)
        assert node.get_grad(name)[place] == pytest.approx(wanted, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize(
    ("what", "token", "seen_by"),
    [
        ("both ends, in each of the spans", 3, [0, 1, 2, 3, 4]),
        ("before (8, 8), after (3, 6)", 7, [0, 2, 3, 4, 5]),
        ("just after the single one, in no other span", 9, [5]),
    ],
)
def test_a_span_reads_its_tokens_its_neighbours_and_those_of_its_rivals(what, token, seen_by):
    model, tokens, scores = _make()
    before = model.predict(_spans(tokens, scores))
    tokens[token] += 1.0
    changed = numpy.abs(model.predict(_spans(tokens, scores)) - before).max(1) > 1e-9
    rivals = {0: [1, 2, 3, 4], 1: [0, 2, 3], 2: [0, 1, 3, 4], 3: [0, 1, 2, 4], 4: [0, 2, 3], 5: []}
    may = {i for i in range(6) if {i, *rivals[i]} & set(seen_by)}
    assert set(numpy.nonzero(changed)[0]) <= may
    assert set(seen_by) & set(numpy.nonzero(changed)[0])


def test_a_rival_counts_by_its_score():
    model, tokens, scores = _make()
    before = model.predict(_spans(tokens, scores))
    scores[2, 1] += 3.0
    changed = numpy.abs(model.predict(_spans(tokens, scores)) - before).max(1) > 1e-9
    assert changed[[2]].all()
    assert not changed[5]
    assert changed.sum() > 1


def test_scores_without_end_are_read_as_saturated_ones():
    model, tokens, _ = _make()
    far, farther = (numpy.full((len(SPANS), N_LABELS), -number) for number in (8.0, 1e30))
    results = [model.predict(_spans(tokens, scores)) for scores in (far, farther)]
    numpy.testing.assert_allclose(*results)


def test_no_candidates_have_no_corrections_and_no_gradient():
    model, tokens, scores = _make()
    corrections, backprop = model(_spans(tokens, scores[:0], []), is_train=True)
    assert corrections.shape == (0, N_LABELS)
    numpy.testing.assert_array_equal(backprop(corrections), numpy.zeros((TEXT, 4)))
    assert not any(node.has_grad(name) for node in model.walk() for name in node.param_names)


@pytest.mark.parametrize("build", [build_efficient_global_pointer, build_global_pointer])
def test_a_new_label_leaves_the_corrections_of_the_others(build):
    docs = make_docs(1)
    rescorer = build_span_rescorer(token_size=4)
    head = build(fake_encoder(), head_size=4, nO=N_LABELS, rescorer=rescorer)
    head.initialize(X=docs)
    generator = numpy.random.default_rng(0)
    for name in ("scores", "output_layer"):
        layer = rescorer.get_ref(name)
        layer.set_param("W", generator.normal(size=layer.get_param("W").shape).astype("f"))
    tokens = generator.normal(size=(TEXT, 4)).astype("f")
    scores = generator.normal(size=(len(SPANS), 5)).astype("f")
    before = rescorer.predict(_spans(tokens, scores[:, :N_LABELS].copy()))
    resize_output(head, 5)
    after = rescorer.predict(_spans(tokens, scores))
    numpy.testing.assert_allclose(after[:, :N_LABELS], before, rtol=1e-5, atol=1e-6)
    numpy.testing.assert_array_equal(after[:, N_LABELS:], numpy.zeros((len(SPANS), 2)))
    assert rescorer.get_dim("nO") == 5
    copied = head.copy().from_bytes(head.to_bytes()).get_ref("rescorer")
    numpy.testing.assert_array_equal(copied.predict(_spans(tokens, scores)), after)


def test_a_label_is_learned_once_its_corrections_can_differ_from_0():
    rescorer, _, _ = _make()
    output = rescorer.get_ref("output_layer")
    for name in ("W", "b"):
        output.set_param(name, output.get_param(name) * 0)
    assert learned_labels(rescorer).tolist() == [False] * N_LABELS
    output.get_param("W")[1, 2] = -1e-9
    output.get_param("b")[2] = 1e-9
    assert learned_labels(rescorer).tolist() == [False, True, True]


def test_rows_hold_what_the_rescorer_reads_after_the_factors():
    docs = make_docs()
    rescorer = build_span_rescorer(token_size=4)
    model = build_efficient_global_pointer(fake_encoder(), head_size=6, nO=5, rescorer=rescorer)
    model.initialize(X=docs)
    layout, rows = model.attrs["layout"], model.predict(docs)
    assert (layout.factor_width, layout.width) == (12 + 10, 12 + 10 + 4)
    hidden = model.get_ref("hidden").predict(model.get_ref("tok2vec").predict(docs)[0])
    expected = rescorer.get_ref("tokens").predict(hidden)
    read = layout.for_rescorer(torch.tensor(rows[0])).numpy()
    numpy.testing.assert_allclose(read, expected, rtol=1e-5)


def test_the_tokens_get_the_dropout_of_the_training():
    model = build_efficient_global_pointer(fake_encoder(), nO=2, rescorer=build_span_rescorer())
    docs = make_docs(1)
    model.initialize(X=docs)
    set_dropout_rate(model, 0.5)
    one, other = (model(docs, is_train=True)[0][0][:, -64:] for _ in range(2))
    assert not numpy.allclose(one, other)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"token_size": 0},
            "token_size of the rescorer must be a whole number of at least 1, was: 0",
        ),
        (
            {"hidden_size": 0},
            "hidden_size of the rescorer must be a whole number of at least 1, was: 0",
        ),
        (
            {"rival_size": -1},
            "rival_size of the rescorer must be a whole number of at least 1, was: -1",
        ),
        ({"hidden_size": "9"}, "hidden_size of the rescorer must be a whole number .* was: '9'"),
        ({"threshold": 0.0}, "threshold of the rescorer must be a probability"),
        ({"per_token": 0.0}, "per_token of the rescorer must be above 0"),
    ],
)
def test_bad_settings_are_errors(settings, message):
    with pytest.raises(ValueError, match=message):
        build_span_rescorer(**settings)


@pytest.mark.parametrize("head", ["EfficientGlobalPointer", "GlobalPointer"])
def test_it_resolves_from_config(head):
    rescorer = {"@architectures": "spacy_globalpointer.SpanRescorer.v1", "threshold": 0.2}
    config = {"@architectures": f"spacy_globalpointer.{head}.v1", "tok2vec": OWN}
    for block, wanted in ((rescorer, 0.2), (None, None)):
        model = registry.resolve({"model": {**config, "rescorer": block}})["model"]
        found = model.maybe_get_ref("rescorer")
        assert (found and found.attrs["rule"].threshold) == wanted
