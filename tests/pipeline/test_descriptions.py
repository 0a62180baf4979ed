"""Labels whose types are read from text: new ones without training, and what is saved of them."""

import json
import shutil

import pytest
import spacy
from samples import (
    LABELS,
    RESCORER,
    SENTENCES,
    found,
    make_examples,
    make_nlp,
    train,
    write_tiny_bert,
)
from spacy.util import load_model_from_config

TEXT = SENTENCES[0][0]
DESCRIPTIONS = [
    ["PERSON", "a human being"],
    ["ORG", "a company, a school or another institution"],
]


@pytest.fixture
def folder(tmp_path):
    """Folder of an encoder that a test may move or break."""
    path = tmp_path / "bert"
    path.mkdir()
    write_tiny_bert(path)
    return path


def from_text(folder):
    encoder = {"@architectures": "spacy_globalpointer.TransformerText.v1", "name": str(folder)}
    return {"type_rank": 8, "type_encoder": encoder}


def make_trained(folder, steps=60, **settings):
    nlp = make_nlp(types=from_text(folder), **settings)
    nlp.config["initialize"]["components"]["global_pointer"] = {"descriptions": DESCRIPTIONS}
    train(nlp, make_examples(nlp), steps)
    return nlp, nlp.get_pipe("global_pointer")


def scores(nlp, text=TEXT):
    doc = nlp(text)
    pairs = zip(found(doc), doc.spans["sc"].attrs["scores"].tolist(), strict=True)
    return {span: pytest.approx(score, abs=1e-6) for span, score in pairs}


def test_labels_are_learned_and_read_from_their_descriptions_or_names(folder):
    nlp, pipe = make_trained(folder)
    assert pipe.labels == tuple(LABELS)
    assert pipe.label_texts == {"GPE": "GPE", **dict(DESCRIPTIONS)}
    assert found(nlp(TEXT)) == SENTENCES[0][1]


@pytest.mark.parametrize("rescorer", [None, {}])
def test_a_new_label_has_the_scores_of_its_text_at_once(folder, rescorer):
    nlp, pipe = make_trained(folder, rescorer=rescorer, max_spans=1000)
    pipe.cfg["threshold"] = 0.0 if rescorer is None else 0.5
    before = scores(nlp)
    assert pipe.add_label("HUMAN", description="a human being") == 1
    after = scores(nlp)
    assert {span: after[span] for span in before} == before
    if rescorer is None:
        own = {text: score for (text, label), score in after.items() if label == "HUMAN"}
        assert own == {text: score for (text, label), score in after.items() if label == "PERSON"}
    assert ("Anna Berg", "HUMAN") in after
    pipe.add_label("cell_type")
    assert pipe.label_texts["cell_type"] == "cell type"


def test_a_description_replaces_the_former_one(folder):
    nlp, pipe = make_trained(folder)
    others = {span: score for span, score in scores(nlp).items() if span[1] != "GPE"}
    assert pipe.add_label("GPE", description="a human being") == 0
    assert pipe.labels == tuple(LABELS)
    assert pipe.label_texts["GPE"] == "a human being"
    found_now = scores(nlp)
    assert ("Anna Berg", "GPE") in found_now
    assert {span: found_now[span] for span in others} == others


def test_prediction_and_loading_need_no_text_encoder(folder, tmp_path):
    nlp, _ = make_trained(folder)
    nlp.to_disk(tmp_path / "model")
    shutil.rmtree(folder)
    loaded = spacy.load(tmp_path / "model")
    assert scores(loaded) == scores(nlp)
    pipe = loaded.get_pipe("global_pointer")
    assert pipe.label_texts == nlp.get_pipe("global_pointer").label_texts
    # A text that is known needs none either.
    assert pipe.add_label("HUMAN", description="a human being") == 1
    assert ("Anna Berg", "HUMAN") in found(loaded(TEXT))
    again = load_model_from_config(loaded.config.copy())
    assert scores(again.from_bytes(loaded.to_bytes())) == scores(loaded)
    assert found(next(iter(loaded.pipe([TEXT], n_process=2)))) == found(loaded(TEXT))


def test_the_weights_of_the_text_encoder_are_not_saved(folder):
    _, pipe = make_trained(folder, steps=1)
    names = [node.name for node in pipe.model.walk()]
    assert "transformer_text" in names
    assert not any(node.shims for node in pipe.model.walk())


@pytest.mark.parametrize("trained", [False, True])
def test_a_missing_encoder_is_an_error_and_changes_nothing(folder, trained):
    nlp, pipe = make_trained(folder)
    before = scores(nlp)
    shutil.rmtree(folder)
    if trained:
        with pytest.raises(
            ValueError, match=r"type_encoder must be a transformer, .* cannot be lo"
        ):
            pipe.add_label("DRUG", description="a medicine")
        with pytest.raises(
            ValueError, match=r"type_encoder must be a transformer, .* cannot be lo"
        ):
            pipe.add_label("GPE", description="a medicine")
        assert pipe.labels == tuple(LABELS)
        assert "a medicine" not in pipe.label_texts.values()
        assert scores(nlp) == before
        assert "DRUG" not in pipe.model.get_ref("output_layer").attrs["descriptions"]
        nlp.update(make_examples(nlp))
    else:
        other = make_nlp(types=from_text(folder))
        with pytest.raises(
            ValueError, match=r"type_encoder must be a transformer, .* cannot be lo"
        ):
            other.initialize(lambda: make_examples(other))


@pytest.mark.parametrize(("seed", "width"), [(1, 32), (0, 16)])
def test_another_encoder_than_in_training_is_an_error(folder, seed, width):
    _, pipe = make_trained(folder, steps=1)
    write_tiny_bert(folder, width, seed)
    with pytest.raises(ValueError, match=rf"must be the one that the model was .* has {width} cha"):
        pipe.add_label("DRUG", description="a medicine")
    assert pipe.labels == tuple(LABELS)


def test_descriptions_come_from_a_file(folder, tmp_path):
    path = tmp_path / "descriptions.json"
    path.write_text(json.dumps(DESCRIPTIONS), encoding="utf8")
    nlp = make_nlp(types=from_text(folder))
    nlp.config["initialize"]["components"]["global_pointer"] = {
        "descriptions": {"@readers": "srsly.read_json.v1", "path": str(path)}
    }
    again = load_model_from_config(nlp.config.copy())
    again.initialize(lambda: make_examples(again))
    assert again.get_pipe("global_pointer").label_texts["PERSON"] == "a human being"


def test_descriptions_may_be_given_before_the_initialization(folder):
    nlp = make_nlp(types=from_text(folder))
    pipe = nlp.get_pipe("global_pointer")
    pipe.add_label("PERSON", description="a human being")
    assert pipe.label_texts == {"PERSON": "a human being"}
    pipe.initialize(lambda: make_examples(nlp), descriptions=[["B$", "text"]], labels=["B$", "ORG"])
    assert pipe.label_texts == {"PERSON": "a human being", "B$": "text", "ORG": "ORG"}
    pipe.initialize(lambda: make_examples(nlp))
    assert pipe.label_texts["B$"] == "text"


def test_what_was_learned_of_other_labels_is_rehearsed(folder):
    nlp, pipe = make_trained(folder)
    optimizer = nlp.resume_training()
    pipe.add_label("HUMAN", description="a human being, alive or dead")
    losses = pipe.rehearse(make_examples(nlp), sgd=optimizer)
    assert losses["global_pointer"] < 0.1


def test_a_shared_encoder_learns_from_labels_read_from_text(folder, tiny_bert):
    from samples import encoders

    nlp, _ = make_trained(folder, **encoders(tiny_bert)["tok2vec"])
    assert found(nlp(TEXT)) == SENTENCES[0][1]


@pytest.mark.parametrize(
    ("descriptions", "message"),
    [
        ([["GPE", ""]], r"a text that is not empty, was: '' of 'GPE'\. To fix: leave it out"),
        ([["GPE", "  "]], "a text that is not empty, was: '  ' of 'GPE'"),
        ([["DRUG", "x"]], r"must name labels of the component, was: 'DRUG'.* GPE, ORG, PERSON"),
        ([["GPE", "x"], ["GPE", "y"]], "must name each label once, was: 'GPE'"),
        ([["GPE"]], r"must be a list of \[label, text\], .* but has: \['GPE'\]"),
        ([["GPE", 3]], r"must be a list of \[label, text\], .* but has: \['GPE', 3\]"),
        ({"GPE": "x"}, r"must be a list of \[label, text\], .* but has: 'GPE'"),
    ],
)
def test_bad_descriptions_are_errors(folder, descriptions, message):
    nlp = make_nlp(types=from_text(folder))
    pipe = nlp.get_pipe("global_pointer")
    with pytest.raises(ValueError, match=message):
        pipe.initialize(lambda: make_examples(nlp), descriptions=descriptions)


@pytest.mark.parametrize("description", ["", " ", 3])
def test_a_bad_description_of_a_new_label_is_an_error(folder, description):
    _, pipe = make_trained(folder, steps=1)
    with pytest.raises(ValueError, match="'global_pointer': the description of a label must be"):
        pipe.add_label("DRUG", description=description)
    assert pipe.labels == tuple(LABELS)


@pytest.mark.parametrize("types", [None, {"type_rank": 4}])
def test_a_description_without_a_type_encoder_is_an_error(types):
    nlp = make_nlp(types=types)
    pipe = nlp.get_pipe("global_pointer")
    with pytest.raises(ValueError, match=r"needs a model with type_encoder, .* of 'GPE'\. To fix"):
        pipe.initialize(lambda: make_examples(nlp), descriptions=[["GPE", "a place"]])
    pipe.initialize(lambda: make_examples(nlp))
    with pytest.raises(ValueError, match=r"needs a model with type_encoder, .* of 'DRUG'\. To fix"):
        pipe.add_label("DRUG", description="a medicine")
    assert pipe.labels == tuple(LABELS)
    assert pipe.label_texts == {}


def test_components_of_relations_take_no_descriptions():
    pipe = spacy.blank("en").add_pipe("relation_pointer")
    with pytest.raises(ValueError, match="'relation_pointer': a description needs a model with"):
        pipe.add_label("IN", description="one is in the other")


def test_low_rank_learns_grows_and_is_saved(tmp_path):
    nlp = make_nlp(types={"type_rank": 4}, rescorer=RESCORER)
    train(nlp, make_examples(nlp), 60)
    assert found(nlp(TEXT)) == SENTENCES[0][1]
    pipe = nlp.get_pipe("global_pointer")
    before = scores(nlp)
    pipe.add_label("DRUG")
    pipe.cfg["label_thresholds"] = [["DRUG", 1.0]]
    assert scores(nlp) == before
    nlp.get_pipe_config("global_pointer")["label_thresholds"] = [["DRUG", 1.0]]
    nlp.to_disk(tmp_path)
    assert scores(spacy.load(tmp_path)) == before
    override = {"components.global_pointer.model.type_rank": 5}
    with pytest.raises(ValueError, match=r"sizes that its weights were trained with"):
        spacy.load(tmp_path, config=override)
    override = {"components.global_pointer.model.type_rank": None}
    with pytest.raises(ValueError, match=r"layers that its weights were trained with"):
        spacy.load(tmp_path, config=override)
