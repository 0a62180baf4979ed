"""Type terms of low rank, and those that are read from texts of labels."""

from copy import deepcopy

import numpy
import pytest
import torch
from samples import fake_encoder, fake_text_encoder, make_docs
from thinc.api import Linear, Ops

from spacy_globalpointer.models import build_efficient_global_pointer, check_loaded, resize_output
from spacy_globalpointer.models.text_types import find_text_vectors
from spacy_globalpointer.models.type_terms import build_type_terms

NAMES = ["A", "B", "C", "D", "E"]


def _head(n_labels, encoder=None, **settings):
    settings = {"head_size": 4, "hidden_size": None, "type_rank": 3, **settings}
    model = build_efficient_global_pointer(fake_encoder(), type_encoder=encoder, **settings)
    model.attrs["labels"] = NAMES[:n_labels]
    resize_output(model, n_labels)
    return model.initialize(X=make_docs())


def _count(model):
    count = {"W": 0, "b": 0}
    for node in model.walk():
        for name in node.param_names:
            count[name] += node.get_param(name).size
    return count


@pytest.mark.parametrize(("width", "d", "rank", "c"), [(768, 64, 32, 100), (96, 32, 5, 7)])
def test_parameters_are_those_of_the_formula(width, d, rank, c):
    model = build_efficient_global_pointer(
        fake_encoder(width), head_size=d, hidden_size=None, type_rank=rank, nO=c
    )
    model.initialize(X=make_docs())
    weights = 2 * d * width + 4 * d * rank + rank * c
    assert _count(model) == {"W": weights, "b": 2 * d + 2 * rank + c}


def test_without_the_options_the_term_is_one_linear_layer():
    parts = build_type_terms(4, None, None)
    assert parts["types"] is parts["output_layer"]
    assert [node.name for node in parts["types"].walk()] == ["linear"]


@pytest.mark.parametrize("rank", [1, 3, 16])
def test_low_rank_scores_are_those_of_a_full_head_with_the_product_as_weights(rank):
    """w_c = U e_c, with the bias of the label once for the start and once for the end."""
    low, full = _head(3, type_rank=rank), _head(3, type_rank=None)
    full.get_ref("extractor").from_dict(low.get_ref("extractor").to_dict())
    projection, vectors = low.get_ref("types").layers
    U = projection.get_param("W").reshape(2, rank, 8)
    vectors.get_param("b")[:] = [1, 2, 3]
    product = numpy.einsum("cr,prx->pcx", vectors.get_param("W"), U)
    full.get_ref("types").set_param("W", product.reshape(6, 8))
    full.get_ref("types").set_param("b", numpy.array([1, 2, 3, 1, 2, 3], dtype="f"))
    (rows,), (expected,) = low.predict(make_docs(1)), full.predict(make_docs(1))
    numpy.testing.assert_allclose(rows, expected, atol=1e-5)


def test_vectors_from_text_are_a_function_of_the_text_alone():
    model = _head(3, fake_text_encoder())
    vectors = find_text_vectors(model)
    T = vectors.get_param("T")
    T = T - T.mean(0)
    T /= (T**2).mean(1, keepdims=True) ** 0.5
    E = vectors.get_ref("output").predict(vectors.get_ref("hidden").predict(T))
    (X,) = [numpy.random.default_rng(0).normal(size=(5, 3)).astype("f")]
    expected = X @ E[:, :3].T / 3**0.5 + E[:, 3]
    numpy.testing.assert_allclose(vectors.predict(X), expected, atol=1e-5)
    vectors.attrs["descriptions"] = {"A": "B"}
    resize_output(model, 3)
    terms = vectors.predict(X)
    numpy.testing.assert_array_equal(terms[:, 0], terms[:, 1])


@pytest.mark.parametrize("encoder", [None, fake_text_encoder()])
def test_gradients_are_those_of_finite_differences(encoder):
    model = _head(3, encoder)
    types, generator = model.get_ref("types"), numpy.random.default_rng(1)
    X, weight = generator.normal(size=(5, 8)), generator.normal(size=(5, 6))
    for node in types.walk():
        node.ops = Ops()  # plain numpy: the usual ones refuse float64
        for name in node.param_names:
            node.set_param(name, generator.normal(size=node.get_param(name).shape))
    _, backprop = types.begin_update(X)
    dX = backprop(weight)

    def slope(array, place, step=1e-5):
        old, values = array[place], []
        for new in (old + step, old - step):
            array[place] = new
            values.append(float((types(X, is_train=True)[0] * weight).sum()))
        array[place] = old
        return (values[0] - values[1]) / (2 * step)

    assert dX[2, 5] == pytest.approx(slope(X, (2, 5)), rel=1e-4)
    params = [(node, name) for node in types.walk() for name in node.param_names]
    params = [(node, name) for node, name in params if name not in ("T", "mean")]
    assert len(params) == (4 if encoder is None else 8)
    for node, name in params:
        array = node.get_param(name)
        place = tuple(min(1, size - 1) for size in array.shape)
        wanted = slope(array, place)
        assert node.get_grad(name)[place] == pytest.approx(wanted, rel=1e-4, abs=1e-7)
    vectors = find_text_vectors(model)
    assert vectors is None or not (vectors.has_grad("T") or vectors.has_grad("mean"))


@pytest.mark.parametrize("encoder", [None, fake_text_encoder()])
def test_new_labels_leave_the_scores_of_the_old_ones(encoder):
    docs, model = make_docs(1), _head(2, encoder)
    mask = torch.ones(1, len(docs[0]), dtype=torch.bool)

    def scores(head):
        rows = torch.tensor(head.predict(docs)[0])[None]
        return head.attrs["layout"].factors(rows, mask).scores()

    before = scores(model)
    model.attrs["labels"] = NAMES
    resize_output(model, 5)
    after = scores(model)
    assert after.shape[1] == 5
    torch.testing.assert_close(after[:, :2], before)
    assert not torch.allclose(after[:, 4].nan_to_num(neginf=0), after[:, 3].nan_to_num(neginf=0))
    check_loaded(model)
    loaded = build_efficient_global_pointer(
        fake_encoder(), head_size=4, hidden_size=None, type_rank=3, type_encoder=encoder
    )
    loaded.from_bytes(model.to_bytes())
    check_loaded(loaded)
    torch.testing.assert_close(scores(loaded), after)
    torch.testing.assert_close(scores(deepcopy(model)), after)


def test_a_new_label_of_low_rank_adds_one_vector_and_a_bias():
    model = _head(2)
    before = _count(model)
    resize_output(model, 3)
    assert {name: n - before[name] for name, n in _count(model).items()} == {"W": 3, "b": 1}


@pytest.mark.parametrize("encoder", [None, fake_text_encoder()])
def test_a_batch_without_tokens_has_no_rows(encoder):
    model = _head(2, encoder)
    types = model.get_ref("types")
    rows, backprop = types.begin_update(numpy.zeros((0, 8), dtype="f"))
    assert rows.shape == (0, 4)
    assert backprop(rows).shape == (0, 8)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"type_rank": 0},
            r"type_rank must be a whole number from 1 to 16, 4 \* head_size.*was: 0",
        ),
        ({"type_rank": 17}, r"was: 17\. To fix: type_rank = 4, or null"),
        ({"type_rank": "2"}, "was: '2'"),
        ({"type_rank": 2.0}, r"was: 2\.0"),
        (
            {"type_encoder": fake_text_encoder()},
            r"must have a type_rank, was: null\. To fix: type_",
        ),
        (
            {"type_rank": 2, "type_encoder": Linear()},
            "type_encoder must be a model that reads texts of labels, was: 'linear'. To fix: @arch",
        ),
    ],
)
def test_bad_settings_are_errors(settings, message):
    with pytest.raises(ValueError, match=message):
        build_efficient_global_pointer(fake_encoder(), head_size=4, **settings)


def test_a_type_encoder_needs_labels_to_read():
    model = build_efficient_global_pointer(
        fake_encoder(), head_size=4, type_rank=2, type_encoder=fake_text_encoder(), nO=2
    )
    with pytest.raises(ValueError, match=r"must know its labels .* was: none\. To fix: add labels"):
        model.initialize(X=make_docs())


def test_labels_in_groups_have_no_low_rank():
    with pytest.raises(ValueError, match=r"type_rank must be null if labels are in groups.*was: 8"):
        build_efficient_global_pointer(fake_encoder(), groups="-", type_rank=8)
