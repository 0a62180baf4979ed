"""One learning rate for a transformer, another one for all Thinc layers."""

import numpy
import pytest
from samples import encoder_settings, make_examples, make_nlp
from spacy.tokens import Span
from spacy.util import filter_spans, registry
from thinc.api import Adam, Linear

NAME = "spacy_globalpointer.DiscriminativeAdam.v1"
# spacy-curated-transformers 0.3 turns an array of one number into a float: numpy<2.4 warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Conversion of an array with ndim > 0:DeprecationWarning"
)
# The first step of Adam is as long as the learning rate, whatever the gradient.
PLAIN = {"L2": 0.0, "grad_clip": 0.0, "eps": 1e-30}


def make_optimizer(**settings):
    return registry.resolve({"optimizer": {"@optimizers": NAME, **settings}})["optimizer"]


def make_peers(kind, tiny_bert, **settings):
    """A pipeline with our component and spaCy's, all of which listen to one transformer."""
    nlp = make_nlp(**encoder_settings(kind, tiny_bert), **settings)
    encoder = nlp.get_pipe_config("global_pointer")["model"]["tok2vec"]
    nlp.add_pipe("spancat", config={"spans_key": "peer", "model": {"tok2vec": encoder}})
    nlp.add_pipe("ner", config={"model": {"tok2vec": encoder, "use_upper": False}})
    examples = make_examples(nlp)
    for example in examples:
        doc = example.reference
        doc.spans["peer"] = list(doc.spans["sc"])
        ents = filter_spans(doc.spans["sc"])
        doc.ents = [Span(doc, span.start, span.end, label=span.label) for span in ents]
    nlp.initialize(lambda: examples)
    return nlp, examples


def read_weights(model):
    arrays = [node.get_param(name) for node in model.walk() for name in node.param_names]
    for shim in (shim for node in model.walk() for shim in node.shims):
        arrays += [tensor.detach().numpy() for tensor in shim._model.parameters()]
    return [array.copy() for array in arrays]


def longest_steps(nlp, examples, optimizer):
    """{component: greatest change of a weight in one update}, made as `spacy train` makes it."""
    before = {name: read_weights(pipe.model) for name, pipe in nlp.pipeline}
    nlp.update(examples, sgd=False, drop=0.0)
    for _, pipe in nlp.pipeline:
        pipe.finish_update(optimizer)
    optimizer.step_schedules()
    return {
        name: max(
            float(abs(new - old).max())
            for new, old in zip(read_weights(pipe.model), before[name], strict=True)
        )
        for name, pipe in nlp.pipeline
    }


@pytest.mark.parametrize("kind", ["transformer", "curated"])
@pytest.mark.parametrize(("thinc_scale", "lr_scale"), [(1.0, 1.0), (20.0, 1.0), (4.0, 5.0)])
def test_every_head_learns_at_its_multiple_of_the_rate(kind, thinc_scale, lr_scale, tiny_bert):
    nlp, examples = make_peers(kind, tiny_bert, lr_scale=lr_scale)
    rate = 0.0001
    optimizer = make_optimizer(learn_rate=rate, thinc_scale=thinc_scale, **PLAIN)
    steps = longest_steps(nlp, examples, optimizer)
    assert steps == pytest.approx(
        {
            nlp.pipe_names[0]: rate,
            "global_pointer": rate * thinc_scale * lr_scale,
            "spancat": rate * thinc_scale,
            "ner": rate * thinc_scale,
        },
        rel=0.01,
    )


def test_schedules_keep_their_form_for_both(tiny_bert):
    pytest.importorskip("spacy_transformers")
    nlp, examples = make_peers("transformer", tiny_bert)
    warmup = {
        "@schedules": "warmup_linear.v1",
        "initial_rate": 0.0001,
        "warmup_steps": 4,
        "total_steps": 100,
    }
    optimizer = make_optimizer(learn_rate=warmup, thinc_scale=10.0, **PLAIN)
    rates = [longest_steps(nlp, examples, optimizer) for _ in range(3)]
    # After the first update that counts, other steps of Adam are about as long.
    for step, share in zip(rates, (0, 1 / 4, 2 / 4), strict=True):
        assert step["transformer"] == pytest.approx(share * 0.0001, rel=0.2)
        assert step["spancat"] == pytest.approx(share * 0.001, rel=0.2)


def test_without_a_multiple_it_is_adam():
    rng = numpy.random.default_rng(0)
    settings = {"L2": 0.1, "beta1": 0.8, "beta2": 0.95, "eps": 1e-4, "grad_clip": 0.5}
    ours = make_optimizer(learn_rate=0.01, thinc_scale=1.0, use_averages=True, **settings)
    adam = Adam(0.01, use_averages=True, **settings)
    weights = [Linear(3, 3).initialize().get_param("W") * 0 + 1 for _ in range(2)]
    for _ in range(5):
        gradient = rng.normal(size=(3, 3)).astype("f")
        for optimizer, i in ((ours, 0), (adam, 1)):
            weights[i], _ = optimizer((0, "W"), weights[i], gradient.copy())
    numpy.testing.assert_array_equal(*weights)
    numpy.testing.assert_array_equal(ours.averages[0, "W"], adam.averages[0, "W"])


def test_the_multiple_is_of_the_gradients_share_and_of_weight_decay():
    moved = {}
    for name in ("W", "encoder.layer.0.output.dense.weight"):
        optimizer = make_optimizer(learn_rate=0.01, thinc_scale=10.0, L2=0.5)
        ones = numpy.ones((2, 2), dtype="f")
        weights, gradient = optimizer((0, name), ones, numpy.zeros((2, 2), dtype="f"))
        moved[name] = 1 - float(weights.max())
        assert not gradient.any()
    assert list(moved.values()) == pytest.approx([0.05, 0.005], rel=1e-4)


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf"), "20"])
def test_a_multiple_that_is_no_number_above_0_is_refused(scale):
    message = f"thinc_scale must be above 0 and finite, was: {scale!r}"
    with pytest.raises(ValueError, match=message):
        make_optimizer(thinc_scale=scale)
