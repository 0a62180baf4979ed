"""spaCy's own commands with the component, from a config to a package."""

import importlib.metadata
import json
import subprocess
import sys
import warnings

import pytest
import spacy
import spacy.cli
from packaging.requirements import Requirement
from samples import LABELS, SENTENCES, found, make_examples
from spacy.cli._util import app
from spacy.tokens import DocBin
from typer.testing import CliRunner

# What fill-config completes: an encoder shared by a listener, and few steps with a high rate.
CONFIG = """
[paths]
train = "{folder}/train.spacy"
dev = "{folder}/train.spacy"

[nlp]
lang = "en"
pipeline = ["tok2vec", "global_pointer"]

[components]

[components.tok2vec]
factory = "tok2vec"

[components.tok2vec.model]
@architectures = "spacy.HashEmbedCNN.v2"
width = 32
depth = 2
embed_size = 300
window_size = 1
maxout_pieces = 2
subword_features = true
pretrained_vectors = null

[components.global_pointer]
factory = "global_pointer"

[components.global_pointer.model]
@architectures = "spacy_globalpointer.EfficientGlobalPointer.v1"
head_size = 16

[components.global_pointer.model.tok2vec]
@architectures = "spacy.Tok2VecListener.v1"
width = 32
upstream = "tok2vec"

[training]
max_steps = 20
eval_frequency = 10
dropout = 0.0

[training.optimizer]
@optimizers = "Adam.v1"
learn_rate = 0.02
use_averages = false

[training.logger]
@loggers = "spacy.ConsoleLogger.v3"
"""


def run(*arguments, exit_code=0):
    """Output of a command of spaCy, one space between words: tables have widths of their own."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == exit_code, result.output
    return " ".join(result.output.split())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A filled config, data, and a pipeline trained with them."""
    folder = tmp_path_factory.mktemp("cli")
    docs = [example.reference for example in make_examples(spacy.blank("en"))]
    DocBin(docs=docs * 20).to_disk(folder / "train.spacy")
    partial = folder / "partial.cfg"
    partial.write_text(CONFIG.format(folder=folder), encoding="utf-8")
    run("init", "fill-config", partial, folder / "config.cfg")
    log = run("train", folder / "config.cfg", "--output", folder / "training")
    (folder / "log").write_text(log, encoding="utf-8")
    return folder


def config_with_labels(folder, labels):
    """The filled config, with labels for the initialization of the component."""
    config = spacy.util.load_config(folder / "config.cfg")
    config["initialize"]["components"]["global_pointer"] = {"labels": labels}
    config.to_disk(folder / "labels.cfg")
    return folder / "labels.cfg"


def test_init_fill_config_completes_the_component(folder):
    config = spacy.util.load_config(folder / "config.cfg")
    component = config["components"]["global_pointer"]
    assert component["scorer"] == {"@scorers": "spacy_globalpointer.span_scorer.v1"}
    assert component["model"]["rope"] is True
    assert component["model"]["tok2vec"]["@architectures"] == "spacy.Tok2VecListener.v1"
    assert config["training"]["score_weights"]["spans_sc_f"] == 1.0


def test_debug_config(folder):
    out = run("debug", "config", folder / "config.cfg", "--show-functions", "--show-variables")
    for function in ("EfficientGlobalPointer.v1", "ZLPR.v1", "span_scorer.v1"):
        assert f"spacy_globalpointer.{function}" in out


def test_debug_data(folder):
    out = run("debug", "data", folder / "config.cfg", "--verbose")
    assert "Pipeline can be initialized with data" in out
    assert f"{len(SENTENCES) * 20} training docs" in out


def test_debug_model(folder):
    out = run(
        *("debug", "model", folder / "config.cfg", "global_pointer"),
        *("--layers", "0,1", "--dimensions", "--print-step1", "--print-step3"),
    )
    assert "STEP 3 - prediction" in out


def test_train_shows_scores_and_keeps_the_best_model(folder):
    log = (folder / "log").read_text(encoding="utf-8")
    assert "LOSS GLOBA... SPANS_SC_F SPANS_SC_P SPANS_SC_R SCORE" in log
    nlp = spacy.load(folder / "training" / "model-best")
    performance = nlp.meta["performance"]
    assert performance["spans_sc_f"] > 0.5
    assert set(performance["spans_sc_per_type"]) == set(LABELS)
    assert nlp.meta["labels"]["global_pointer"] == LABELS
    assert ("Rome", "GPE") in found(nlp(SENTENCES[1][0]))


def test_evaluate_has_a_row_for_each_label(folder):
    output = folder / "metrics.json"
    model = folder / "training" / "model-best"
    out = run("evaluate", model, folder / "train.spacy", "--output", output)
    assert "SPAN F" in out
    assert all(f" {label} " in out for label in LABELS)
    scores = json.loads(output.read_text(encoding="utf-8"))
    assert scores["spans_sc_f"] > 0.5
    assert scores["spans_sc_nested_r"] > 0
    assert set(scores["spans_sc_per_type"]) == set(LABELS)


def test_find_threshold_starts_at_zero(folder):
    model = folder / "training" / "model-best"
    arguments = ("global_pointer", "threshold", "spans_sc_f", "--n_trials", 3)
    # At threshold 0 every span is found: there are more of them than a document may have.
    with pytest.warns(UserWarning, match="kept only the best .* spans"):
        out = run("find-threshold", model, folder / "train.spacy", *arguments)
    assert "Optimizing for spans_sc_f for component 'global_pointer' with 3 trials" in out
    assert "Best threshold: 0.5 with spans_sc_f value of" in out


def test_init_labels_and_train_with_them(folder):
    run("init", "labels", folder / "config.cfg", folder / "labels")
    path = folder / "labels" / "global_pointer.json"
    assert json.loads(path.read_text(encoding="utf-8")) == LABELS
    path.write_text(json.dumps(["NEW", *LABELS]), encoding="utf-8")
    reader = {"@readers": "spacy.read_labels.v1", "path": str(path), "require": True}
    config = config_with_labels(folder, reader)
    run("train", config, "--output", folder / "read", "--training.max_steps", 1)
    nlp = spacy.load(folder / "read" / "model-last")
    assert nlp.get_pipe("global_pointer").labels == ("NEW", *LABELS)


def test_assemble_without_data(folder):
    run("assemble", config_with_labels(folder, ["ORG", "A B"]), folder / "assembled")
    nlp = spacy.load(folder / "assembled")
    assert nlp.get_pipe("global_pointer").labels == ("ORG", "A B")
    assert "sc" in nlp("Rome closed.").spans


def test_assemble_without_labels_says_what_is_missing(folder):
    with pytest.raises(ValueError, match="needs gold spans or labels"):
        run("assemble", folder / "config.cfg", folder / "never")


def test_benchmark_speed(folder):
    model = folder / "training" / "model-best"
    arguments = ("--batches", 30, "--warmup", 0, "--batch-size", 10)
    assert "Mean: " in run("benchmark", "speed", model, folder / "train.spacy", *arguments)


# spaCy leaves files to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_package_requires_this_package(folder):
    output = folder / "packages"
    output.mkdir()
    run("package", folder / "training" / "model-best", output, "--build", "none")
    (meta,) = output.glob("*/meta.json")
    requirements = json.loads(meta.read_text(encoding="utf-8"))["requirements"]
    (line,) = [line for line in requirements if line.startswith("spacy-globalpointer>=")]
    # What is installed, or made by `pip wheel .` in a clone, is enough for it.
    assert Requirement(line).specifier.contains(importlib.metadata.version("spacy-globalpointer"))


def test_init_config_knows_the_component(tmp_path):
    path = tmp_path / "config.cfg"
    run("init", "config", path, "--pipeline", "global_pointer")
    config = spacy.util.load_config(path)
    assert config["components"]["global_pointer"]["threshold"] == 0.5
    run("debug", "config", path, "--paths.train", tmp_path, "--paths.dev", tmp_path)


def test_the_rate_of_a_transformer_that_is_not_there_is_a_warning(tmp_path):
    path = tmp_path / "config.cfg"
    out = run("init", "config", path, "-p", "global_pointer", "--gpu", "--optimize", "accuracy")
    assert "Transformer: roberta-base" in out
    rates = "is 5e-05, that of a pretrained one"
    for changes, is_slow in (({}, True), ({"learn_rate": 0.001}, False)):
        config = spacy.util.load_config(path)
        assert config["nlp"]["pipeline"] == ["global_pointer"]
        config["training"]["optimizer"].update(changes)
        nlp = spacy.util.load_model_from_config(config)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            nlp.initialize(lambda nlp=nlp: make_examples(nlp))
        assert any(rates in str(warning.message) for warning in caught) == is_slow


def test_find_function():
    out = run("find-function", "spacy_globalpointer.ZLPR.v1", "--registry", "losses")
    assert "losses.py" in out.replace(" ", "")


def test_installed_command_has_ours():
    command = [sys.executable, "-I", "-m", "spacy", "global-pointer", "convert", "--help"]
    process = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert process.returncode == 0, process.stderr
    assert "--spans-key" in process.stdout
