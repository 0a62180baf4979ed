import json
import subprocess
import sys
import zlib

import pytest
import spacy
from samples import make_examples, make_nlp
from spacy.cli._util import app as spacy_app
from spacy.tokens import DocBin, Span
from typer.testing import CliRunner

from spacy_globalpointer.commands.debug.survey import debug_config, debug_data
from spacy_globalpointer.configs import find_config

CONFIG = find_config("tok2vec")
TRANSFORMER = CONFIG.with_name("transformer.cfg")
EN = spacy.blank("en")
LINES = [
    {"text": "The Bank of Rome closed.", "spans": [(4, 16, "ORG"), (12, 16, "GPE")]},
    {"text": "Ada saw  IL-2-cells.", "spans": [(0, 3, "PER"), (9, 11, "CELL"), (3, 7, "VERB")]},
    {"text": "Nothing happened.", "spans": []},
    {"text": "Nobody looked at this."},
]


def run(*arguments):
    result = CliRunner().invoke(spacy_app, ["global-pointer", "debug", *map(str, arguments)])
    # An exception that nobody caught would give exit code 1 too.
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, " ".join(result.output.split())


def write_lines(path, lines):
    rows = []
    for line in lines:
        row = dict(line)
        if "spans" in row:
            row["spans"] = [
                dict(zip(("start", "end", "label"), s, strict=True)) for s in row["spans"]
            ]
        rows.append(json.dumps(row) + "\n")
    path.write_text("".join(rows), encoding="utf-8")
    return path


def write_docs(path, docs):
    DocBin(docs=docs).to_disk(path)
    return path


def sample_docs(key="sc"):
    return [example.reference for example in make_examples(EN, key)]


@pytest.fixture
def lines(tmp_path):
    return write_lines(tmp_path / "train.jsonl", LINES)


@pytest.fixture
def corpus(tmp_path):
    """Overrides of a config for two corpora of the samples."""
    overrides = {"nlp.lang": "en"}
    for name in ("train", "dev"):
        overrides[f"paths.{name}"] = str(write_docs(tmp_path / f"{name}.spacy", sample_docs()))
    return overrides


def options(overrides):
    """The overrides as arguments of the command."""
    return [part for name, value in overrides.items() for part in (f"--{name}", value)]


def findings(survey, *levels):
    return [finding.text for finding in survey.all_findings() if finding.level in levels]


def test_data_files_are_looked_over(lines, tmp_path):
    dev = write_lines(tmp_path / "dev.jsonl", LINES[:1])
    code, output = run(lines, "--dev", dev, "--low", 1, "--output", tmp_path / "out" / "o.json")
    assert code == 0
    for part in (
        "train: 4 documents, 21 tokens, 7 in the longest document",
        "1 of 1 documents of dev are in train too: 'The Bank of Rome closed.'",
        "1 of 4 documents of train lack the group 'sc'",
        "ORG 1 1 3 0",
        "CELL 1 0 0 1",
        "all 5 2",
        "nested 2 (40.00%) 2 (100.00%)",
        "train: 1 CELL do not begin and end where predicted tokens do, such as "
        "Ada saw [IL]-2-cells.",
        "train: 1 VERB begin or end with white space, such as Ada[ saw] IL-2-cells.",
        "1 of 5 spans of train (20.00%) do not begin and end",
        'max_length = "auto" will be 7 tokens: the longest span of train has 3',
        'max_length = "auto" loses 0 of 2 spans of dev',
        "warning(s)",
    ):
        assert part in output
    report = json.loads((tmp_path / "out" / "o.json").read_text(encoding="utf-8"))
    assert report["splits"]["train"]["documents"] == 4
    group = report["splits"]["train"]["groups"]["sc"]
    assert group["labels"] == {"ORG": 1, "GPE": 1, "PER": 1, "CELL": 1, "VERB": 1}
    assert group["remarks"]["do not begin and end where predicted tokens do"]["CELL"]["spans"] == 1
    levels = {f["level"] for f in report["components"]["global_pointer"]["findings"]}
    assert "error" not in levels
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["o.json"]


def test_a_spacy_file_and_a_folder_of_them(tmp_path):
    (tmp_path / "data").mkdir()
    path = write_docs(tmp_path / "data" / "a.spacy", sample_docs("gold"))
    code, output = run(path, "--spans-key", "gold")
    assert (code, "crossing 2 (20.00%)" in output) == (0, True)
    assert "[training.score_weights]" in output
    assert "spans_gold_f = 1.0" in output
    assert "spans_sc_f = null" in output
    write_docs(tmp_path / "data" / "b.spacy", sample_docs("gold"))
    survey = debug_data([str(tmp_path / "data")], spans_key="gold")
    assert survey.splits["data"].n_documents == 10
    assert survey.splits["data"].n_repeated == 5
    code, output = run(path)
    assert code == 1
    assert "no document has the span group 'sc', but 5 have 'gold'. Use --spans-key gold" in output


def test_several_files_are_one_split_and_limit_counts_documents(lines, tmp_path):
    other = write_lines(tmp_path / "other.jsonl", LINES)
    survey = debug_data([str(lines), str(other)], [lines])
    assert (survey.splits["train"].n_documents, survey.splits["dev"].n_documents) == (8, 4)
    survey = debug_data([str(lines), str(tmp_path), str(lines)], [lines])
    assert (survey.splits["train"].n_documents, survey.splits["dev"].n_documents) == (8, 4)
    survey = debug_data([str(lines), str(other)], [lines], limit=5)
    assert (survey.splits["train"].n_documents, survey.splits["dev"].n_documents) == (5, 4)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "must hold documents, was: an empty file"),
        (b"\xff\xfe", "must be in UTF-8"),
        (b'{"text": "a", "spans": 3}', 'line 1: "spans" must be a list'),
        (b'{"text": "a"}', "data has no gold: no document has the span group 'sc'"),
        (b'{"text": "a", "spans": []}', "data has no gold span: all groups 'sc' are empty"),
        (b'{"text": "a", "label": [["X", 0, 1]]}', 'line 1: "label" looks like annotation'),
        (
            b'{"text": "a", "spans": [{"start": 0, "end": 1, "label": "\\udc80"}]}',
            "line 1: label must be valid Unicode, was: 0 to 1, '\\udc80'",
        ),
        (None, "an input must be there, was:"),
    ],
)
def test_bad_files_are_errors(tmp_path, content, message):
    path = tmp_path / "bad.jsonl"
    if content is not None:
        path.write_bytes(content)
    code, output = run(path)
    assert code == 1
    assert message in output


@pytest.mark.parametrize(
    "content", [b"", b"garbage", zlib.compress(b"garbage"), zlib.compress(b"\x81\xa1a\x01"), None]
)
def test_damaged_spacy_files_are_errors(tmp_path, content):
    path = tmp_path / "bad.spacy"
    whole = write_docs(path, sample_docs()).read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if content is None else content)
    code, output = run(path, "--output", tmp_path / "o.json")
    assert code == 1
    assert "a .spacy file must be a complete DocBin, but " in output
    assert list(tmp_path.iterdir()) == [path]


def test_a_spacy_file_without_documents_is_an_error(tmp_path):
    code, output = run(write_docs(tmp_path / "a.spacy", []))
    assert (code, "data has no documents" in output) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--lang", "qqq"], "qqq"),
        (["--format", "conll"], "format must be auto or one of"),
        (["--wrong", "1"], "data files only, was: --wrong"),
        ([str(CONFIG)], "one config (.cfg) with overrides, or data files only, was: "),
        (["--dev", "missing.jsonl"], "was: missing.jsonl"),
        (["--code", "missing.py"], "Path to Python code not found"),
    ],
)
def test_wrong_options_are_errors(lines, arguments, message):
    code, output = run(lines, *arguments)
    assert code == 1
    assert message in output


def test_an_output_that_cannot_be_written_is_an_error(lines, tmp_path):
    code, output = run(lines, "--output", tmp_path)
    assert (code, "--output must be a file in a folder that can be written" in output) == (1, True)
    code, output = run(lines, "--output", lines / "o.json")
    assert (code, "train.jsonl" in output) == (1, True)
    assert list(tmp_path.iterdir()) == [lines]


def test_a_missing_config_is_an_error():
    code, output = run("nothing.cfg")
    assert (code, "must be a file, was: nothing.cfg, which is missing" in output) == (1, True)


def test_a_config_is_looked_over(corpus, tmp_path):
    code, output = run(CONFIG, *options(corpus), "--low", 1, "--output", tmp_path / "o.json")
    assert code == 0
    assert "Component 'global_pointer'" in output
    assert "5 of 5 documents of dev are in train too" in output
    assert "✔ [training.score_weights] names spans_sc_f" in output
    report = json.loads((tmp_path / "o.json").read_text(encoding="utf-8"))
    assert report["components"]["global_pointer"]["settings"]["max_length"] == "auto"
    assert report["splits"]["dev"]["groups"]["sc"]["spans"] == 10


def test_a_config_may_come_from_standard_input(corpus):
    arguments = [f"--{name}={value}" for name, value in corpus.items()]
    text = CONFIG.read_text(encoding="utf-8")
    command = ["global-pointer", "debug", "-", *arguments]
    result = CliRunner().invoke(spacy_app, command, input=text)
    assert result.exit_code == 0
    assert "train: 5 documents" in result.output


def test_settings_are_held_against_the_data(corpus):
    settings = {"max_length": 3, "allow_overlap": False, "max_spans": 2}
    overrides = {f"components.global_pointer.{name}": v for name, v in settings.items()}
    survey = debug_config(str(CONFIG), {**corpus, **overrides}, low=1)
    warnings = findings(survey, "warning")
    for text in (
        "max_length = 3 loses 2 of 10 spans of train (20.00%)",
        "predicts none that do: allow_overlap = false",
        "A document of train has 3 spans, but max_spans = 2",
    ):
        assert any(text in warning for warning in warnings), text
    assert findings(survey, "error") == []


def paste(survey, path, target):
    """A config with the advised lines in it."""
    config = spacy.util.load_config(path, interpolate=False)
    for advice in {f.advice for f in survey.all_findings() if f.advice}:
        section = config
        for name in advice.section.split("."):
            section = section.setdefault(name, {})
        for line in advice.lines:
            name, _, value = line.partition(" = ")
            section[name] = json.loads(value)
    config.to_disk(target)
    return str(target)


def test_the_advised_lines_mend_the_config(corpus, tmp_path):
    for name in ("train", "dev"):
        docs = sample_docs("my_key")
        for doc in docs:
            for token in doc[1:]:
                token.is_sent_start = False
        write_docs(tmp_path / f"{name}.spacy", docs[:4])
    overrides = {**corpus, "corpora.train.gold_preproc": True, "corpora.dev.max_length": 8}
    survey = debug_config(str(CONFIG), overrides, low=1)
    # Where the readers drop the groups, nothing is left of them.
    errors = findings(survey, "error")
    assert any("train has no gold" in error for error in errors)
    config = spacy.util.load_config(CONFIG, interpolate=False)
    config["components"]["global_pointer"]["spans_key"] = "my_key"
    config["components"]["global_pointer"]["max_length"] = 1
    config.to_disk(tmp_path / "a.cfg")
    survey = debug_config(str(tmp_path / "a.cfg"), overrides, low=1)
    errors = findings(survey, "error")
    assert any("reads 0 of 10 spans with gold_preproc = true" in error for error in errors)
    assert any("does not name spans_my_key_f" in error for error in errors)
    assert any(
        "[corpora.dev] reads 2 of 10 spans with max_length = 8" in text
        for text in findings(survey, "warning")
    )
    mended = paste(survey, tmp_path / "a.cfg", tmp_path / "b.cfg")
    survey = debug_config(mended, corpus, low=1)
    assert findings(survey, "error") == []
    assert survey.splits["train"].groups["my_key"].n_spans == 10
    config = spacy.util.load_config(mended)
    mended = paste(survey, mended, tmp_path / "c.cfg")
    survey = debug_config(mended, corpus, low=1)
    assert findings(survey, "error") == []
    assert [f for f in findings(survey, "warning") if "in train too" not in f] == []
    assert [f.advice for f in survey.all_findings() if f.advice] == []


def test_another_key_is_an_error_and_training_says_so_too(corpus):
    overrides = {**corpus, "components.global_pointer.spans_key": "x"}
    code, output = run(CONFIG, *options(overrides))
    assert code == 1
    assert "train has no gold: no document has the span group 'x', but 5 have 'sc'" in output
    assert (
        '[components.global_pointer] # the group that the documents have spans_key = "sc"' in output
    )
    nlp = make_nlp(spans_key="x")
    with pytest.raises(ValueError, match="no document of the training data has the span group"):
        nlp.initialize(lambda: make_examples(nlp))


def add_to_config(tmp_path, change, path=CONFIG):
    config = spacy.util.load_config(path, interpolate=False)
    change(config)
    config.to_disk(tmp_path / "changed.cfg")
    return tmp_path / "changed.cfg"


def test_each_of_several_components_is_reported(corpus, tmp_path):
    def change(config):
        config["nlp"]["pipeline"].append("second")
        config["components"]["second"] = {
            **config["components"]["global_pointer"],
            "spans_key": "other",
            "max_length": 2,
        }

    path = add_to_config(tmp_path, change)
    code, output = run(path, *options(corpus), "--output", tmp_path / "o.json")
    assert code == 1
    assert "Component 'global_pointer'" in output
    assert "Component 'second'" in output
    report = json.loads((tmp_path / "o.json").read_text(encoding="utf-8"))
    assert {name: c["spans_key"] for name, c in report["components"].items()} == {
        "global_pointer": "sc",
        "second": "other",
    }
    errors = {
        name: [f["topic"] for f in c["findings"] if f["level"] == "error"]
        for name, c in report["components"].items()
    }
    assert errors == {"global_pointer": [], "second": ["groups", "groups"]}


def test_components_with_one_key_are_rivals(corpus, tmp_path):
    def change(config):
        config["nlp"]["pipeline"].append("second")
        config["components"]["second"] = dict(config["components"]["global_pointer"])

    survey = debug_config(str(add_to_config(tmp_path, change)), corpus)
    assert sum("all write doc.spans['sc']" in text for text in findings(survey, "warning")) == 2


@pytest.mark.parametrize("is_file", [False, True])
def test_labels_of_the_config_limit_those_of_the_data(corpus, tmp_path, is_file):
    file = tmp_path / "labels.json"
    file.write_text('["GPE", "ORG"]', encoding="utf-8")
    reader = {"@readers": "spacy.read_labels.v1", "path": str(file), "require": False}
    labels = reader if is_file else ["GPE", "ORG"]

    def change(config):
        config["initialize"] = {"components": {"global_pointer": {"labels": labels}}}

    path = add_to_config(tmp_path, change)
    code, output = run(path, *options(corpus))
    assert code == 1
    assert (
        "does not know 1 label of the data, and training stops at the first: PERSON (3)" in output
    )
    file.unlink()  # as in training, the labels are then those of the data
    assert run(path, *options(corpus))[0] == (0 if is_file else 1)


def test_labels_of_a_sourced_component_limit_those_of_the_data(corpus, tmp_path):
    nlp = make_nlp()
    nlp.initialize(lambda: make_examples(nlp)[3:4])
    nlp.to_disk(tmp_path / "source")

    def change(config):
        config["components"]["global_pointer"] = {"source": str(tmp_path / "source")}

    path = add_to_config(tmp_path, change)
    survey = debug_config(str(path), corpus)
    assert any("does not know 1 label of the data" in text for text in findings(survey, "error"))
    survey = debug_config(str(path), {**corpus, "training.frozen_components": ["global_pointer"]})
    assert findings(survey, "error") == []
    assert any("is frozen" in text for text in findings(survey, "info"))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"nlp.pipeline": '["tok2vec"]'}, "must have a component of the factory 'global_pointer'"),
        ({"paths.train": "missing.spacy"}, "missing.spacy"),
        ({"paths.dev": "null"}, "[E913]"),
        ({"components.global_pointer.threshold": "2"}, "must be a probability in [0, 1], was: 2"),
        ({"components.global_pointer.nonsense": "2"}, "unexpected argument: 'nonsense'"),
        ({"corpora.train.@readers": "nobody.v1"}, "nobody.v1"),
        ({"training.train_corpus": "null"}, "train_corpus must name a reader"),
        ({"training.dev_corpus": "corpora.nope"}, "corpora.nope"),
        ({"corpora.dev.@readers": "spacy.PlainTextCorpus.v1"}, "dev has no documents"),
        ({"paths.train": "nowhere"}, "train has no documents. Is its path right?"),
        ({"nothing": "1"}, "'--nothing'"),
    ],
)
def test_bad_configs_are_errors(corpus, overrides, message):
    code, output = run(CONFIG, *options({**corpus, **overrides}))
    assert code == 1
    assert message in output


def test_a_config_of_another_encoding_is_an_error(tmp_path):
    path = tmp_path / "a.cfg"
    path.write_bytes('[nlp]\nlang = "é"'.encode("latin-1"))
    code, output = run(path)
    assert code == 1
    assert "a.cfg must be in UTF-8, was: 'utf-8' codec can't decode byte 0xe9" in output


@pytest.mark.parametrize(
    "arguments",
    [
        *(["--dev", "dev.spacy"], ["--lang", "zh"], ["--spans-key", "x"], ["--format", "bio"]),
        # It would do nothing, though it is the default of data files.
        ["--lang", "en"],
    ],
)
def test_options_of_data_files_are_refused_with_a_config(corpus, arguments):
    code, output = run(CONFIG, *options(corpus), *arguments)
    assert code == 1
    assert f"{arguments[0]} must only be given with data files, was: {arguments[1]}" in output
    assert "The config has its own" in output


@pytest.mark.parametrize("content", [None, "", "[nlp", "[paths]\ntrain = ${nowhere.x}\n"])
def test_files_that_are_no_config_are_errors(tmp_path, content):
    path = tmp_path / "a.cfg"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    code, _ = run(path)
    assert code == 1


def test_code_is_imported_for_readers_of_ones_own(corpus, tmp_path):
    code = tmp_path / "reader.py"
    code.write_text(
        "from pathlib import Path\n"
        "import spacy\n"
        "@spacy.registry.readers('own_for_debug.v1')\n"
        "def make(path: Path):\n"
        "    return spacy.training.Corpus(path, limit=2)\n",
        encoding="utf-8",
    )

    def change(config):
        config["corpora"]["train"] = {"@readers": "own_for_debug.v1", "path": "${paths.train}"}

    path = add_to_config(tmp_path, change)
    result, output = run(path, *options(corpus), "--code", code)
    assert (result, "train: 2 documents" in output) == (0, True)


def test_the_window_of_the_transformer_is_found(corpus):
    pytest.importorskip("spacy_transformers")
    overrides = {"components.transformer.model.get_spans.window": 3}
    overrides["components.transformer.model.get_spans.stride"] = 3
    survey = debug_config(str(TRANSFORMER), {**corpus, **overrides})
    seen = survey.splits["train"].groups["sc"].seen
    assert seen.encoder.window == (3, 3, "tokens")
    expected = 0
    for doc in sample_docs():
        windows = [doc[start : start + 3] for start in range(0, len(doc), 3)]
        for span in doc.spans["sc"]:
            expected += not any(w.start <= span.start and span.end <= w.end for w in windows)
    assert seen.n_cut == expected > 0


def test_entities_without_groups_are_named(tmp_path):
    doc = EN("Ada saw Rome")
    doc.ents = [Span(doc, 0, 1, "PER"), Span(doc, 2, 3, "GPE")]
    code, output = run(write_docs(tmp_path / "ner.spacy", [doc]))
    assert code == 1
    assert "there are 2 entities in doc.ents" in output


def test_data_files_need_no_model_of_ours(lines):
    """Of ours; thinc imports torch itself."""
    script = (
        "import sys\n"
        "from spacy_globalpointer.commands.debug.survey import debug_data\n"
        "assert debug_data(sys.argv[1:]).splits['data'].n_documents == 4\n"
        "print(*sys.modules)"
    )
    command = [sys.executable, "-c", script, str(lines)]
    process = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert process.returncode == 0, process.stderr
    modules = set(process.stdout.split())
    heavy = "nn", "models", "losses", "pipeline.learning", "pipeline.global_pointer"
    assert modules.isdisjoint(f"spacy_globalpointer.{name}" for name in heavy)


def test_help_shows_examples_and_exit_codes():
    code, output = run("--help")
    assert code == 0
    assert "$ spacy global-pointer debug config.cfg --paths.train train.spacy" in output
    assert "$ spacy global-pointer debug train.jsonl --dev dev.jsonl --lang en" in output
    assert "The exit code is 1 if there are errors" in output
