import json
import re
import sys
from xml.etree import ElementTree

import numpy
import pytest
import spacy
import srsly
from noisy import make_joined, make_noisy, save
from samples import make_nlp
from spacy.cli._util import app as spacy_app
from spacy.cli.find_threshold import find_threshold
from spacy.tokens import Span
from spacy.training import Corpus
from typer.testing import CliRunner

from spacy_globalpointer.commands.outputs import new_folder
from spacy_globalpointer.commands.tune import span_source
from spacy_globalpointer.commands.tune.candidates import find_candidates
from spacy_globalpointer.commands.tune.objectives import Options
from spacy_globalpointer.commands.tune.report import describe_counts
from spacy_globalpointer.commands.tune.thresholds import Thresholds, count
from spacy_globalpointer.pipeline.global_pointer import GlobalPointer
from spacy_globalpointer.pipeline.prediction import predict_spans


@pytest.fixture(scope="module")
def folder(noisy_folder):
    return noisy_folder


@pytest.fixture(scope="module")
def doubtful(folder, tmp_path_factory):
    """A pipeline whose threshold is too high, and documents too few to tell labels apart."""
    path = tmp_path_factory.mktemp("doubtful")
    docs = read_dev(spacy.load(folder / "model"), folder / "dev.spacy")[:80]
    save([example.reference for example in docs], path / "dev.spacy")
    return change(folder, path, threshold=0.9), path / "dev.spacy"


def run(*arguments):
    result = CliRunner().invoke(spacy_app, ["global-pointer", "tune", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, " ".join(result.output.split())


def tune(model, dev, output, **options):
    """The report of a run without a plot."""
    arguments = [["--" + name.replace("_", "-"), value] for name, value in options.items()]
    code, text = run(
        model, dev, "-o", output, "--no-plot", *(x for pair in arguments for x in pair)
    )
    assert code == 0, text
    return json.loads((output / "thresholds.json").read_text(encoding="utf-8"))


def scores_of(candidates, thresholds):
    return describe_counts(count(candidates, thresholds.cuts(candidates.labels)))


def read_dev(nlp, path):
    return list(Corpus(path)(nlp))


def evaluate(nlp, examples, **settings):
    """Scores with other settings of the component."""
    pipe = nlp.get_pipe("global_pointer")
    before = pipe.cfg
    pipe.cfg = {**before, **settings}
    scores = nlp.evaluate(examples)
    pipe.cfg = before
    return scores


def candidates_of(folder, lowest=0.01):
    nlp = spacy.load(folder / "model")
    examples = read_dev(nlp, folder / "dev.spacy")
    return nlp, examples, find_candidates(nlp, "global_pointer", examples, lowest).candidates


@pytest.mark.filterwarnings("ignore:'global_pointer' kept only the best")
def test_scores_agree_with_find_threshold(folder):
    _, _, candidates = candidates_of(folder)
    options = "global_pointer", "threshold", "spans_sc_f"
    *_, theirs = find_threshold(str(folder / "model"), folder / "dev.spacy", *options, n_trials=11)
    assert len(theirs) == 11
    for threshold, f in theirs.items():
        if threshold > 0:
            ours = scores_of(candidates, Thresholds(threshold, {}))["f"]
            assert ours == pytest.approx(f, abs=1e-12), threshold
    assert len(set(theirs.values())) > 8


@pytest.mark.parametrize("objective", ["global", "per-label", "macro", "precision"])
def test_the_written_pipeline_finds_what_was_counted(folder, tmp_path, objective):
    options = {"objective": objective, "precision": 0.6, "min_count": 50}
    report = tune(folder / "model", folder / "dev.spacy", tmp_path / "new" / "out", **options)
    nlp = spacy.load(tmp_path / "new" / "out")
    cfg = nlp.get_pipe("global_pointer").cfg
    settings = ("threshold", "label_thresholds")
    assert [cfg[name] for name in settings] == [report[name] for name in settings]
    assert {label for label, _ in report["label_thresholds"]} == (
        {"FIRST", "ORG", "PERSON"} if objective in ("per-label", "macro") else set()
    )
    scores = nlp.evaluate(read_dev(nlp, folder / "dev.spacy"))
    for part in ("p", "r", "f", "macro_f"):
        assert scores[f"spans_sc_{part}"] == pytest.approx(report["results"][objective][part])
    per_type = {label: s["f"] for label, s in scores["spans_sc_per_type"].items()}
    assert per_type == pytest.approx({row["label"]: row["f"] for row in report["labels"]})
    before = spacy.load(folder / "model")
    found = evaluate(before, read_dev(before, folder / "dev.spacy"))
    assert report["results"]["present"]["f"] == pytest.approx(found["spans_sc_f"])
    # Nothing else of the pipeline changes.
    cfg.update(before.get_pipe("global_pointer").cfg)
    nlp.get_pipe_config("global_pointer").update({name: cfg[name] for name in settings})
    assert nlp.config == before.config
    exclude = ["vocab", "meta"]
    assert nlp.to_bytes(exclude=exclude) == before.to_bytes(exclude=exclude)


def test_thresholds_are_chosen_after_the_second_look(second_look_folder, tmp_path):
    folder = second_look_folder
    report = tune(folder / "model", folder / "dev.spacy", tmp_path / "out", objective="global")
    nlp = spacy.load(tmp_path / "out")
    layer = nlp.get_pipe("global_pointer").model.get_ref("rescorer").get_ref("output_layer")
    assert layer.get_param("W").any()
    scores = nlp.evaluate(read_dev(nlp, folder / "dev.spacy"))
    for part in "prf":
        assert scores[f"spans_sc_{part}"] == pytest.approx(report["results"]["global"][part])


def test_each_objective_is_best_by_its_own_measure(folder, tmp_path):
    report = tune(
        folder / "model", folder / "dev.spacy", tmp_path / "out", precision=0.6, min_count=1
    )
    results = report["results"]
    assert list(results) == ["present", "global", "per-label", "macro", "precision"]
    f = {name: result["f"] for name, result in results.items()}
    assert f["present"] < f["global"] < f["per-label"]
    assert f["per-label"] == max(f.values())
    assert results["macro"]["macro_f"] == max(result["macro_f"] for result in results.values())
    assert results["precision"]["p"] >= 0.6 > results["global"]["p"]
    nlp = spacy.load(folder / "model")
    examples = read_dev(nlp, folder / "dev.spacy")
    for threshold in (0.05, 0.2, 0.35, 0.65, 0.9):
        scores = evaluate(nlp, examples, threshold=threshold)
        assert scores["spans_sc_f"] <= f["global"]
        if scores["spans_sc_p"] >= 0.6:
            assert scores["spans_sc_r"] <= results["precision"]["r"]


def test_auto_takes_what_cross_fitting_says(doubtful, folder, tmp_path):
    model, dev = folder / "model", folder / "dev.spacy"
    report = tune(model, dev, tmp_path / "e")
    gains = {name: result["gains"] for name, result in report["results"].items()}
    assert min(gains["per-label"][other]["low"] for other in ("global", "present")) > 0
    assert report["written"] == "per-label"
    # Of fewer documents thresholds of labels gain more, but no more than by chance.
    report = tune(*doubtful, tmp_path / "a", min_count=1)
    estimates = {name: result["cross_fitted"] for name, result in report["results"].items()}
    assert estimates["per-label"]["f"] > estimates["global"]["f"]
    assert estimates["per-label"]["f"] < report["results"]["per-label"]["f"]
    gains = {name: result["gains"] for name, result in report["results"].items()}
    assert gains["per-label"]["global"]["low"] < 0 < gains["per-label"]["present"]["low"]
    assert gains["global"]["present"]["low"] > 0
    assert report["written"] == "global"
    difference = estimates["global"]["f"] - estimates["present"]["f"]
    assert gains["global"]["present"]["f"] == pytest.approx(difference)
    again = tune(*doubtful, tmp_path / "b", min_count=1)
    assert again == report
    docs = [example.reference for example in read_dev(spacy.load(model), dev)]
    one = save(docs[:1], tmp_path / "one.spacy")
    report = tune(model, one, tmp_path / "c", min_count=1)
    assert report["written"] == "present"
    assert report["results"]["global"]["cross_fitted"] is None
    assert tune(model, dev, tmp_path / "d", precision=0.6)["written"] == "precision"


@pytest.mark.parametrize(
    ("gains", "written"),
    [
        ({"global": [0.1], "per-label": [0.1, 0.1]}, "per-label"),
        ({"global": [0.1], "per-label": [0.0, 0.2]}, "global"),
        ({"global": [0.1], "per-label": [-0.1, 0.2]}, "global"),
        ({"global": [0.1], "per-label": [0.1, 0.0]}, "global"),
        ({"global": [0.0], "per-label": [0.1, 0.1]}, "per-label"),
        ({"global": [0.0], "per-label": [0.0, 0.1]}, "present"),
        ({"global": [-0.1], "per-label": [-0.1, -0.1]}, "present"),
        ({"global": [0.1]}, "global"),
        ({"global": [0.0]}, "present"),
        ({"global": [], "per-label": []}, "present"),  # too few documents
    ],
)
def test_auto_writes_only_what_is_surely_better_than_all_that_is_simpler(gains, written):
    """Gains over global and over present thresholds: the low ends of their intervals."""

    def result(lows):
        pairs = zip(("global", "present")[-len(lows) :], lows, strict=True) if lows else ()
        return {"gains": {name: {"low": low} for name, low in pairs}}

    results = {"present": result([]), **{name: result(lows) for name, lows in gains.items()}}
    asked = Options("auto", None, 20, 5, True)
    assert asked.decide(results) == written
    for objective in gains:
        assert asked._replace(objective=objective).decide(results) == objective


def test_files_and_output_of_the_command(doubtful, tmp_path):
    (model, dev), out = doubtful, tmp_path / "out"
    code, output = run(model, dev, "-o", out, "--min-count", 1)
    assert code == 0
    assert "80 documents, " in output
    assert "present 0.9000" in output
    assert "cross-fitted" in output
    assert "Written: global. threshold = 0." in output
    assert "would be written if they gained more than noise over one for all in cross-" in output
    assert "Labels with fewer than 20 gold spans" not in output
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    report = json.loads((out / "thresholds.json").read_text(encoding="utf-8"))
    assert str(report["threshold"]) in (out / "config.cfg").read_text(encoding="utf-8")
    texts = {node.text for node in ElementTree.parse(out / "thresholds.svg").iter() if node.text}
    assert {"precision", "recall", "F1", "threshold for all labels"} <= texts
    assert f"written: global, F1 {report['results']['global']['f']:.3f}" in texts
    assert len(report["curve"]) <= 300
    best = max(point["f"] for point in report["curve"])
    assert best == pytest.approx(report["results"]["global"]["f"], abs=0.005)
    # The same again, over the pipeline itself, which keeps the thresholds that it has now.
    before = report["results"]["global"]
    code, output = run(out, dev, "-o", out, "--force", "--no-plot", "--min-count", 1)
    assert code == 0
    assert "Written: present. threshold = 0." in output
    assert "No other thresholds gain more than noise over the present ones" in output
    report = json.loads((out / "thresholds.json").read_text(encoding="utf-8"))
    assert report["results"]["present"]["f"] == pytest.approx(before["f"])
    assert report["threshold"] == before["threshold"]
    assert report["label_thresholds"] == before["label_thresholds"]
    assert not (out / "thresholds.svg").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_progress_is_seen_while_documents_are_predicted(folder, monkeypatch):
    """A bar counts the examples that were asked for: these must not all be asked for at first."""
    nlp = spacy.load(folder / "model")
    examples, asked, predicted = read_dev(nlp, folder / "dev.spacy"), [], []

    def spy(model, docs, *arguments, **options):
        predicted.append((len(asked), len(docs)))
        return predict_spans(model, docs, *arguments, **options)

    monkeypatch.setattr(span_source, "predict_spans", spy)
    counted = (asked.append(1) or example for example in examples)
    find_candidates(nlp, "global_pointer", counted, 0.01)
    assert (len(asked), sum(n for _, n in predicted)) == (150, 150)
    done = 0
    for n_asked, n in predicted:
        assert n_asked - done <= 100
        done += n


def change(folder, tmp_path, name="model", **settings):
    """The pipeline with other settings."""
    names = {f"components.global_pointer.{key}": value for key, value in settings.items()}
    spacy.load(folder / "model", config=names).to_disk(tmp_path / name)
    return tmp_path / name


def test_tokens_of_the_pipeline_need_not_be_those_of_the_data(folder, tmp_path):
    """Counts are those of nlp.evaluate, also where spans of either side do not fit the other."""
    nlp = spacy.load(folder / "model")
    docs = list(make_joined(nlp, 40, seed=2))
    dev = save(docs, tmp_path / "dev.spacy")
    examples = read_dev(nlp, dev)
    assert any(len(example.predicted) != len(example.reference) for example in examples)
    candidates = find_candidates(nlp, "global_pointer", examples, 0.01).candidates
    for threshold in (0.02, 0.3, 0.5, 0.8):
        counts = scores_of(candidates, Thresholds(threshold, {}))
        scores = evaluate(nlp, examples, threshold=threshold)
        for part in ("p", "r", "f", "macro_f"):
            assert counts[part] == pytest.approx(scores[f"spans_sc_{part}"]), (threshold, part)


def test_gold_that_cannot_be_found_counts_as_missed_and_is_named(folder, tmp_path):
    nlp = spacy.load(folder / "model")
    docs = [example.reference for example in make_noisy(nlp, 30, seed=3)]
    for doc in docs[:4]:
        doc.spans["sc"] = [*doc.spans["sc"], Span(doc, 0, 1, label="NEW")]
    del docs[5].spans["sc"]
    dev = save(docs, tmp_path / "dev.spacy")
    model = change(folder, tmp_path, max_length=2)
    code, output = run(model, dev, "-o", tmp_path / "out", "--no-plot", "--min-count", 1)
    assert code == 0
    assert "1 documents without the span group 'sc' are left out" in output
    assert "labels that the component does not have count as missed: NEW 4. Its labels" in output
    assert "are longer than max_length" in output
    report = json.loads((tmp_path / "out" / "thresholds.json").read_text(encoding="utf-8"))
    assert (report["documents"], report["unannotated"]) == (29, 1)
    assert "NEW" not in dict(report["label_thresholds"])
    nlp = spacy.load(tmp_path / "out")
    scores = nlp.evaluate(read_dev(nlp, dev))
    written = report["results"][report["written"]]
    for part in ("p", "r", "f", "macro_f"):
        assert scores[f"spans_sc_{part}"] == pytest.approx(written[part])


def test_spans_beyond_max_spans_raise_the_lowest_threshold(folder, tmp_path):
    """Above it nothing is missing, and the counts are those of the component."""
    lowest = 1e-4
    nlp, examples, candidates = candidates_of(folder, lowest)
    assert candidates.lowest == lowest
    most = 14
    nlp.get_pipe("global_pointer").cfg["max_spans"] = most
    found = find_candidates(nlp, "global_pointer", examples, lowest)
    capped = found.candidates
    assert lowest < capped.lowest < 0.5
    assert f"than the {most} that max_spans allows" in " ".join(found.notes)
    for threshold in (capped.lowest, 0.5, 0.7):
        for own in ({}, {candidates.labels[0]: 0.9}):
            cuts = Thresholds(threshold, own).cuts(candidates.labels)
            numpy.testing.assert_array_equal(count(capped, cuts), count(candidates, cuts))
    kept, score = capped.spans["score"].min(), candidates.spans["score"]
    assert (score >= kept).sum() == len(capped.spans) < len(score)
    model = change(folder, tmp_path, max_spans=2)
    code, output = run(model, folder / "dev.spacy", "-o", tmp_path / "out", "--no-plot")
    assert code == 1
    assert "max_spans must leave room for all spans that reach the present thresholds" in output
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("joined", [False, True])
def test_without_overlap_every_threshold_counts_what_the_component_finds(folder, tmp_path, joined):
    nlp = spacy.load(change(folder, tmp_path, allow_overlap=False))
    documents = make_joined(nlp, 60, seed=2) if joined else None
    dev = save(list(documents), tmp_path / "dev.spacy") if documents else folder / "dev.spacy"
    examples = read_dev(nlp, dev)
    candidates = find_candidates(nlp, "global_pointer", examples, 1e-6).candidates
    assert (candidates.spans["change"] < 0).sum() > 2  # spans that make place for others
    for threshold in (1 / (1 + numpy.exp(-numpy.linspace(-13, 6, 25)))).tolist():
        counts = scores_of(candidates, Thresholds(threshold, {}))
        scores = evaluate(nlp, examples, threshold=threshold)
        for part in ("p", "r", "f", "macro_f"):
            assert counts[part] == pytest.approx(scores[f"spans_sc_{part}"]), (threshold, part)


def test_without_overlap_the_lowest_threshold_is_the_last_that_max_spans_allows(folder):
    nlp = spacy.load(folder / "model")
    pipe, examples = nlp.get_pipe("global_pointer"), read_dev(nlp, folder / "dev.spacy")
    pipe.cfg.update(allow_overlap=False, threshold=0.8)
    candidates = find_candidates(nlp, "global_pointer", examples, 0.01).candidates
    pipe.cfg["max_spans"] = most = 4
    capped = find_candidates(nlp, "global_pointer", examples, 0.01).candidates
    allowed = []
    for threshold in candidates.curve().threshold.tolist():
        counts = count(candidates, Thresholds(threshold, {}).cuts(candidates.labels))
        if (counts.right + counts.wrong).sum(1).max() <= most:
            allowed.append(threshold)
    assert 0.01 < capped.lowest == min(allowed)


@pytest.mark.parametrize("most", [None, 4])
def test_without_overlap_one_threshold_is_tuned(folder, tmp_path, most):
    settings = {"allow_overlap": False, "max_spans": most, "threshold": 0.8}
    model = change(folder, tmp_path, **settings)
    dev = folder / "dev.spacy"
    code, output = run(model, dev, "-o", tmp_path / "out", "--precision", 0.6)
    assert code == 0, output
    report = json.loads((tmp_path / "out" / "thresholds.json").read_text(encoding="utf-8"))
    results = report["results"]
    assert list(results) == ["present", "global", "precision"]
    assert (report["written"], report["label_thresholds"]) == ("precision", [])
    nlp = spacy.load(tmp_path / "out")
    examples = read_dev(nlp, dev)
    for result in results.values():
        scores = evaluate(nlp, examples, threshold=result["threshold"])
        for part in ("p", "r", "f", "macro_f"):
            assert scores[f"spans_sc_{part}"] == pytest.approx(result[part])
    assert results["present"]["f"] < results["global"]["f"]
    assert results["precision"]["p"] >= 0.6
    for threshold in numpy.linspace(report["lowest"], 0.95, 20).tolist():
        scores = evaluate(nlp, examples, threshold=threshold)
        assert scores["spans_sc_f"] <= results["global"]["f"] + 1e-9
        if scores["spans_sc_p"] >= 0.6:
            assert scores["spans_sc_r"] <= results["precision"]["r"] + 1e-9
    # Where more than max_spans would be found, nothing is known of lower thresholds.
    assert (report["lowest"] > 0.01) == (most is not None)
    assert ("that max_spans allows" in output) == (most is not None)
    assert tune(model, dev, tmp_path / "auto")["written"] == "global"


@pytest.fixture
def other(tmp_path):
    """A pipeline without the component."""
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.to_disk(tmp_path / "other")
    return tmp_path / "other"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--objective", "best"],
            "--objective must be one of auto, global, per-label, macro, prec",
        ),
        (["--objective", "precision"], "--objective precision needs --precision, such as"),
        (["--precision", "1.5"], "--precision must be above 0 and at most 1, was: 1.5"),
        (["--lowest", "0.6"], "not above the present thresholds of 'global_pointer', of which the"),
        (["--lowest", "0"], "--lowest must be above 0 and"),
        (
            ["--component", "ner"],
            "global_pointer, relation_pointer or event_pointer component, was: 'n",
        ),
    ],
)
def test_wrong_options_are_errors(folder, tmp_path, options, message):
    code, output = run(
        folder / "model", folder / "dev.spacy", "-o", tmp_path / "out", "--no-plot", *options
    )
    assert code == 1
    assert message in output
    assert list(tmp_path.iterdir()) == []


def test_a_precision_that_no_threshold_reaches_is_an_error(folder, tmp_path):
    docs = [example.reference for example in make_noisy(spacy.blank("en"), 60, seed=5)]
    for doc in docs[2:]:
        doc.spans["sc"] = []
    dev = save(docs, tmp_path / "dev.spacy")
    code, output = run(folder / "model", dev, "-o", tmp_path / "out", "--precision", 0.95)
    assert code == 1
    assert "--precision must be one that a threshold reaches, was: 0.95. The best is 0." in output
    assert [path.name for path in tmp_path.iterdir()] == ["dev.spacy"]


def test_wrong_pipelines_are_errors(folder, tmp_path, other):
    def fail(model, *options):
        code, output = run(
            model, folder / "dev.spacy", "-o", tmp_path / "out", "--no-plot", *options
        )
        assert code == 1
        assert not (tmp_path / "out").exists()
        return output

    assert "MODEL must be a pipeline that can be loaded: [E050]" in fail(tmp_path / "none")
    message = "global_pointer, relation_pointer or event_pointer component, but has: sentencizer"
    assert message in fail(other)
    flat = change(folder, tmp_path, "flat", allow_overlap=False)
    message = "--objective must be auto, global or precision for 'global_pointer', was: macro"
    assert message in fail(flat, "--objective", "macro")
    own = {"allow_overlap": False, "label_thresholds": [["ORG", 0.4]]}
    message = "only one for all labels can be tuned. To fix: remove label_thresholds from"
    assert message in fail(change(folder, tmp_path, "own", **own))
    wrong = change(folder, tmp_path, "wrong", label_thresholds=[["NONE", 0.5]])
    assert "label_thresholds must name labels of the component, was: 'NONE'" in fail(wrong)
    nlp = spacy.load(folder / "model")
    nlp.add_pipe("global_pointer", "second", source=spacy.load(folder / "model"))
    nlp.to_disk(tmp_path / "two")
    assert "several global_pointer components: global_pointer, second" in fail(tmp_path / "two")
    empty = make_nlp()
    empty.to_disk(tmp_path / "empty")
    assert "global_pointer" in fail(tmp_path / "empty")


def test_a_gain_that_may_be_noise_is_said_so(folder, tmp_path):
    """Where it was asked for, it is written all the same."""
    docs = [
        example.reference
        for example in read_dev(spacy.load(folder / "model"), folder / "dev.spacy")
    ]
    model = change(folder, tmp_path, threshold=0.3)
    few, more = (save(docs[:n], tmp_path / f"{n}.spacy") for n in (9, 60))
    arguments = "--no-plot", "--min-count", 1, "-o"
    code, output = run(model, few, *arguments, tmp_path / "a")
    assert code == 0
    assert (
        "9 documents are too few to tell a gain from noise: the present thresholds stay" in output
    )
    assert "Written: present. threshold = 0.3" in output
    output = run(model, few, *arguments, tmp_path / "b", "-O", "per-label")[1]
    assert "too few to tell a gain from noise: the gain is not known" in output
    output = run(model, more, *arguments, tmp_path / "c", "-O", "per-label")[1]
    assert (
        "The gain over the present thresholds may be noise: with other documents it might" in output
    )
    assert "Written: per-label" in output


def test_meta_has_the_scores_of_the_new_thresholds(folder, tmp_path):
    """In the shape of `spacy train`, and what they are of; other scores stay."""
    nlp = spacy.load(folder / "model")
    old = {"spans_sc_f": 0.1, "spans_sc_nested_r": 0.1, "ents_f": 0.7, "global_pointer_loss": 3.5}
    nlp.meta["performance"] = dict(old)
    nlp.meta["notes"] = "Mine.\nScores of global_pointer_2: not mine."
    nlp.to_disk(tmp_path / "model")
    out, dev = tmp_path / "out", folder / "dev.spacy"
    report = tune(tmp_path / "model", dev, out, objective="per-label")
    meta = json.loads((out / "meta.json").read_text(encoding="utf-8"))
    nlp = spacy.load(out)
    scores = nlp.evaluate(read_dev(nlp, dev))
    performance = meta["performance"]
    own = {f"spans_sc_{part}" for part in ("f", "p", "r", "per_type", "nested_r")}
    assert {*own, *old} == set(performance)
    written = json.loads(srsly.json_dumps({name: scores[name] for name in own}))
    assert {name: performance[name] for name in own} == written
    assert performance["spans_sc_f"] == pytest.approx(report["results"]["per-label"]["f"])
    assert (performance["ents_f"], performance["global_pointer_loss"]) == (0.7, 3.5)
    *kept, note = meta["notes"].splitlines()
    assert kept == ["Mine.", "Scores of global_pointer_2: not mine."]
    assert note.startswith(
        "Scores of global_pointer: on the 150 documents of dev.spacy, on which its thresholds were "
        "chosen; F1 in cross-fitting "
    )
    # Where the thresholds stay, so does what is said of them; a new note replaces an old one.
    tune(out, dev, tmp_path / "same")
    assert json.loads((tmp_path / "same" / "meta.json").read_text(encoding="utf-8")) == meta
    tune(out, dev, tmp_path / "new", objective="global")
    notes = json.loads((tmp_path / "new" / "meta.json").read_text(encoding="utf-8"))["notes"]
    assert notes.splitlines()[:-1] == kept
    assert notes != meta["notes"]


def test_a_best_threshold_at_the_edge_is_named(folder, tmp_path):
    model = change(folder, tmp_path, threshold=0.99)
    arguments = model, folder / "dev.spacy", "--no-plot", "--objective", "global", "-o"
    assert "is the lowest that was looked at" not in run(*arguments, tmp_path / "a")[1]
    code, output = run(*arguments, tmp_path / "b", "--lowest", 0.97)
    assert code == 0
    report = json.loads((tmp_path / "b" / "thresholds.json").read_text(encoding="utf-8"))
    assert report["threshold"] == 0.97
    assert "A threshold that is written, 0.97, is the lowest that was looked at" in output
    assert "A lower --lowest may find a better one" in output


def test_labels_that_a_config_would_change_keep_their_thresholds(folder, tmp_path):
    """spaCy doubles a dollar each time that a config is written and read."""
    names = {"ORG": "US$", "PERSON": "a${b}", "GPE": 'x"\\%\n'}
    nlp = spacy.load(folder / "model")
    labels = [names.get(label, label) for label in nlp.get_pipe("global_pointer").labels]
    nlp.get_pipe("global_pointer").model.attrs["labels"] = labels
    nlp.to_disk(tmp_path / "model")
    docs = [example.reference for example in read_dev(nlp, folder / "dev.spacy")]
    for doc in docs:
        spans = [(s.start, s.end, names.get(s.label_, s.label_)) for s in doc.spans["sc"]]
        doc.spans["sc"] = [Span(doc, *span) for span in spans]
    dev = save(docs, tmp_path / "dev.spacy")
    options = "--no-plot", "-O", "per-label", "--min-count", 1
    model = tmp_path / "model"
    for out in (tmp_path / "once", tmp_path / "twice"):
        code, output = run(model, dev, "-o", out, *options)
        assert code == 0, output
        report = json.loads((out / "thresholds.json").read_text(encoding="utf-8"))
        assert {label for label, _ in report["label_thresholds"]} == set(labels)
        loaded = spacy.load(out)
        scores = loaded.evaluate(read_dev(loaded, dev))
        assert scores["spans_sc_f"] == pytest.approx(report["results"]["per-label"]["f"])
        model = out


def test_the_chosen_one_of_two_components_changes(folder, tmp_path):
    nlp = spacy.load(folder / "model")
    names = {"components.global_pointer.spans_key": "second"}
    source = spacy.load(folder / "model", config=names)
    nlp.add_pipe("global_pointer", "second", source=source)
    nlp.to_disk(tmp_path / "two")
    for example in (docs := list(make_noisy(nlp, 40, seed=4))):
        example.reference.spans["second"] = list(example.reference.spans["sc"])
        del example.reference.spans["sc"]
    dev = save([example.reference for example in docs], tmp_path / "dev.spacy")
    code, output = run(
        *(tmp_path / "two", dev, "-o", tmp_path / "out", "--no-plot"),
        *("--component", "second", "--objective", "global"),
    )
    assert code == 0, output
    loaded = spacy.load(tmp_path / "out")
    assert loaded.get_pipe("global_pointer").cfg == nlp.get_pipe("global_pointer").cfg
    assert loaded.get_pipe("second").cfg["threshold"] != 0.5
    report = json.loads((tmp_path / "out" / "thresholds.json").read_text(encoding="utf-8"))
    with pytest.warns(UserWarning, match=r"doc.spans\['sc'\] is in none of the 40 gold documents"):
        scores = loaded.evaluate(read_dev(loaded, dev))
    assert scores["spans_second_f"] == pytest.approx(report["results"]["global"]["f"])


def test_wrong_data_is_an_error(folder, tmp_path):
    nlp = spacy.blank("en")

    def fail(dev):
        code, output = run(folder / "model", dev, "-o", tmp_path / "out", "--no-plot")
        assert code == 1
        assert not (tmp_path / "out").exists()
        return output

    def doc(spans, key="sc"):
        doc = nlp("anna went")
        doc.spans[key] = [Span(doc, 0, 2, label=label) for label in spans]
        return doc

    dev = tmp_path / "dev.spacy"
    assert f"DEV must be there, was: {dev}, which is missing" in fail(dev)
    assert "DEV must be a .spacy file or a folder with some" in fail(tmp_path)
    dev.write_bytes(b"")
    assert "a .spacy file must be a complete DocBin, but" in fail(dev)
    dev.write_bytes((folder / "dev.spacy").read_bytes()[:500])
    assert "a .spacy file must be a complete DocBin, but" in fail(dev)
    assert "DEV must hold documents, but has none" in fail(save([], dev))
    message = "DEV must hold gold spans to tune by, but has 2 documents, none with the span group"
    assert message in fail(save([doc(["A"], "other"), nlp("a")], dev))
    assert "1 documents with an empty span group 'sc'" in fail(save([doc([])], dev))
    assert "finds none of the 2 above --lowest" in fail(save([doc(["A", "B"])], dev))
    (tmp_path / "data.json").write_text("{}")
    assert "spacy global-pointer convert" in fail(tmp_path / "data.json")


def test_a_folder_is_only_replaced_when_asked_and_if_it_is_a_pipeline(folder, tmp_path):
    arguments = folder / "model", folder / "dev.spacy", "--no-plot", "-o"
    mine = tmp_path / "mine"
    mine.mkdir()
    assert run(*arguments, mine)[0] == 0
    before = (mine / "thresholds.json").read_bytes()
    code, output = run(*arguments, mine)
    assert (code, "--output must be new or empty, was:" in output) == (1, True)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"cat")
    for options in ([], ["--force"]):
        assert run(*arguments, tmp_path / "photos", *options)[0] == 1
        assert [path.name for path in (tmp_path / "photos").iterdir()] == ["cat.jpg"]
    code, output = run(*arguments, tmp_path / "photos" / "cat.jpg", "--force")
    assert (code, "--output must be a folder" in output) == (1, True)
    code, output = run(*arguments, tmp_path / "photos" / "cat.jpg" / "new")
    assert (code, "Tuning stopped" in output) == (1, True)
    # An error after that keeps what was there.
    assert run(*arguments, mine, "--force", "--lowest", 0.9)[0] == 1
    assert (mine / "thresholds.json").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "photos"]


def test_a_stop_half_way_leaves_nothing(tmp_path):
    # What could be mistaken for a rest of an earlier run belongs to somebody.
    for what in ("partial", "old"):
        (tmp_path / f".out.{what}").mkdir()
        (tmp_path / f".out.{what}" / "mine").write_text("mine")
    before = sorted(tmp_path.rglob("*"))

    def stop():
        with new_folder(tmp_path / "out", False) as partial:
            assert list(partial.iterdir()) == []
            (partial / "meta.json").write_text("{}")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    assert sorted(tmp_path.rglob("*")) == before


def test_two_new_folders_at_once_do_not_meet(tmp_path):
    with new_folder(tmp_path / "out", False) as one, new_folder(tmp_path / "out", False) as other:
        assert one != other
        (one / "a").write_text("a")
        (other / "b").write_text("b")
    # The inner one was done first, the outer one took its place.
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "a"]


def test_without_matplotlib_it_tunes_and_says_how_to_get_a_plot(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, output = run(folder / "model", folder / "dev.spacy", "-o", tmp_path / "out")
    assert code == 0
    assert "with thresholds.json in it" in output
    assert 'pip install "spacy-globalpointer[plots]", or --no-plot' in output
    assert not (tmp_path / "out" / "thresholds.svg").exists()
    spacy.load(tmp_path / "out")
    output = run(folder / "model", folder / "dev.spacy", "-o", tmp_path / "a", "--no-plot")[1]
    assert "No plot: it needs" not in output


def test_a_plot_can_be_read_on_white_and_on_black(doubtful, tmp_path):
    """Nothing is drawn behind it, and nothing in it is white or black, or nearly so."""
    assert run(*doubtful, "-o", tmp_path / "out")[0] == 0
    svg = (tmp_path / "out" / "thresholds.svg").read_text(encoding="utf-8")
    colours = {match.lower() for match in re.findall("(?:fill|stroke): (#[0-9a-fA-F]{6})", svg)}
    visible = {colour for colour in colours if f"{colour}; opacity: 0" not in svg.lower()}
    assert len(visible) >= 4
    for colour in visible:
        assert contrast(colour, "#ffffff") > 3
        assert contrast(colour, "#0d1117") > 3


def contrast(a, b):
    """Ratio of luminance, as WCAG 2 defines it."""

    def luminance(colour):
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("settings", [{}, {"allow_overlap": False}])
def test_documents_are_predicted_once(folder, tmp_path, monkeypatch, settings):
    """And the scores in meta.json are those of the pipeline that is written all the same."""
    asked = []

    def spy(model, docs, *arguments, **options):
        asked.extend(docs)
        return predict_spans(model, docs, *arguments, **options)

    def refuse(self, docs):
        assert not docs
        return []

    dev = folder / "dev.spacy"
    model = change(folder, tmp_path, threshold=0.9, **settings)
    with monkeypatch.context() as patch:
        patch.setattr(span_source, "predict_spans", spy)
        patch.setattr(GlobalPointer, "predict", refuse)
        assert tune(model, dev, tmp_path / "out")["written"] != "present"
    nlp = spacy.load(tmp_path / "out")
    examples = read_dev(nlp, dev)
    assert len(asked) == len(examples)
    scores = json.loads(srsly.json_dumps(nlp.evaluate(examples)))
    performance = json.loads((tmp_path / "out" / "meta.json").read_text())["performance"]
    assert len(performance["spans_sc_per_type"]) > 2
    assert {name: scores[name] for name in performance} == performance


def test_help_shows_an_example():
    code, output = run("--help")
    assert code == 0
    assert "$ spacy global-pointer tune training/model-best dev.spacy --output tuned" in output
