import numpy
import pytest
import torch
from samples import OWN, fake_encoder, make_docs
from spacy.lang.en import English
from spacy.util import registry
from thinc.api import Model, Ops, get_width, set_dropout_rate

from spacy_globalpointer.models import (
    build_efficient_global_pointer,
    build_global_pointer,
    model_factors,
    resize_output,
    row_width,
)

HEADS = [build_efficient_global_pointer, build_global_pointer]


def _weights(model):
    inside = {node.id for node in model.get_ref("tok2vec").walk()}
    nodes = [node for node in model.walk() if node.id not in inside]
    count = {"W": 0, "b": 0}
    for node in nodes:
        for name in node.param_names:
            count[name] += node.get_param(name).size
    return count


@pytest.mark.parametrize(("width", "head_size", "n_labels"), [(768, 64, 100), (96, 32, 7)])
def test_parameters_are_those_of_the_published_formulas(width, head_size, n_labels):
    docs, d, c = make_docs(), head_size, n_labels
    efficient = build_efficient_global_pointer(
        fake_encoder(width), head_size=d, hidden_size=None, nO=c
    )
    efficient.initialize(X=docs)
    assert _weights(efficient) == {"W": 2 * d * width + 4 * d * c, "b": 2 * d + 2 * c}
    full = build_global_pointer(fake_encoder(width), head_size=d, hidden_size=None, nO=c)
    full.initialize(X=docs)
    assert _weights(full) == {"W": 2 * d * width * c, "b": 2 * d * c}
    if width == 768:
        assert (_weights(efficient)["W"], _weights(full)["W"]) == (123_904, 9_830_400)


@pytest.mark.parametrize("build", HEADS)
def test_rows_hold_one_row_a_token_and_nO_is_the_number_of_labels(build):
    docs = make_docs()
    model = build(fake_encoder(), head_size=6, nO=5)
    model.initialize(X=docs)
    rows = model.predict(docs)
    assert [len(row) for row in rows] == [len(doc) for doc in docs]
    assert get_width(rows[0]) == (12 + 10 if build is build_efficient_global_pointer else 128)
    assert get_width(rows[0]) == row_width(model)
    assert model.get_dim("nO") == 5


def test_efficient_score_is_the_published_formula():
    """s_c(i, j) = (R_i q_i).(R_j k_j) / sqrt(d) + w_c.[q_i; k_i; q_j; k_j] + bias."""
    docs = make_docs(1)
    model = build_efficient_global_pointer(fake_encoder(), head_size=6, hidden_size=None, nO=3)
    model.initialize(X=docs)
    model.layers[2].set_param("b", numpy.arange(6, dtype="f"))
    (hidden,) = model.layers[0].predict(docs)
    extractor, types = model.layers[1:]
    pairs = hidden @ extractor.get_param("W").T + extractor.get_param("b")
    i, j, c = 1, 4, 2
    start_weights, end_weights = types.get_param("W").reshape(2, 3, 12)[:, c]
    expected = pairs[i] @ start_weights + pairs[j] @ end_weights + 2 + 5
    angles = (j - i) * 10000.0 ** (-numpy.arange(3) / 3)
    q = pairs[i, :6].reshape(3, 2) @ (1, 1j)
    k = pairs[j, 6:].reshape(3, 2) @ (1, 1j)
    expected += (q.conj() * k * numpy.exp(1j * angles)).real.sum() / 6**0.5
    rows = torch.tensor(model.predict(docs)[0])[None]
    factors = model.attrs["layout"].factors(rows, torch.ones(1, len(docs[0]), dtype=torch.bool))
    assert float(factors.scores()[0, c, i, j]) == pytest.approx(float(expected), abs=1e-4)


@pytest.mark.parametrize("build", HEADS)
@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("hidden_size", [None, 6])
def test_gradient_reaches_encoder_and_weights(build, dropout, hidden_size):
    """Finite differences of sum(rows * g) with respect to inputs and parameters, in float64."""
    docs, generator = make_docs(2), numpy.random.default_rng(1)
    vectors = [generator.normal(size=(len(doc), 8)) for doc in docs]
    encoder = fake_encoder(vectors=vectors)
    model = build(encoder, head_size=4, nO=2, dropout=dropout, hidden_size=hidden_size)
    model.initialize(X=docs)
    for node in model.walk():
        node.ops = Ops()  # plain numpy: the usual ones refuse float64
        for name in node.param_names:
            node.set_param(name, generator.normal(size=node.get_param(name).shape))
    mask = [(generator.random(v.shape) > 0.5) / 0.5 for v in vectors]
    if dropout:  # the same mask at each call
        model.ops.get_dropout_mask = lambda shape, rate: numpy.vstack(mask)
    rows, backprop = model.begin_update(docs)
    weight = [generator.normal(size=row.shape) for row in rows]
    backprop(weight)
    (d_vectors,) = encoder.attrs["seen"]

    def value():
        rows = model(docs, is_train=True)[0]
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
        for place in [(0, 0), (2, 5)]:
            wanted = slope(vectors[doc], place)
            assert d_vectors[doc][place] == pytest.approx(wanted, rel=1e-4, abs=1e-6)
    params = [(node, name) for node in model.walk() for name in node.param_names]
    n_layers = len(build(encoder, hidden_size=None).layers) - 1
    if build is build_global_pointer:  # its extractors are applied to what it returns
        n_layers -= 1
        params = [pair for pair in params if pair[0] is not model.get_ref("extractor")]
    assert len(params) == 2 * n_layers + (4 if hidden_size else 0)
    for node, name in params:
        place = tuple(min(1, size - 1) for size in node.get_param(name).shape)
        wanted = slope(node.get_param(name), place)
        assert node.get_grad(name)[place] == pytest.approx(wanted, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("build", HEADS)
def test_vectors_without_columns_become_zeros_and_get_gradients_of_their_shape(build):
    """What transformers return for an empty document, and for one of whitespace only."""
    nlp = English()
    docs = [nlp.make_doc("two words"), nlp.make_doc(""), nlp.make_doc("  ")]
    vectors = [numpy.ones((2, 8), "f"), numpy.zeros((0, 0), "f"), numpy.zeros((1, 0), "f")]
    encoder = fake_encoder(vectors=vectors)
    model = build(encoder, head_size=4, nO=2)
    model.initialize(X=docs)
    rows, backprop = model.begin_update(docs)
    assert [row.shape[0] for row in rows] == [2, 0, 1]
    backprop(rows)
    assert [d.shape for d in encoder.attrs["seen"][0]] == [(2, 8), (0, 0), (1, 0)]


@pytest.mark.parametrize("build", HEADS)
@pytest.mark.parametrize("hidden_size", [None, 6])
def test_resizing_keeps_the_scores_of_old_labels(build, hidden_size):
    docs = make_docs(1)
    model = build(fake_encoder(), head_size=4, nO=2, hidden_size=hidden_size)
    model.initialize(X=docs)
    mask = torch.ones(1, len(docs[0]), dtype=torch.bool)

    def scores():
        rows = torch.tensor(model.predict(docs)[0])[None]
        return model_factors(model, rows, mask).scores()

    before = scores()
    resize_output(model, 5)
    after = scores()
    assert model.get_dim("nO") == after.shape[1] == 5
    torch.testing.assert_close(after[:, :2], before)
    assert not torch.allclose(after[:, 4].nan_to_num(neginf=0), after[:, 3].nan_to_num(neginf=0))
    copied = model.copy().from_bytes(model.to_bytes())
    numpy.testing.assert_array_equal(copied.predict(docs)[0], model.predict(docs)[0])


@pytest.mark.parametrize("build", HEADS)
def test_the_hidden_layer_gets_the_dropout_of_the_training(build):
    docs = make_docs(1)
    model = build(fake_encoder(), head_size=4, nO=2, hidden_size=6)
    model.initialize(X=docs)
    same = [model(docs, is_train=True)[0][0] for _ in range(2)]
    numpy.testing.assert_array_equal(*same)
    set_dropout_rate(model, 0.5)
    other = [model(docs, is_train=True)[0][0] for _ in range(2)]
    assert not numpy.allclose(*other)
    numpy.testing.assert_array_equal(model.predict(docs)[0], same[0])


@pytest.mark.parametrize("build", HEADS)
def test_without_rope_the_score_ignores_the_position(build):
    docs = make_docs(1)
    same = [numpy.ones((len(docs[0]), 8), "f")]
    mask = torch.ones(1, len(docs[0]), dtype=torch.bool)
    for rope, spread in [(False, False), (True, True)]:
        model = build(fake_encoder(vectors=same), head_size=4, nO=1, rope=rope)
        model.initialize(X=docs)
        rows = torch.tensor(model.predict(docs)[0])[None]
        scores = model_factors(model, rows, mask).scores()
        assert bool(scores[scores.isfinite()].std() > 1e-4) == spread


@pytest.mark.parametrize("build", HEADS)
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"head_size": 63}, r"was: 63\. To fix: head_size = 64"),
        ({"head_size": 0}, "head_size must be positive"),
        ({"head_size": "64"}, r"was: '64'\. To fix: head_size = 64"),
        ({"dropout": 1.0}, r"dropout of the head must be in \[0, 1\), was: 1.0"),
        ({"dropout": "0.5"}, r"dropout of the head must be in \[0, 1\), was: '0.5'"),
        ({"hidden_size": 0}, r"hidden_size \(null for none\) must be a whole number .* was: 0"),
        ({"hidden_size": "9"}, r"hidden_size \(null for none\) must be a whole number .* was: '9'"),
        (
            {"rescorer": fake_encoder()},
            "rescorer must be a model that looks at spans again, was: 'fake'. To fix: @arch",
        ),
    ],
)
def test_bad_settings_are_errors(build, settings, message):
    with pytest.raises(ValueError, match=message):
        build(fake_encoder(), **settings)


@pytest.mark.parametrize("build", HEADS)
def test_odd_head_size_is_fine_without_rope(build):
    assert build(fake_encoder(), head_size=63, rope=False)


def test_unknown_width_is_an_error():
    encoder = Model("blind", lambda model, docs, is_train: ([], None), dims={"nO": None})
    with pytest.raises(ValueError, match="width of the encoder is unknown"):
        build_efficient_global_pointer(encoder, nO=1).initialize()


def test_architectures_resolve_from_config():
    for name in ("EfficientGlobalPointer", "GlobalPointer"):
        config = {"@architectures": f"spacy_globalpointer.{name}.v1", "tok2vec": OWN, "nO": 3}
        assert registry.resolve({"model": config})["model"].get_dim("nO") == 3
