"""The architectures of relations: what their rows hold, and that no gradient is lost."""

import numpy
import pytest
import torch
from samples import fake_encoder, make_docs
from spacy.lang.en import English
from spacy.tokens import Doc
from thinc.api import Ops, fix_random_seed

from spacy_globalpointer.models import (
    DocSpans,
    build_gplinker,
    build_span_pairs,
    check_loaded,
    resize_output,
    resize_span_labels,
    span_pairs,
)
from spacy_globalpointer.models.span_pairs import DISTANCES, N_PLACES, _find_pairs
from spacy_globalpointer.spans import LabelledSpan

BUILDERS = [build_span_pairs, build_gplinker]
SPANS = [(1, 4, "ORG"), (3, 4, "GPE"), (5, 7, "PERSON")]


def make_batch(n=2):
    spans = [LabelledSpan(*span) for span in SPANS]
    return [DocSpans(doc, spans[i:]) for i, doc in enumerate(make_docs(n))]


def make_model(build, encoder=None, nO=2, **settings):
    model = build(encoder or fake_encoder(), head_size=4, hidden_size=6, nO=nO, **settings)
    model.attrs["labels"] = ["A", "B", "C"][:nO]
    model.attrs["span_labels"] = ["GPE", "ORG", "PERSON"]
    return model


def test_rows_of_spans_and_of_tokens():
    batch = make_batch()
    rows = make_model(build_span_pairs).initialize(X=batch).predict(batch)
    assert [row.shape for row in rows] == [(3, 16 + 8 + 3), (2, 16 + 8 + 2)]
    rows = make_model(build_gplinker).initialize(X=batch).predict(batch)
    assert [row.shape for row in rows] == [(len(doc), 16 + 8) for doc, _ in batch]


@pytest.mark.parametrize("build", BUILDERS)
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_gradient_reaches_encoder_and_all_weights(build, dropout):
    """Finite differences of sum(rows * g) with respect to inputs and parameters, in float64."""
    batch, generator = make_batch(), numpy.random.default_rng(1)
    vectors = [generator.normal(size=(len(doc), 8)) for doc, _ in batch]
    encoder = fake_encoder(vectors=vectors)
    model = make_model(build, encoder, dropout=dropout)
    model.initialize(X=batch)
    for node in model.walk():
        node.ops = Ops()  # plain numpy: the usual ones refuse float64
        node.ops.asarray1i = numpy.array
        node.ops.alloc2f = lambda *shape: numpy.zeros(shape)
        for name in node.param_names:
            node.set_param(name, generator.normal(size=node.get_param(name).shape))
    mask = [(generator.random(v.shape) > 0.5) / 0.5 for v in vectors]
    rate = model.ops.get_dropout_mask
    model.ops.get_dropout_mask = lambda shape, drop: numpy.vstack(mask) if drop else rate(shape, 0)
    rows, backprop = model.begin_update(batch)
    weight = [generator.normal(size=row.shape) for row in rows]
    backprop([w.copy() for w in weight])
    (d_vectors,) = encoder.attrs["seen"]

    def value():
        rows = model(batch, is_train=True)[0]
        return sum(float((row * w).sum()) for row, w in zip(rows, weight, strict=True))

    def slope(array, place, step=1e-5):
        old = array[place]
        array[place] = old + step
        high = value()
        array[place] = old - step
        low = value()
        array[place] = old
        return (high - low) / (2 * step)

    for doc in range(2):
        for place in [(1, 0), (4, 5), (5, 3)]:
            wanted = slope(vectors[doc], place)
            assert d_vectors[doc][place] == pytest.approx(wanted, rel=1e-4, abs=1e-6)
    for node in model.walk():
        for name in node.param_names:
            place = tuple(min(1, size - 1) for size in node.get_param(name).shape)
            wanted = slope(node.get_param(name), place)
            assert node.get_grad(name)[place] == pytest.approx(wanted, rel=1e-4, abs=1e-6)


def test_what_is_known_of_a_pair():
    words = ["w"] * 220
    starts = [i in (0, 30) for i in range(220)]
    doc = Doc(English().vocab, words=words, sent_starts=starts)
    extents = [(2, 6), (2, 6), (3, 4), (5, 8), (8, 9), (9, 10), (12, 13), (40, 41), (200, 201)]
    spans = [LabelledSpan(start, end, str(i)) for i, (start, end) in enumerate(extents)]
    pairs = _find_pairs([DocSpans(doc, []), DocSpans(doc, spans)], torch.device("cpu"))
    assert len(pairs.pair) == 9 * 10 // 2
    found = {}
    columns = pairs.pair, pairs.place[:, 0], pairs.crosses, pairs.gap, pairs.has_gap
    for (i, j), place, crosses, gap, has_gap in zip(
        *map(torch.Tensor.tolist, columns), strict=True
    ):
        assert i <= j
        assert place < N_PLACES
        found[i, j] = place, crosses == [True], gap if has_gap == [True] else None
    same, around, crossing = range(len(DISTANCES), len(DISTANCES) + 3)
    first = len(doc)  # the tokens of the first document come before
    assert found[0, 0][:2] == found[0, 1][:2] == (same, False)
    assert found[0, 2] == (around, False, None)
    assert found[0, 3] == (crossing, False, None)
    assert found[3, 4] == (0, False, None)
    assert found[4, 6] == (3, False, [first + 9, first + 11])
    assert found[6, 7] == (DISTANCES.index(24), True, [first + 13, first + 39])
    assert found[7, 8] == (DISTANCES.index(128), False, [first + 41, first + 199])


@pytest.mark.parametrize("build", BUILDERS)
def test_nothing_to_join_still_reaches_the_encoder(build):
    encoder = fake_encoder()
    model = make_model(build, encoder)
    model.initialize(X=make_batch())
    batch = [DocSpans(doc, []) for doc in [*make_docs(2), English().make_doc("")]]
    rows, backprop = model.begin_update(batch)
    backprop(rows)
    (seen,) = encoder.attrs["seen"]
    assert [d.shape for d in seen] == [(len(doc), 8) for doc, _ in batch]


@pytest.mark.parametrize("build", BUILDERS)
def test_new_labels_leave_old_ones_as_they_are(build):
    batch = make_batch()
    model = make_model(build)
    model.initialize(X=batch)
    before = model.predict(batch)
    resize_output(model, 3)
    model.attrs["labels"] = ["A", "B", "C"]
    model.attrs["span_labels"] = [*model.attrs["span_labels"], "NEW"]
    resize_span_labels(model)
    for row, old in zip(model.predict(batch), before, strict=True):
        for part in range(4):  # start and end terms of both tables
            wanted = old[:, 16 + 2 * part : 18 + 2 * part]
            numpy.testing.assert_allclose(row[:, 16 + 3 * part : 18 + 3 * part], wanted, rtol=1e-5)
        numpy.testing.assert_allclose(row[:, :16], old[:, :16], rtol=1e-5)
        numpy.testing.assert_allclose(row[:, 28:], old[:, 24:], rtol=1e-5)
    loaded = build(fake_encoder(), head_size=4, hidden_size=6).from_bytes(model.to_bytes())
    check_loaded(loaded)
    assert loaded.attrs["span_labels"] == model.attrs["span_labels"]
    for row, same in zip(model.predict(batch), loaded.predict(batch), strict=True):
        numpy.testing.assert_array_equal(row, same)


def test_labels_of_spans_that_were_not_seen_share_a_vector():
    doc, spans = make_batch(1)[0]
    model = make_model(build_span_pairs)
    model.initialize(X=[DocSpans(doc, spans)])

    def rows(label):
        return model.predict([DocSpans(doc, [LabelledSpan(1, 4, label)])])[0]

    numpy.testing.assert_array_equal(rows("X"), rows("Y"))
    assert (rows("X") != rows("ORG")).any()
    assert (rows("GPE") != rows("ORG")).any()


@pytest.mark.parametrize("build", BUILDERS)
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hidden_size": 0}, r"hidden_size.* must be a whole number of at least 1, was: 0"),
        ({"head_size": 0}, "head_size must be a whole number of at least 1, was: 0"),
        ({"hidden_size": "9"}, r"hidden_size.* must be a whole number of at least 1, was: '9'"),
        ({"head_size": "9"}, "head_size must be a whole number of at least 1, was: '9'"),
        ({"dropout": 1.0}, r"dropout of the head must be in \[0, 1\), was: 1.0"),
    ],
)
def test_sizes_that_cannot_be_are_errors(build, settings, message):
    with pytest.raises(ValueError, match=message):
        build(fake_encoder(), **settings)


@pytest.mark.parametrize("name", ["span_label_size", "pair_size"])
@pytest.mark.parametrize("size", [0, "9"])
def test_sizes_of_span_pairs_that_cannot_be_are_errors(name, size):
    message = f"{name} must be a whole number of at least 1, was: {size!r}"
    with pytest.raises(ValueError, match=message):
        build_span_pairs(fake_encoder(), **{name: size})


@pytest.mark.parametrize("build", BUILDERS)
def test_a_config_with_other_sizes_than_the_weights_is_an_error(build):
    saved = make_model(build)
    saved.initialize(X=make_batch())
    with pytest.raises(ValueError, match="head_size"):
        build(fake_encoder(), head_size=8, hidden_size=6).from_bytes(saved.to_bytes())


def test_pairs_that_are_read_some_at_a_time_have_the_same_terms_and_gradients(monkeypatch):
    batch, results = make_batch(), []
    for at_once in (span_pairs.PAIRS_AT_ONCE, 4, 1):
        monkeypatch.setattr(span_pairs, "PAIRS_AT_ONCE", at_once)
        fix_random_seed(0)
        encoder = fake_encoder()
        model = make_model(build_span_pairs, encoder)
        model.initialize(X=batch)
        output = model.get_ref("pair_output")
        output.set_param("W", output.get_param("W") + 0.5)
        predicted = model.predict(batch)
        rows, backprop = model.begin_update(batch)
        for row, other in zip(rows, predicted, strict=True):
            numpy.testing.assert_array_equal(row, other)
        backprop([row + 1 for row in rows])
        gradients = [n.get_grad(x) for n in model.walk() for x in n.param_names]
        results.append([*rows, *gradients, *encoder.attrs["seen"][0]])
    for other in results[1:]:
        for array, wanted in zip(other, results[0], strict=True):
            numpy.testing.assert_allclose(array, wanted, rtol=1e-4, atol=1e-5)
