"""The command: its numbers beside nlp.evaluate, its files, and its messages."""

import json
from collections import Counter
from itertools import pairwise

import pytest
import spacy
from noisy import make_joined, make_noisy, save
from spacy.cli._util import app as spacy_app
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Corpus
from spacy.vocab import Vocab
from thinc.api import Model
from typer.testing import CliRunner

from spacy_globalpointer.commands.evaluate import command as module
from spacy_globalpointer.commands.evaluate import judged
from spacy_globalpointer.commands.evaluate.command import evaluate
from spacy_globalpointer.commands.evaluate.worst_errors import MOST_TOKENS
from spacy_globalpointer.pipeline.prediction import find_and_score


@pytest.fixture(scope="module")
def folder(noisy_folder):
    return noisy_folder


def run(*arguments):
    result = CliRunner().invoke(spacy_app, ["global-pointer", "evaluate", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, " ".join(result.output.split())


def change(folder, tmp_path, name="changed", **settings):
    """The pipeline with other settings."""
    names = {f"components.global_pointer.{key}": value for key, value in settings.items()}
    spacy.load(folder / "model", config=names).to_disk(tmp_path / name)
    return tmp_path / name


def check_totals(report, model, data):
    """All that nlp.evaluate says, the report says too."""
    nlp = spacy.load(model)
    key = report["spans_key"]
    theirs = {
        name.removeprefix(f"spans_{key}_"): score
        for name, score in nlp.evaluate(list(Corpus(data)(nlp))).items()
    }
    spans = report["spans"]
    for part in "prf":
        assert spans["exact"][part] == pytest.approx(theirs[part]), part
        assert spans["boundary"][part] == pytest.approx(theirs[f"boundary_{part}"]), part
    assert spans["exact"]["macro_f"] == pytest.approx(theirs["macro_f"])
    for part in ("nested", "flat"):
        assert spans[part]["r"] == pytest.approx(theirs[f"{part}_r"] or 0)  # None: no such gold
    assert report["labels"].keys() == theirs["per_type"].keys()
    for label, scores in theirs["per_type"].items():
        ours = report["labels"][label]
        assert {part: ours[part] for part in "prf"} == pytest.approx(scores), label


SETTINGS = [
    {},
    {"threshold": 0.001},
    {"threshold": 0.9},
    {"label_thresholds": [["PERSON", 0.9], ["FIRST", 0.004]]},
    {"allow_overlap": False},
    {"max_spans": 2},
    {"max_spans": 2, "label_thresholds": [["PERSON", 0.9]], "threshold": 0.02},
    {"max_spans": 2, "allow_overlap": False, "threshold": 0.2},
    {"max_length": 1},
    {"spans_key": "other"},
]


@pytest.mark.filterwarnings("ignore:'global_pointer' kept only the best")
@pytest.mark.parametrize(
    ("settings", "joined"),
    [*((settings, True) for settings in SETTINGS), ({}, False), (SETTINGS[6], False)],
    ids=str,
)
def test_totals_are_those_of_nlp_evaluate(folder, tmp_path, settings, joined):
    nlp = spacy.load(folder / "model")
    if joined:
        docs = list(make_joined(nlp, 60, seed=2))
    else:
        docs = [example.reference for example in make_noisy(nlp, 60, seed=3)]
    for doc in docs if "spans_key" in settings else ():
        doc.spans["other"] = list(doc.spans["sc"])
    del docs[4].spans[settings.get("spans_key", "sc")]  # not annotated
    data = save(docs, tmp_path / "data.spacy")
    model = change(folder, tmp_path, **settings)
    report = evaluate(str(model), [data], worst=1000)
    check_totals(report, model, data)
    assert (report["documents"], report["unannotated"]) == (59, 1)
    assert report["spans"]["exact"]["right"] > 5
    # Every wrong and every missed span is in some excerpt.
    errors = {
        (excerpt["document"], side, span["start"], span["text"], span["label"])
        for excerpt in report["worst"]
        for side in ("gold", "predicted")
        for span in excerpt[side]
        if not span["right"]
    }
    exact = report["spans"]["exact"]
    assert len(errors) == exact["wrong"] + exact["missed"]


def test_a_threshold_of_zero_finds_what_max_spans_allows(folder, tmp_path):
    docs = [example.reference for example in make_noisy(spacy.blank("en"), 20, seed=3)]
    data = save(docs, tmp_path / "data.spacy")
    model = change(folder, tmp_path, threshold=0.0)
    report = evaluate(str(model), [data])
    with pytest.warns(UserWarning, match="kept only the best"):
        check_totals(report, model, data)
    assert report["notes"][0].startswith("'global_pointer' kept only the best")
    assert "documents have more spans above 0 than are looked at" in report["notes"][1]


def test_scores_are_those_of_the_component(folder):
    """The calibration counts what a pipeline with the lowest threshold would find."""
    model, data = folder / "model", folder / "dev.spacy"
    calibration = evaluate(str(model), [data])["calibration"]
    nlp = spacy.load(model, config={"components.global_pointer.threshold": 0.01})
    scores = [
        (score, (span.start, span.end, span.label_) in gold)
        for example in Corpus(data)(nlp)
        for gold in [{(s.start, s.end, s.label_) for s in example.reference.spans["sc"]}]
        for doc in [nlp(example.predicted)]
        for span, score in zip(doc.spans["sc"], doc.spans["sc"].attrs["scores"], strict=True)
    ]
    assert calibration["spans"] == len(scores) > 400
    for row in calibration["bins"]:
        high = row["high"] if row["high"] < 1 else 1.1
        inside = [is_gold for score, is_gold in scores if row["low"] <= score < high]
        assert row["spans"] == pytest.approx(len(inside), abs=1)  # batches differ in the last bit
        assert row["gold"] == pytest.approx(sum(inside) / len(inside), abs=0.06)


@pytest.mark.parametrize("settings", [{}, {"allow_overlap": False}, {"max_length": 2}], ids=str)
@pytest.mark.parametrize("joined", [False, True])
def test_missed_spans_have_the_scores_of_the_component(folder, tmp_path, settings, joined):
    """Also where these are far below all thresholds; only what can never be found has none."""
    model = change(folder, tmp_path, threshold=0.9, **settings)
    nlp = spacy.load(model)
    docs = make_joined(nlp, 60, 2) if joined else (e.reference for e in make_noisy(nlp, 60, 3))
    data = save(list(docs), tmp_path / "data.spacy")
    everything = {"threshold": 0.0, "allow_overlap": True, "max_spans": 100_000}
    names = {f"components.global_pointer.{name}": value for name, value in everything.items()}
    nlp = spacy.load(model, config=names)
    scores = {}
    for number, example in enumerate(Corpus(data)(nlp), 1):
        doc = nlp(example.predicted)
        for span, score in zip(doc.spans["sc"], doc.spans["sc"].attrs["scores"], strict=True):
            for same in example.get_aligned_spans_x2y([span], allow_overlap=True):
                scores[number, same.start, same.end, same.label_] = float(score)
    worst = evaluate(str(model), [data], worst=1000)["worst"]
    missed = {
        (excerpt["document"], span["start"], span["end"], span["label"]): span["score"]
        for excerpt in worst
        for span in excerpt["gold"]
        if not span["right"]
    }
    assert sum(score is not None and score < 0.01 for score in missed.values()) > 5
    for place, score in missed.items():
        expected = scores.get(place)
        assert score == (expected and pytest.approx(expected, rel=1e-4)), place
    assert (None in missed.values()) == ("max_length" in settings)


@pytest.mark.filterwarnings("ignore:'global_pointer' kept only the best")
@pytest.mark.parametrize(
    "settings",
    [{}, {"threshold": 0.9}, {"max_spans": 1}, {"threshold": 0.0}, {"allow_overlap": False}],
    ids=str,
)
def test_the_model_runs_once_on_each_document(folder, tmp_path, settings, monkeypatch):
    """What is found, what scores lower, and the scores of gold spans come from the same rows."""
    model, seen = change(folder, tmp_path, **settings), Counter()
    predict = Model.predict

    def spy(self, docs):
        if self.has_ref("output_layer"):  # the component's own, of which others are layers
            seen.update(doc.text for doc in docs)
        return predict(self, docs)

    monkeypatch.setattr(Model, "predict", spy)
    report = evaluate(str(model), [folder / "dev.spacy"])
    texts = [doc.text for doc in DocBin().from_disk(folder / "dev.spacy").get_docs(Vocab())]
    assert report["spans"]["exact"]["missed"] > 0  # which have scores too
    assert seen == Counter(texts)


def test_progress_is_seen_while_documents_are_predicted(folder, monkeypatch):
    """A bar counts the examples that were asked for: these must not all be asked for at first."""
    nlp = spacy.load(folder / "model")
    examples, asked, seen = list(Corpus(folder / "dev.spacy")(nlp)), [], []

    def spy(model, docs, *arguments):
        seen.append((len(asked), len(docs)))
        return find_and_score(model, docs, *arguments)

    monkeypatch.setattr(judged, "find_and_score", spy)
    judged.judge(nlp, "global_pointer", (asked.append(1) or example for example in examples))
    assert (len(asked), sum(n for _, n in seen)) == (150, 150)
    done = 0
    for n_asked, n in seen:
        assert n_asked - done <= 100
        done += n


def test_scores_are_those_after_the_second_look(second_look_folder):
    folder = second_look_folder
    report = evaluate(str(folder / "model"), [folder / "dev.spacy"])
    nlp = spacy.load(folder / "model")
    scores = nlp.evaluate(list(Corpus(folder / "dev.spacy")(nlp)))
    exact = report["spans"]["exact"]
    assert [exact[part] for part in "prf"] == pytest.approx(
        [scores[f"spans_sc_{part}"] for part in "prf"]
    )


def test_without_overlap_scores_are_those_of_what_was_found(folder, tmp_path):
    model = change(folder, tmp_path, allow_overlap=False)
    report = evaluate(str(model), [folder / "dev.spacy"])
    exact = report["spans"]["exact"]
    assert report["calibration"]["spans"] == exact["right"] + exact["wrong"]
    assert report["calibration"]["ece"] == report["calibration"]["ece_of_found"]
    assert "with allow_overlap = false a lower threshold gives other spans" in report["notes"][0]


def test_files_and_output_of_the_command(folder, tmp_path):
    files = ["--output", tmp_path / "new" / "r.json", "--html", tmp_path / "new" / "r.html"]
    code, output = run(folder / "model", folder / "dev.spacy", *files, "--worst", 3)
    assert code == 0
    report = json.loads((tmp_path / "new" / "r.json").read_text(encoding="utf-8"))
    assert len(report["worst"]) == 3
    exact = report["spans"]["exact"]
    row = " ".join(f"{100 * exact[part]:.2f}" for part in "prf")
    assert f"exact {row} 390" in output
    assert "boundary only" in output
    assert f"PERSON {100 * report['labels']['PERSON']['p']:.2f}" in output
    assert f"Expected calibration error: {report['calibration']['ece']:.4f}" in output
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["r.html", "r.json"]
    page = (tmp_path / "new" / "r.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert page.count('<article class="excerpt">') == 3
    # Both files are replaced, and both are optional.
    assert run(folder / "model", folder / "dev.spacy", *files, "--worst", 0)[0] == 0
    assert json.loads((tmp_path / "new" / "r.json").read_text(encoding="utf-8"))["worst"] == []
    assert run(folder / "model", folder / "dev.spacy")[0] == 0


@pytest.mark.parametrize("is_gold", [True, False])
def test_excerpts_are_sentences_where_these_are_known(folder, tmp_path, is_gold):
    nlp = spacy.load(change(folder, tmp_path, max_length=4))
    parts = [example.reference for example in make_noisy(nlp, 10, seed=3)]
    doc = Doc.from_docs(parts)
    starts = {sum(map(len, parts[:i])) for i in range(10)}
    if is_gold:
        for token in doc:
            token.is_sent_start = token.i in starts
    else:
        sentencizer = nlp.add_pipe("sentencizer", first=True, config={"punct_chars": ["of"]})
        starts = {sentence.start for sentence in sentencizer(doc.copy()).sents}
    nlp.to_disk(tmp_path / "model")
    data = save([doc], tmp_path / "data.spacy")
    excerpts = evaluate(str(tmp_path / "model"), [data])["worst"]
    borders = sorted({*starts, len(doc)})
    whole = [(e["start"], e["end"]) for e in excerpts if e["end"] - e["start"] < MOST_TOKENS]
    assert all(start in borders and end in borders for start, end in whole)
    # Some errors reach over a border, but most do not.
    assert sum(pair in pairwise(borders) for pair in whole) > 4


def test_gold_that_cannot_be_found_is_named(folder, tmp_path):
    docs = [example.reference for example in make_noisy(spacy.blank("en"), 10, seed=3)]
    for doc in docs[:4]:
        doc.spans["sc"] = [*doc.spans["sc"], Span(doc, 0, 1, label="NEW"), Span(doc, 1, 1, "NEW")]
    data = save(docs, tmp_path / "data.spacy")
    html = tmp_path / "r.html"
    code, output = run(folder / "model", data, "--html", html, "--worst", 1000)
    assert code == 0
    assert "labels that the component does not have count as missed: NEW 8. Its labels" in output
    assert "have no token" in output
    check_totals(evaluate(str(folder / "model"), [data]), folder / "model", data)
    assert "NEW" in html.read_text(encoding="utf-8")


def test_empty_groups_are_gold_and_named(folder, tmp_path):
    docs = [example.reference for example in make_noisy(spacy.blank("en"), 10, seed=3)]
    for doc in docs:
        doc.spans["sc"] = []
    data = save(docs, tmp_path / "data.spacy")
    code, output = run(folder / "model", data, "--html", tmp_path / "r.html")
    assert code == 0
    assert "No document has a gold span: the group 'sc' is empty in all of them" in output
    report = evaluate(str(folder / "model"), [data])
    assert report["spans"]["exact"]["wrong"] > 5
    assert {error["error"]["kind"] for error in report["worst"]} == {"spurious"}
    model = change(folder, tmp_path, threshold=1.0)
    code, output = run(model, data, "--html", tmp_path / "r.html", "-o", tmp_path / "r.json")
    assert code == 0


def test_the_chosen_one_of_two_components_is_scored(folder, tmp_path):
    nlp = spacy.load(folder / "model")
    names = {"components.global_pointer.spans_key": "second"}
    nlp.add_pipe("global_pointer", "second", source=spacy.load(folder / "model", config=names))
    nlp.to_disk(tmp_path / "two")
    docs = [example.reference for example in make_noisy(nlp, 20, seed=4)]
    for doc in docs:
        doc.spans["second"] = list(doc.spans["sc"])[:1]
    data = save(docs, tmp_path / "data.spacy")
    code, output = run(tmp_path / "two", data)
    assert code == 1
    assert "several global_pointer components: global_pointer, second" in output
    report = evaluate(str(tmp_path / "two"), [data], component="second")
    assert (report["component"], report["spans_key"]) == ("second", "second")
    check_totals(report, tmp_path / "two", data)


def test_wrong_models_and_data_are_errors(folder, tmp_path):
    out = tmp_path / "out"

    def fail(model, data):
        files = ["-o", out / "r.json", "-H", out / "r.html"]
        code, output = run(model, data, *files)
        assert code == 1
        assert not out.exists() or list(out.iterdir()) == []
        return output

    dev = folder / "dev.spacy"
    other = spacy.blank("en")
    other.add_pipe("sentencizer")
    other.to_disk(tmp_path / "other")
    assert "MODEL must be a pipeline that can be loaded: [E050]" in fail(tmp_path / "none", dev)
    message = "global_pointer, relation_pointer or event_pointer component, but has: sentencizer"
    assert message in fail(tmp_path / "other", dev)
    (tmp_path / "other" / "vocab" / "vectors").write_bytes(b"")
    message = "MODEL must be a pipeline that can be loaded: EOFError: No data left in file"
    assert message in fail(tmp_path / "other", dev)
    wrong = change(folder, tmp_path, label_thresholds=[["NONE", 0.5]])
    assert "label_thresholds must name labels of the component, was: 'NONE'" in fail(wrong, dev)
    data = tmp_path / "data.spacy"
    model = folder / "model"
    assert f"DATA must be there, was: {data}, which is missing" in fail(model, data)
    assert "DATA must be a .spacy file or a folder with some" in fail(model, __file__)
    data.write_bytes(b"")
    assert "a .spacy file must be a complete DocBin, but" in fail(model, data)
    assert "DATA must hold documents, but has none" in fail(model, save([], data))
    docs = [spacy.blank("en")("anna went")] * 3
    message = "DATA must hold gold spans, but has 3 documents, none with the span group 'sc'"
    assert message in fail(model, save(docs, data))


def test_wrong_outputs_are_errors_before_the_model_is_loaded(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "load_pipeline", None)
    data = save([spacy.blank("en")("anna went")], tmp_path / "data.spacy")
    before = data.read_bytes()
    (tmp_path / "folder").mkdir()
    for option, path, message in (
        ("--output", data, "--output must be a file of its own, was:"),
        ("--html", tmp_path / "folder", "--html must be a file in a folder that can be written"),
        ("--html", data / "r.html", "Evaluation stopped"),
    ):
        code, output = run(folder / "model", data, option, path)
        assert (code, message in output) == (1, True), output
    files = ["-o", tmp_path / "r", "-H", tmp_path / "r"]
    assert "--html must be a file of its own" in run(folder / "model", data, *files)[1]
    assert data.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.spacy", "folder"]


def test_a_stop_half_way_keeps_the_old_file(folder, tmp_path, monkeypatch):
    from spacy_globalpointer.commands import outputs

    html = tmp_path / "r.html"
    html.write_text("old")

    def stop(*paths):
        raise KeyboardInterrupt

    monkeypatch.setattr(outputs.os, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        evaluate(str(folder / "model"), [folder / "dev.spacy"], html=html)
    assert html.read_text() == "old"
    assert list(tmp_path.iterdir()) == [html]


def test_help_shows_an_example():
    code, output = run("--help")
    assert code == 0
    assert "$ spacy global-pointer evaluate ./model-best test.spacy --html errors" in output


def test_spans_that_do_not_fit_the_tokens_are_wrong_and_shown(folder, tmp_path):
    """Precision is that of all spans of the pipeline, not of those that happen to fit."""
    nlp = spacy.load(folder / "model")
    data = save(list(make_joined(nlp, 60, seed=2)), tmp_path / "data.spacy")
    report = evaluate(str(folder / "model"), [data], worst=1000)
    predicted, off, texts = 0, 0, set()
    for example in Corpus(data)(nlp):
        doc = nlp(example.predicted)
        starts = {token.idx for token in example.reference}
        ends = {token.idx + len(token) for token in example.reference}
        for span in doc.spans["sc"]:
            predicted += 1
            if span.start_char not in starts or span.end_char not in ends:
                off += 1
                texts.add((span.label_, span.text))
    exact = report["spans"]["exact"]
    assert off > 5
    assert exact["right"] + exact["wrong"] == predicted
    assert exact["p"] == pytest.approx(exact["right"] / predicted)
    assert (
        f"{off} predicted spans do not begin and end where tokens of DATA do" in report["notes"][-1]
    )
    shown = {
        (span["label"], span["text"])
        for excerpt in report["worst"]
        for span in excerpt["predicted"]
        if not span["right"]
    }
    assert texts <= shown
