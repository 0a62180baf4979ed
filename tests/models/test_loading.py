"""What a config says of a head and what was saved of it must agree: weights mean nothing alone."""

from dataclasses import replace

import pytest
import spacy
from samples import fake_encoder, make_docs, make_examples, make_nlp

from spacy_globalpointer.models import (
    build_efficient_global_pointer,
    build_global_pointer,
    check_loaded,
)

HEADS = [build_efficient_global_pointer, build_global_pointer]


def _trained(build=build_efficient_global_pointer, **settings):
    model = build(fake_encoder(), nO=3, **{"head_size": 4, **settings})
    model.initialize(X=make_docs())
    model.attrs["labels"] = ["A", "B", "C"]
    return model


@pytest.mark.parametrize("build", HEADS)
def test_the_layout_comes_back(build):
    saved = _trained(build, rope=False)
    loaded = build(fake_encoder(), head_size=4, rope=False).from_bytes(saved.to_bytes())
    assert loaded.attrs["layout"] == saved.attrs["layout"]
    assert loaded.attrs["layout"].n_labels == 3
    check_loaded(loaded)
    assert saved.copy().attrs["layout"] == saved.attrs["layout"]


@pytest.mark.parametrize("build", HEADS)
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rope": False}, "trained with, rope = true, but has rope = false.*write rope = true"),
        ({"head_size": 8}, "trained with, head_size = 4, but has head_size = 8"),
        (
            {"head_size": 3, "rope": False},
            "head_size = 4, rope = true, but has head_size = 3, rope",
        ),
    ],
)
def test_a_config_that_disagrees_with_what_was_saved_is_an_error(build, settings, message):
    saved = _trained(build).to_bytes()
    with pytest.raises(ValueError, match=message):
        build(fake_encoder(), **{"head_size": 4, **settings}).from_bytes(saved)


def test_an_override_of_rope_is_an_error_and_not_ignored(tmp_path):
    nlp = make_nlp()
    nlp.initialize(lambda: make_examples(nlp))
    nlp.to_disk(tmp_path)
    override = {"components.global_pointer.model.rope": False}
    with pytest.raises(ValueError, match="rope = true, but has rope = false"):
        spacy.load(tmp_path, config=override)
    spacy.load(tmp_path)("Rome closed.")


def _fewer_labels(model):
    model.attrs["labels"] = ["A", "B"]


def _another_size(model):
    model.attrs["layout"] = replace(model.attrs["layout"], head_size=8)


def _other_labels(model):
    model.attrs["layout"] = replace(model.attrs["layout"], n_labels=2)


@pytest.mark.parametrize("build", HEADS)
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_fewer_labels, r"2 labels \(A, B\).* n_labels=3.* the weights have .*, for 3 labels"),
        (_another_size, r"head_size=8.* the weights have"),
        (_other_labels, r"n_labels=2.* the weights have"),
    ],
)
def test_attributes_that_disagree_with_the_weights_are_an_error(build, damage, message):
    model = _trained(build)
    check_loaded(model)
    damage(model)
    with pytest.raises(ValueError, match=message):
        check_loaded(model)


def test_a_pipeline_whose_labels_do_not_fit_its_weights_is_not_loaded(tmp_path):
    nlp = make_nlp()
    nlp.initialize(lambda: make_examples(nlp))
    nlp.get_pipe("global_pointer").model.attrs["labels"] = ["GPE", "ORG"]
    nlp.to_disk(tmp_path)
    with pytest.raises(ValueError, match=r"2 labels \(GPE, ORG\).*for 3 labels"):
        spacy.load(tmp_path)


def test_a_pipeline_that_is_not_initialized_can_be_saved_and_loaded(tmp_path):
    nlp = make_nlp()
    nlp.get_pipe("global_pointer").add_label("A")
    nlp.to_disk(tmp_path)
    assert spacy.load(tmp_path).get_pipe("global_pointer").labels == ("A",)
