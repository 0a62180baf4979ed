"""`spacy global-pointer init-config`: what it writes is complete, says why, and trains as it is."""

import json

import pytest
import spacy
from samples import LABELS, make_examples
from spacy.cli._util import app as spacy_app
from spacy.tokens import DocBin
from spacy.util import load_config
from thinc.api import Config
from typer.testing import CliRunner

from spacy_globalpointer import get_relations
from spacy_globalpointer.commands import init_config
from spacy_globalpointer.commands.training_config import make_config
from spacy_globalpointer.configs import CONFIGS, RELATIONS_OF_NER, find_config
from spacy_globalpointer.pipeline.spelling import find_label


def run(*arguments):
    """Exit code and what was printed, one space between words."""
    result = CliRunner().invoke(spacy_app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, " ".join(result.output.split())


def init(*arguments):
    return run("global-pointer", "init-config", *arguments)


@pytest.fixture
def config(tmp_path):
    return tmp_path / "config.cfg"


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "train.spacy"
    docs = [example.reference for example in make_examples(spacy.blank("en"))]
    DocBin(docs=docs * 10).to_disk(path)
    return path


def write_records(path, spans):
    """JSON lines with one text, whose spans are given by their words."""
    text = "Mara Ellin left the University of Dunloe for 20 US$"
    rows = [
        {"start": text.index(words), "end": text.index(words) + len(words), "label": label}
        for words, label in spans
    ]
    path.write_text(json.dumps({"text": text, "spans": rows}) + "\n", encoding="utf8")
    return path


RELATIONS = [(0, 1, "works_for"), (1, 2, "based_in"), (2, 1, "near"), (0, 0, "is")]


def write_relations(path, relations=RELATIONS):
    """JSON lines with one text and its relations, ten times."""
    spans = [("Mara Ellin", "PERSON"), ("University of Dunloe", "ORG"), ("Dunloe", "GPE")]
    record = json.loads(write_records(path, spans).read_text(encoding="utf8"))
    edges = [dict(zip(("head", "child", "label"), row, strict=True)) for row in relations]
    record["relations"] = edges
    path.write_text(10 * f"{json.dumps(record)}\n", encoding="utf8")
    return path


@pytest.fixture(scope="module")
def ner(tmp_path_factory):
    """Folder of a pipeline with ner, trained for nothing."""
    nlp = spacy.blank("en")
    nlp.add_pipe("ner").add_label("PERSON")
    nlp.initialize()
    directory = tmp_path_factory.mktemp("ner")
    nlp.to_disk(directory)
    return str(directory)


def component(path):
    return load_config(path)["components"]["global_pointer"]


def test_what_is_written_passes_debug_config_and_trains_as_it_is(config, data, tmp_path):
    code, out = init(config, "--data", data)
    assert code == 0
    assert out.endswith(f"spacy train {config} --paths.train train.spacy --paths.dev dev.spacy")
    paths = ["--paths.train", data, "--paths.dev", data]
    assert run("debug", "config", config, *paths)[0] == 0
    steps = ["--training.max_steps", 2, "--training.eval_frequency", 1]
    assert run("train", config, *paths, *steps, "--output", tmp_path / "training")[0] == 0
    nlp = spacy.load(tmp_path / "training" / "model-last")
    assert list(nlp.get_pipe("global_pointer").labels) == LABELS
    assert nlp.get_pipe("global_pointer").cfg["threshold"] == 0.4


@pytest.mark.parametrize("name", CONFIGS)
def test_it_says_what_the_packaged_config_says_and_keeps_its_reasons(name, ner):
    package, _ = init_config.NEEDS.get(name.rpartition("_")[2], ("spacy", ""))
    pytest.importorskip(package)
    paths = {"ner": ner} if name == RELATIONS_OF_NER else {}
    text, template = make_config(template=name, paths=paths), read_template(name, paths)
    ours, written = (Config().from_str(config, interpolate=False) for config in (template, text))
    for line in template.splitlines():
        if line.startswith("#"):
            assert text.count(line + "\n") == template.count(line + "\n"), line
    assert written.merge(ours) == written  # nothing of ours is changed


def read_template(name, paths):
    text = find_config(name).read_text(encoding="utf8")
    for key, value in paths.items():
        text = text.replace(f"{key} = null", f'{key} = "{value}"')
    return text


def test_languages_have_their_tokenizers(config):
    assert init(config, "--lang", "zh")[0] == 0
    assert load_config(config)["nlp"]["tokenizer"]["@tokenizers"] == "spacy.zh.ChineseTokenizer"


def test_a_pretrained_encoder_is_named_once(config):
    pytest.importorskip("spacy_transformers")
    code, out = init(config, "--encoder", "transformer", "--name", "some/encoder")
    assert (code, "--gpu-id 0" in out) == (0, True)
    raw = load_config(config, overrides={"paths.encoder": "another"})
    assert "some/encoder" in config.read_text(encoding="utf8")
    assert raw.interpolate()["components"]["transformer"]["model"]["name"] == "another"


def test_data_decides_what_is_flat_unless_told(config, data, tmp_path):
    assert init(config, "--data", data)[0] == 0
    assert component(config)["allow_overlap"] is True
    flat = write_records(tmp_path / "flat.jsonl", [("Mara Ellin", "PERSON"), ("Dunloe", "GPE")])
    code, out = init(config, "--data", flat, "--force")
    assert (code, component(config)["allow_overlap"]) == (0, False)
    assert component(config)["annotate_ents"] is True
    assert "1 documents, 2 spans of 2 labels, the longest of 2 tokens; flat" in out
    assert load_config(config)["initialize"]["components"]["global_pointer"] == {
        "labels": ["GPE", "PERSON"]
    }
    assert init(config, "--data", flat, "--force", "--nested")[0] == 0
    assert component(config)["allow_overlap"] is True
    code, out = init(config, "--data", data, "--force", "--flat")
    assert "of spans that share a token, only the most likely ones will be found" in out
    assert component(config)["allow_overlap"] is False


def test_settings_are_written(config, data):
    settings = ["--threshold", "0.7", "--max-length", "1"]
    code, out = init(config, *settings, "--data", data)
    assert (code, component(config)["threshold"], component(config)["max_length"]) == (0, 0.7, 1)
    assert "--max-length 1: longer gold spans are not learned, and never found" in out


def test_another_key_has_its_score_weights(config):
    assert init(config, "--spans-key", "my_key")[0] == 0
    weights = load_config(config)["training"]["score_weights"]
    assert component(config)["spans_key"] == "my_key"
    assert {name: weight for name, weight in weights.items() if weight is not None} == {
        "spans_my_key_f": 1.0,
        "spans_my_key_p": 0.0,
        "spans_my_key_r": 0.0,
    }


def test_a_label_that_a_config_cannot_hold_is_left_to_training(config, tmp_path):
    data = write_records(tmp_path / "in.jsonl", [("20 US$", "US$"), ("Dunloe", "GPE")])
    code, out = init(config, "--data", data)
    assert (code, "so it cannot list: US$" in out) == (0, True)
    assert "global_pointer" not in load_config(config)["initialize"]["components"]


# After two steps, spans and relations are found nearly everywhere.
@pytest.mark.filterwarnings("ignore:.*kept only the best:UserWarning")
@pytest.mark.filterwarnings("ignore:.*documents have more spans in question")
def test_relations_are_learned_with_the_spans_that_they_join(config, tmp_path):
    lines, data = write_relations(tmp_path / "in.jsonl"), tmp_path / "train.spacy"
    assert run("global-pointer", "convert", lines, data, "--spans-key", "sc")[0] == 0
    code, out = init(config, "--relations", "--data", data, "--symmetric", "near")
    assert code == 0
    assert "40 relations of 4 labels" in out
    assert "allow_self = true: 10 relations lead from a span to itself" in out
    written = load_config(config)
    settings = written["components"]["relation_pointer"]
    assert (settings["symmetric"], settings["allow_self"]) == (["near"], True)
    assert written["initialize"]["components"] == {
        "global_pointer": {"labels": ["GPE", "ORG", "PERSON"]},
        "relation_pointer": {"labels": ["based_in", "is", "near", "works_for"]},
    }
    paths = ["--paths.train", data, "--paths.dev", data]
    steps = ["--training.max_steps", 2, "--training.eval_frequency", 1]
    assert run("train", config, *paths, *steps, "--output", tmp_path / "training")[0] == 0
    nlp = spacy.load(tmp_path / "training" / "model-last")
    assert nlp.pipe_names == ["tok2vec", "global_pointer", "relation_pointer"]
    assert isinstance(get_relations(nlp("Mara Ellin left.")), list)


def test_relations_join_spans_of_another_key(config, tmp_path):
    data = write_relations(tmp_path / "in.jsonl")
    assert init(config, "--relations", "--data", data, "--spans-key", "my_key")[0] == 0
    written = load_config(config).interpolate()
    assert written["components"]["relation_pointer"]["spans"] == "my_key"
    weights = written["training"]["score_weights"]
    assert (weights["relations_f"], weights["spans_my_key_f"]) == (0.6, 0.4)
    assert weights["spans_sc_f"] is None


def test_relations_join_the_entities_of_a_trained_ner(config, tmp_path, ner):
    data = write_relations(tmp_path / "in.jsonl")
    code, out = init(config, "--relations", "--ner", ner, "--data", data)
    assert (code, "labels, the longest" in out) == (0, False)
    written = load_config(config)
    assert written["components"]["ner"]["source"] == "${paths.ner}"
    assert written["paths"]["ner"] == ner
    assert list(written["initialize"]["components"]) == ["relation_pointer"]
    assert written["training"]["frozen_components"] == ["ner"]


@pytest.mark.parametrize("label", ["a$b", "${x.y}", "a\\$"])
def test_a_symmetric_label_with_a_dollar_means_itself(config, label):
    assert init(config, "--relations", "--symmetric", label)[0] == 0
    (spelt,) = load_config(config)["components"]["relation_pointer"]["symmetric"]
    assert find_label(spelt, [label]) == label


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--ner", "NER"], "--ner must only be given with --relations, was: NER, without. To fix"),
        (["--symmetric", "near"], "--symmetric must only be given with --relations, was: near"),
        (
            ["--relations", "--encoder", "hybrid"],
            "--encoder must be one of tok2vec, transformer with --relations, was: hybrid. To fix",
        ),
        (
            ["--relations", "--ner", "NER", "--encoder", "transformer"],
            "--encoder must be tok2vec with --ner, was: transformer. To fix",
        ),
        (["--relations", "--ner", "nothing"], "[E050] Can't find model 'nothing'"),
        (
            ["--relations", "--ner", "BLANK"],
            "--ner must be a pipeline with a component 'ner', was: BLANK, with no components",
        ),
        (
            ["--relations", "--ner", "NER", "--lang", "de"],
            "--lang must be that of the pipeline of --ner, was: de. To fix: --lang en",
        ),
        (
            ["--relations", "--ner", "NER", "--flat"],
            "--flat or --nested must not be given with --ner, whose entities are taken as they are",
        ),
        (
            ["--relations", "--ner", "NER", "--max-length", "4"],
            "--max-length must not be given with --ner",
        ),
        (
            ["--relations", "--data", "SPANS"],
            "--data must have gold relations, was: data without. To fix",
        ),
        (
            ["--relations", "--data", "EMPTY"],
            "--data must have gold relations, was: data has no gold relation",
        ),
        (
            ["--relations", "--data", "RELATED", "--symmetric", "Near"],
            "--symmetric must name relations of the data, was: Near. Their labels are: based_in, "
            "is, near, works_for",
        ),
    ],
)
def test_relations_that_cannot_be_written_are_an_error(config, tmp_path, ner, arguments, message):
    spacy.blank("en").to_disk(tmp_path / "blank")
    paths = {
        "NER": ner,
        "BLANK": str(tmp_path / "blank"),
        "SPANS": str(write_records(tmp_path / "spans.jsonl", [("Dunloe", "GPE")])),
        "EMPTY": str(write_relations(tmp_path / "empty.jsonl", [])),
        "RELATED": str(write_relations(tmp_path / "related.jsonl")),
    }
    code, out = init(config, *(paths.get(argument, argument) for argument in arguments))
    assert (code, config.exists()) == (1, False)
    for name, path in paths.items():
        message = message.replace(name, path)
    assert "".join(message.split()) in "".join(out.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--encoder", "bert"],
            "encoder must be one of tok2vec, transformer, hybrid, curated, was: 'bert'",
        ),
        (["--name", "bert"], "--name must only be given with a pretrained encoder, was: bert"),
        (
            ["--encoder", "transformer", "--name", "./nothing"],
            "--name must be a folder that is there, was: ./nothing, which is missing",
        ),
        (["--lang", "nowhere"], "--lang must be the code of a language of spaCy, was: 'nowhere'"),
        (
            ["--data", "nothing.jsonl"],
            "an input must be there, was: nothing.jsonl, which is missing",
        ),
        (
            ["--spans-key", "a$b"],
            "a config must be able to hold its values, was: spans_key = 'a$b'",
        ),
        (["--spans-key", "a${b}"], "to hold its values, was: spans_key = 'a${b}'. Choose others"),
        (["--spans-key", "a\nb"], r"to hold its values, was: spans_key = 'a\nb'. Choose others"),
    ],
)
def test_what_cannot_be_written_is_an_error(config, arguments, message):
    code, out = init(config, *arguments)
    assert (code, config.exists()) == (1, False)
    assert message in out


def test_data_without_gold_is_an_error(config, tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text('{"text": "Nobody has looked."}\n', encoding="utf8")
    code, out = init(config, "--data", path)
    assert (code, config.exists()) == (1, False)
    assert "--data must have gold spans, was: data has no gold" in out


def test_a_config_that_is_there_is_kept(config):
    config.write_text("mine")
    code, out = init(config)
    assert (code, config.read_text()) == (1, "mine")
    assert f"OUTPUT must be a new file, was: {config}. Replace it with --force" in out
    assert init(config, "--force")[0] == 0


def test_a_missing_encoder_package_is_named(config, monkeypatch):
    monkeypatch.setattr(init_config, "find_spec", lambda name: None)
    code, out = init(config, "--encoder", "curated")
    assert (code, config.exists()) == (1, False)
    assert "--encoder curated needs spacy-curated-transformers, which is not installed" in out
    assert 'pip install "spacy-globalpointer[curated]"' in out
