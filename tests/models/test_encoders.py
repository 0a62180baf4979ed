"""Several encoders side by side."""

import numpy
import pytest
import spacy
from samples import (
    SENTENCES,
    encoder_settings,
    fake_encoder,
    found,
    make_docs,
    make_example,
    make_examples,
    make_nlp,
    train,
)
from spacy.lang.en import English
from spacy.util import registry
from thinc.api import Config, Model

from spacy_globalpointer.models import build_concatenated_encoders, find_listeners

# spacy-curated-transformers 0.3 turns an array of one number into a float: numpy<2.4 warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Conversion of an array with ndim > 0:DeprecationWarning"
)
WORDS = {
    "@architectures": "spacy.MultiHashEmbed.v2",
    "width": 24,
    "attrs": ["NORM", "SHAPE"],
    "rows": [300, 100],
    "include_static_vectors": False,
}
PRETRAINED = ["tok2vec", "transformer", "curated"]


def side_by_side(kind, tiny_bert, order=("context", "words")):
    """Settings of make_nlp: a pretrained encoder and hash embeddings, before a window encoder."""
    settings = encoder_settings(kind, tiny_bert)
    blocks = {"context": settings["encoder"], "words": WORDS}
    embed = {
        "@architectures": "spacy_globalpointer.ConcatenatedEncoders.v1",
        "width": 32,
        "*": {name: blocks[name] for name in order},
    }
    encode = {
        "@architectures": "spacy.MaxoutWindowEncoder.v2",
        "width": 32,
        "depth": 1,
        "window_size": 1,
        "maxout_pieces": 2,
    }
    encoder = {"@architectures": "spacy.Tok2Vec.v2", "embed": embed, "encode": encode}
    return {**settings, "encoder": encoder}


def leaves_out(width):
    """Token vectors as transformers give them: no columns where there is nothing to see."""

    def forward(model, docs, is_train):
        def backprop(d_vectors):
            model.attrs["seen"].append([dx.shape for dx in d_vectors])
            return docs  # as listeners do

        return [
            numpy.ones((len(doc), 0 if doc.text.isspace() or not len(doc) else width), dtype="f")
            for doc in docs
        ], backprop

    return Model("leaves_out", forward, attrs={"seen": []})


def test_vectors_are_the_maxout_of_all_encoders():
    docs = make_docs()
    encoders = [fake_encoder(3), fake_encoder(5)]
    model = build_concatenated_encoders(*encoders, width=4)
    model.initialize(X=docs)
    side = [numpy.hstack(pair) for pair in zip(*(e.predict(docs) for e in encoders), strict=True)]
    maxout = next(node for node in model.walk() if node.name == "maxout")
    for x, vectors in zip(side, model.predict(docs), strict=True):
        pieces = numpy.einsum("ti,opi->top", x, maxout.get_param("W")) + maxout.get_param("b")
        raw = pieces.max(axis=2)
        normal = (raw - raw.mean(1, keepdims=True)) / numpy.sqrt(raw.var(1, keepdims=True) + 1e-8)
        numpy.testing.assert_allclose(vectors, normal, rtol=1e-4, atol=1e-5)
    assert model.get_dim("nO") == 4


def test_gradients_reach_every_encoder():
    docs = make_docs()
    encoders = [fake_encoder(3), fake_encoder(5)]
    model = build_concatenated_encoders(*encoders, width=4)
    model.initialize(X=docs)
    vectors, backprop = model.begin_update(docs)
    rng = numpy.random.default_rng(0)
    assert backprop([rng.normal(size=x.shape).astype("f") for x in vectors]) == []
    for encoder, width in zip(encoders, (3, 5), strict=True):
        (gradients,) = encoder.attrs["seen"]
        assert [dx.shape for dx in gradients] == [(len(doc), width) for doc in docs]
        assert all(dx.any() for dx in gradients)


@pytest.mark.parametrize("texts", [["", "Rome fell."], ["  ", ""], ["Rome fell.", " \n", "Ulm"]])
@pytest.mark.parametrize("turned", [False, True])
def test_documents_without_vectors_get_zeros_and_their_own_gradient(texts, turned):
    encoders = [leaves_out(6), fake_encoder(3)]
    model = build_concatenated_encoders(*encoders[:: -1 if turned else 1], width=4)
    model.initialize(X=make_docs())
    nlp = English()
    docs = [nlp.make_doc(text) for text in texts]
    vectors, backprop = model.begin_update(docs)
    assert [x.shape for x in vectors] == [(len(doc), 4) for doc in docs]
    backprop(vectors)
    expected = [(len(d), 0 if not len(d) or d.text.isspace() else 6) for d in docs]
    assert encoders[0].attrs["seen"] == [expected]
    assert [doc.text for doc in docs] == texts


@pytest.mark.parametrize("kind", PRETRAINED)
@pytest.mark.parametrize("order", [("context", "words"), ("words", "context")])
def test_a_pipeline_learns_with_both_and_is_saved_whole(kind, order, tiny_bert, tmp_path):
    nlp = make_nlp(**side_by_side(kind, tiny_bert, order))
    train(nlp, make_examples(nlp), steps=80, learn_rate=0.003)
    for text, spans in SENTENCES:
        assert sorted(found(nlp(text))) == sorted(spans)
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    for text, _ in SENTENCES:
        expected, doc = nlp(text), loaded(text)
        assert found(doc) == found(expected)
        scores = [d.spans["sc"].attrs["scores"] for d in (doc, expected)]
        numpy.testing.assert_allclose(*scores, rtol=1e-5)


def copy_weights(model):
    """{name: weights} of Thinc layers and of PyTorch modules."""
    weights = {}
    for i, node in enumerate(model.walk()):
        weights |= {f"{i}.{name}": node.get_param(name).copy() for name in node.param_names}
        for shim in node.shims:
            for name, tensor in shim._model.named_parameters():
                weights[name] = tensor.detach().numpy().copy()
    return weights


@pytest.mark.parametrize("kind", ["transformer", "curated"])
def test_an_update_changes_the_transformer_and_the_embeddings(kind, tiny_bert):
    nlp = make_nlp(**side_by_side(kind, tiny_bert))
    examples = [*make_examples(nlp), make_example(nlp, "", []), make_example(nlp, " \n", [])]
    nlp.initialize(lambda: examples)
    models = [pipe.model for _, pipe in nlp.pipeline]
    before = [copy_weights(model) for model in models]
    for _ in range(2):  # nlp.update applies a listener's gradient one update late
        nlp.update(examples)
    for model, old in zip(models, before, strict=True):
        same = {name for name, x in copy_weights(model).items() if (x == old[name]).all()}
        assert not {name for name in same if "pooler" not in name}


@pytest.mark.parametrize("kind", PRETRAINED)
def test_texts_that_a_transformer_cannot_see_have_word_features(kind, tiny_bert):
    nlp = make_nlp(**side_by_side(kind, tiny_bert))
    train(nlp, make_examples(nlp), steps=1)
    tok2vec = nlp.get_pipe("global_pointer").model.get_ref("tok2vec")
    for text in ("  ", "Rome \u200b fell.", "Rome  fell."):
        (vectors,) = tok2vec.predict([nlp(text)])
        assert vectors.shape == (len(nlp.make_doc(text)), 32)
        assert vectors.any(axis=1).all()
    assert [len(doc.spans["sc"]) for doc in nlp.pipe(["", " "])] == [0, 0]


@pytest.mark.parametrize("kind", PRETRAINED)
def test_a_transformer_that_did_not_run_is_missed_in_spite_of_word_features(kind, tiny_bert):
    nlp = make_nlp(**side_by_side(kind, tiny_bert))
    train(nlp, make_examples(nlp), steps=1)
    with (
        nlp.select_pipes(enable=["global_pointer"]),
        pytest.raises(ValueError, match=r"encoder must run before .* 'Rome fell."),
    ):
        nlp("Rome fell.")
    nlp("Rome fell.")


def test_a_transformer_of_its_own_is_an_encoder_too(tiny_bert, tmp_path):
    pytest.importorskip("spacy_transformers")
    settings = side_by_side("transformer", tiny_bert)
    _, upstream = settings.pop("upstream")
    settings["encoder"]["embed"]["*"]["context"] = own_transformer(upstream["model"])
    nlp = make_nlp(**settings)
    train(nlp, make_examples(nlp), steps=2)
    nlp.to_disk(tmp_path)
    assert found(spacy.load(tmp_path)(SENTENCES[0][0])) == found(nlp(SENTENCES[0][0]))


def own_transformer(model):
    return {
        **model,
        "@architectures": "spacy-transformers.Tok2VecTransformer.v3",
        "get_spans": {
            "@span_getters": "spacy-transformers.strided_spans.v1",
            "window": 128,
            "stride": 96,
        },
        "pooling": {"@layers": "reduce_mean.v1"},
        "grad_factor": 1.0,
    }


def test_what_replace_listeners_writes_is_refused_with_its_repair(tiny_bert, tmp_path):
    """It writes the config of the component where the listener was, if that is not the tok2vec."""
    pytest.importorskip("spacy_transformers")
    nlp = make_nlp(**side_by_side("transformer", tiny_bert))
    train(nlp, make_examples(nlp), steps=20)
    path = "model.tok2vec.embed.*.context"
    nlp.replace_listeners("transformer", "global_pointer", [path])
    nlp.remove_pipe("transformer")
    expected = found(nlp(SENTENCES[0][0]))
    nlp.to_disk(tmp_path)
    with pytest.raises(ValueError, match=r"into token vectors, was: the model of a transformer"):
        spacy.load(tmp_path)
    config = Config().from_disk(tmp_path / "config.cfg", interpolate=False)
    blocks = config["components"]["global_pointer"]["model"]["tok2vec"]["embed"]["*"]
    blocks["context"] = own_transformer(blocks["context"])
    config.to_disk(tmp_path / "config.cfg")
    assert found(spacy.load(tmp_path)(SENTENCES[0][0])) == expected


def test_a_transformer_can_be_cut_to_its_first_layers(tiny_bert, tmp_path):
    """The way to read an inner layer: spacy-transformers passes gradients to the last one only."""
    pytest.importorskip("spacy_transformers")
    settings = encoder_settings("transformer", tiny_bert)
    whole = make_nlp(**settings)
    train(whole, make_examples(whole), steps=1, learn_rate=0.0)
    upstream = settings["upstream"][1]["model"]
    upstream["transformer_config"] = {"num_hidden_layers": 1, "output_hidden_states": True}
    nlp = make_nlp(**settings)
    train(nlp, make_examples(nlp), steps=1, learn_rate=0.0)
    (doc, expected) = (pipeline("Rome fell.")._.trf_data for pipeline in (nlp, whole))
    assert len(doc.model_output.hidden_states) == 2  # and the embeddings
    nlp.to_disk(tmp_path)
    again = spacy.load(tmp_path)("Rome fell.")._.trf_data
    numpy.testing.assert_allclose(
        again.model_output.last_hidden_state, doc.model_output.last_hidden_state, rtol=1e-5
    )
    assert doc.model_output.last_hidden_state.shape == expected.model_output.last_hidden_state.shape


def test_a_learned_mix_of_layers_is_an_encoder_too(tiny_bert, tmp_path):
    """As docs/usage.md shows it."""
    settings = side_by_side("curated", tiny_bert)
    settings["upstream"][1]["all_layer_outputs"] = True
    context = settings["encoder"]["embed"]["*"]["context"]
    context["@architectures"] = "spacy-curated-transformers.ScalarWeightingListener.v1"
    weighting = "spacy-curated-transformers.ScalarWeight.v1"
    context["weighting"] = {"@architectures": weighting, "num_layers": 2}
    nlp = make_nlp(**settings)
    train(nlp, make_examples(nlp), steps=5)
    nlp.to_disk(tmp_path)
    assert found(spacy.load(tmp_path)(SENTENCES[0][0])) == found(nlp(SENTENCES[0][0]))


@pytest.mark.parametrize(
    ("n_encoders", "width", "message"),
    [
        (0, 4, r"encoders must be two or more, was: 0. To fix: a block for each"),
        (1, 4, r"encoders must be two or more, was: 1. To fix: a block for each"),
        (2, 0, r"width of the concatenated encoders must be a whole number of at least 1, was: 0"),
        (2, "4", r"width of the concatenated encoders must be a whole number .* was: '4'"),
    ],
)
def test_wrong_settings_are_refused(n_encoders, width, message):
    block = {
        "@architectures": "spacy_globalpointer.ConcatenatedEncoders.v1",
        "width": width,
        "*": {f"words{i}": WORDS for i in range(n_encoders)},
    }
    with pytest.raises(ValueError, match=message):
        registry.resolve({"model": block})


@pytest.mark.parametrize("block", [None, 1, {"width": 4}])
def test_blocks_that_are_no_encoders_are_refused(block):
    settings = {
        "@architectures": "spacy_globalpointer.ConcatenatedEncoders.v1",
        "width": 4,
        "*": {"words": WORDS, "context": block},
    }
    with pytest.raises(ValueError, match=r"encoders must be models, was: .*To fix: give each"):
        registry.resolve({"model": settings})


@pytest.mark.parametrize("docs", [None, []])
def test_an_unknown_width_is_an_error(docs):
    model = build_concatenated_encoders(leaves_out(3), fake_encoder(3), width=4)
    with pytest.raises(ValueError, match=r"width of the encoder is unknown\. To fix: initialize"):
        model.initialize(X=docs)


def test_listeners_are_found_however_they_name_their_encoder():
    class Listener(Model):
        upstream_name = "*"

    marked = {"_upstream_name": "own", "_TRANSFORMER_LISTENER": True}
    field, attribute = Listener("field", abs), Model("attribute", abs, attrs=marked)
    replaced = Model("replaced", abs, attrs={"_upstream_name": "own"})
    model = Model("head", abs, layers=[field, Model("layer", abs, layers=[attribute, replaced])])
    assert find_listeners(model) == {"*": [field], "own": [attribute]}
