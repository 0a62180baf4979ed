"""Encoders of the labels' texts."""

import json

import numpy
import pytest
import spacy
import torch
from samples import fake_text_encoder, write_tiny_bert
from thinc.api import Model

from spacy_globalpointer.models.text_encoders import (
    build_transformer_text,
    build_vectors_text,
    encode_texts,
    spell_out,
)

TEXTS = ["a person", "the name of a town or a country"]


@pytest.fixture
def vectors(tmp_path):
    """Folder of a pipeline with a vector for some words."""
    nlp = spacy.blank("en")
    for i, word in enumerate(["person", "town", "Ulm"]):
        nlp.vocab.set_vector(word, numpy.eye(3, dtype="f")[i])
    nlp.to_disk(tmp_path)
    return str(tmp_path)


def test_a_transformer_gives_the_mean_of_its_last_layer_without_padding(tiny_bert):
    transformers = pytest.importorskip("transformers")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_bert)
    encoder = transformers.AutoModel.from_pretrained(tiny_bert).eval()
    found = build_transformer_text(tiny_bert).predict(TEXTS)
    for text, vector in zip(TEXTS, found, strict=True):
        with torch.inference_mode():
            hidden = encoder(**tokenizer(text, return_tensors="pt")).last_hidden_state
        numpy.testing.assert_allclose(vector, hidden[0].mean(0), atol=1e-5)


def test_many_texts_are_encoded_as_few(tiny_bert):
    encoder = build_transformer_text(tiny_bert)
    many = encoder.predict([f"{TEXTS[1]} {i}" for i in range(40)])
    assert many.shape == (40, 32)
    numpy.testing.assert_allclose(many[39:], encoder.predict([f"{TEXTS[1]} 39"]), atol=1e-5)


def test_static_vectors_are_averaged_over_the_words_that_have_one(vectors):
    found = build_vectors_text(vectors).predict(["PERSON or town, unknown", "Ulm"])
    numpy.testing.assert_allclose(found, [[0.5, 0.5, 0], [0, 0, 1]])


def test_encoded_texts_have_one_length():
    found = encode_texts(fake_text_encoder(5), TEXTS)
    assert found.dtype == "float32"
    numpy.testing.assert_allclose((found**2).mean(1), 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("cell_type", "cell type"),
        ("OtherScientificTerm", "Other Scientific Term"),
        ("G#protein_molecule", "G protein molecule"),
        ("PERSON", "PERSON"),
        ("人物/行政区", "人物 行政区"),
        ("#", "#"),
    ],
)
def test_labels_are_spelt_as_words(label, words):
    assert spell_out(label) == words


@pytest.mark.parametrize("build", [build_transformer_text, build_vectors_text])
@pytest.mark.parametrize("name", ["", " ", None])
def test_an_encoder_has_a_name(build, name):
    with pytest.raises(ValueError, match="type_encoder must name an encoder or its folder, was: "):
        build(name)


@pytest.mark.parametrize("build", [build_transformer_text, build_vectors_text])
def test_a_missing_encoder_is_an_error_when_it_is_needed(build, tmp_path):
    encoder = build(str(tmp_path / "nowhere"))
    with pytest.raises(
        ValueError, match=r"nowhere', which cannot be loaded: .* To fix: install or"
    ):
        encoder.predict(TEXTS)


def _truncate(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])


def _want_more_layers(folder):
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf8"))
    path.write_text(json.dumps({**config, "num_hidden_layers": 3}), encoding="utf8")


def _forget_the_kind(folder):
    (folder / "config.json").write_text("{}", encoding="utf8")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_truncate, "which cannot be loaded: "),
        (_want_more_layers, "cannot be loaded: its weights lack encoder.layer.2"),
        (_forget_the_kind, "which cannot be loaded: "),
    ],
)
def test_a_broken_transformer_is_an_error(damage, message, tmp_path):
    write_tiny_bert(tmp_path)
    damage(tmp_path)
    with pytest.raises(ValueError, match=message):
        build_transformer_text(str(tmp_path)).predict(TEXTS)


def test_a_text_that_is_too_long_is_an_error_and_not_cut(tiny_bert):
    with pytest.raises(ValueError, match=r"at most 512 word pieces .* was: 602 of 'a a.*shorten"):
        build_transformer_text(tiny_bert).predict(["a", "a " * 600])


def test_a_pipeline_without_vectors_is_an_error(tmp_path):
    spacy.blank("en").to_disk(tmp_path)
    with pytest.raises(ValueError, match="cannot be loaded: it has no vectors"):
        build_vectors_text(str(tmp_path)).predict(TEXTS)


def test_a_text_without_any_vector_is_an_error(vectors):
    with pytest.raises(ValueError, match=r"a word with a vector .* was: 'of'\. To fix: describe"):
        build_vectors_text(vectors).predict(["town", "of"])


@pytest.mark.parametrize("value", [0.0, numpy.nan, numpy.inf])
def test_vectors_that_say_nothing_are_an_error(value):
    def forward(model, texts, is_train):
        return numpy.array([[1, 1], [value, value]], dtype="f"), lambda _: []

    with pytest.raises(ValueError, match="vector that is finite and not 0, but the vector of 'the"):
        encode_texts(Model("broken", forward), TEXTS)
