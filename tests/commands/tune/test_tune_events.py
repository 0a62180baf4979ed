"""Thresholds of events: exact, beside nlp.evaluate and all pairs of thresholds."""

import json
from itertools import product

import numpy
import pytest
import spacy
from noisy import save
from noisy_events import make_event_folder, make_noisy_events
from spacy.cli._util import app as spacy_app
from spacy.training import Corpus
from typer.testing import CliRunner

from spacy_globalpointer.commands.tune.event_candidates import find_event_candidates
from spacy_globalpointer.commands.tune.report import describe_counts
from spacy_globalpointer.commands.tune.thresholds import Thresholds
from spacy_globalpointer.pipeline.event_edges import SAME_EVENT

EVENTS = ["--component", "event_pointer"]
TRIGGERS = pytest.mark.parametrize("trigger", [True, False])


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("tune_events")
    (root / "with").mkdir()
    (root / "without").mkdir()
    return {
        True: make_event_folder(root / "with"),
        False: make_event_folder(root / "without", trigger=False),
    }


def run(*arguments):
    result = CliRunner().invoke(spacy_app, ["global-pointer", "tune", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, " ".join(result.output.split())


def read_report(output):
    return json.loads((output / "event_thresholds.json").read_text(encoding="utf-8"))


def evaluate_with(folder, thresholds, **settings):
    """What nlp.evaluate says with some thresholds."""
    label_thresholds = [[label, own] for label, own in thresholds.own.items()]
    changed = {"threshold": thresholds.shared, "label_thresholds": label_thresholds, **settings}
    names = {f"components.event_pointer.{key}": value for key, value in changed.items()}
    nlp = spacy.load(folder / "model", config=names)
    scores = nlp.evaluate(list(Corpus(folder / "dev.spacy")(nlp)))
    return {part: scores[f"events_{part}"] for part in "prf"}


def candidates_of(folder, **settings):
    names = {f"components.event_pointer.{key}": value for key, value in settings.items()}
    nlp = spacy.load(folder / "model", config=names)
    examples = Corpus(folder / "dev.spacy")(nlp)
    return find_event_candidates(nlp, "event_pointer", examples, 0.01).candidates


def scores_of(candidates, thresholds):
    alike = numpy.zeros(len(candidates.gold), dtype=int)
    scores = describe_counts(candidates.count_with([thresholds], alike))
    return {part: scores[part] for part in "prf"}


@pytest.mark.filterwarnings("ignore:'event_pointer'")
@TRIGGERS
@pytest.mark.parametrize("settings", [{}, {"max_arguments": 3}, {"max_events": 1}], ids=str)
def test_scores_are_those_of_nlp_evaluate(folders, trigger, settings):
    candidates = candidates_of(folders[trigger], **settings)
    ways = [Thresholds(0.5, {}), Thresholds(0.03, {}), Thresholds(0.9, {})]
    if trigger:
        ways += [Thresholds(0.1, {SAME_EVENT: 0.6}), Thresholds(0.2, {"what": 0.02, "who": 1.0})]
    for thresholds in (own for own in ways if own.least >= candidates.lowest):
        theirs = evaluate_with(folders[trigger], thresholds, **settings)
        assert scores_of(candidates, thresholds) == pytest.approx(theirs), thresholds


@TRIGGERS
def test_each_pair_of_thresholds_is_counted_as_with_these(folders, trigger):
    candidates = candidates_of(folders[trigger])
    values, grid = candidates.values, candidates.grid.sum(1)
    assert (numpy.diff(values) < 0).all()
    places = range(0, len(values), 7)
    for role, link in product(places, places) if trigger else ((i, i) for i in places):
        own = {SAME_EVENT: float(values[link])} if trigger else {}
        scores = scores_of(candidates, Thresholds(float(values[role]), own))
        wrong, right = grid[:, role, link]
        assert scores["p"] == pytest.approx(right / max(1, wrong + right))
        assert scores["r"] == pytest.approx(right / candidates.gold.sum())


def test_the_best_pair_is_the_best_of_all(folders):
    candidates = candidates_of(folders[True])
    best = scores_of(candidates, candidates.best_pair())["f"]
    alike = numpy.zeros(len(candidates.gold), dtype=int)
    for role, link in product(candidates.values[::9], repeat=2):
        thresholds = Thresholds(float(role), {SAME_EVENT: float(link)})
        counts = candidates.count_with([thresholds], alike)
        assert describe_counts(counts)["f"] <= best + 1e-9
    f = candidates.curve().counts.f
    assert len(f) == len(candidates.values)
    assert f.max() <= best + 1e-9


def test_documents_that_are_left_out_count_nowhere(folders):
    """Cross-fitting chooses thresholds without the documents that they are counted on."""
    candidates = candidates_of(folders[True])
    kept = numpy.arange(len(candidates.gold)) % 3 > 0
    part = candidates.of_documents(kept)
    assert len(part.gold) == kept.sum()
    assert (part.grid.sum(1) == candidates.grid[:, kept].sum(1)).all()
    fold = (~kept).astype(int)
    chosen = [part.best_pair(), Thresholds(1.0, {})]
    counts, nothing = candidates.count_with(chosen, fold), Thresholds(1.0, {})
    alike = numpy.zeros(len(kept), dtype=int)
    theirs = candidates.count_with([nothing], alike)
    assert (counts.right[~kept] == theirs.right[~kept]).all()
    assert (counts.right.sum(1) + counts.missed.sum(1) == candidates.gold.sum(1)).all()


def test_many_scores_are_tried_at_even_ranks(folders, monkeypatch):
    monkeypatch.setattr("spacy_globalpointer.commands.tune.event_candidates.MOST_VALUES", 3)
    nlp = spacy.load(folders[True] / "model")
    examples = Corpus(folders[True] / "dev.spacy")(nlp)
    found = find_event_candidates(nlp, "event_pointer", examples, 0.01)
    # Three of roles, three of links, and 1, the lowest and the present one.
    assert len(found.candidates.values) <= 9
    (note,) = [note for note in found.notes if "even ranks" in note]
    assert note.startswith(f"{len(found.candidates.values)} thresholds of roles and as many of")


def test_the_folder_has_the_thresholds_that_are_reported(folders, tmp_path):
    folder, output = folders[True], tmp_path / "tuned"
    code, text = run(
        folder / "model", folder / "dev.spacy", "-o", output, *EVENTS, "-O", "per-label"
    )
    assert code == 0, text
    report = read_report(output)
    assert report["what"] == "events"
    assert report["written"] == "per-label"
    assert (output / "event_thresholds.svg").exists()
    nlp = spacy.load(output)
    cfg = nlp.get_pipe("event_pointer").cfg
    assert cfg["label_thresholds"] == report["label_thresholds"]
    assert [label for label, _ in cfg["label_thresholds"]] == [SAME_EVENT]
    assert cfg["threshold"] == report["threshold"]
    scores = nlp.evaluate(list(Corpus(folder / "dev.spacy")(nlp)))
    assert scores["events_f"] == pytest.approx(report["results"]["per-label"]["f"])
    assert nlp.meta["performance"]["events_f"] == pytest.approx(scores["events_f"])
    for part in ("(same event)", "edges between spans scored 0.01 or higher", "Types, per-label"):
        assert part in text


def test_precision_of_events_is_reached(folders, tmp_path):
    folder, output = folders[True], tmp_path / "tuned"
    code, text = run(
        folder / "model", folder / "dev.spacy", "-o", output, *EVENTS, "--precision", 0.2
    )
    assert code == 0, text
    report = read_report(output)
    assert report["results"]["precision"]["p"] >= 0.2
    code, text = run(
        folder / "model", folder / "dev.spacy", "-o", tmp_path / "b", *EVENTS, "--precision", 1
    )
    assert code == 1
    assert "--precision must be one that a threshold reaches" in text


def test_spans_that_are_tuned_first_are_those_of_the_events(folders, tmp_path):
    folder, output = folders[True], tmp_path / "tuned"
    code, text = run(folder / "model", folder / "dev.spacy", "-o", output, "-O", "global")
    assert code == 0, text
    assert {path.name for path in output.glob("*.json")} >= {
        "thresholds.json",
        "event_thresholds.json",
    }
    nlp = spacy.load(output)
    scores = nlp.evaluate(list(Corpus(folder / "dev.spacy")(nlp)))
    assert scores["events_f"] == pytest.approx(read_report(output)["results"]["global"]["f"])


def test_what_may_be_missing_is_no_threshold(folders):
    """A document with more edges than are looked at has no counts below the last of them."""
    names = {"components.event_pointer.max_arguments": 1, "components.event_pointer.threshold": 0.9}
    nlp = spacy.load(folders[True] / "model", config=names)
    examples = list(Corpus(folders[True] / "dev.spacy")(nlp))
    found = find_event_candidates(nlp, "event_pointer", examples, 0.001)
    assert 0.001 < found.candidates.lowest < 0.9
    (note,) = [note for note in found.notes if "No threshold below" in note]
    assert "more edges of events of the document" in note
    assert "that max_arguments allows" in note
    names["components.event_pointer.threshold"] = 0.01
    nlp = spacy.load(folders[True] / "model", config=names)
    with pytest.raises(ValueError, match="max_arguments must leave room for all edges of events"):
        find_event_candidates(nlp, "event_pointer", examples, 0.001)


@pytest.mark.parametrize(
    ("key", "options", "message"),
    [
        (True, ["-O", "macro"], "--objective must be one of auto, global, per-label, precision"),
        (False, ["-O", "per-label"], "--objective must be one of auto, global, precision for"),
        (True, ["--lowest", 0.7], "--lowest must be above 0 and not above the present"),
        (True, ["--component", "no"], "--component must be an enabled global_pointer,"),
    ],
)
def test_bad_options_are_named(folders, tmp_path, key, options, message):
    folder = folders[key]
    arguments = [folder / "model", folder / "dev.spacy", "-o", tmp_path / "out", *EVENTS]
    code, text = run(*arguments, *options)
    assert code == 1
    assert message in text
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("events", "message"),
    [
        (None, "DEV must hold gold events to tune by, but has 20 documents, none with events in"),
        ([], "DEV must hold gold events to tune by, but has 20 documents with an empty"),
    ],
)
def test_dev_needs_gold_events(folders, tmp_path, events, message):
    docs = [example.reference for example in make_noisy_events(spacy.blank("en"), 20, seed=5)]
    for doc in docs:
        if events is None:
            del doc.spans["events"]
        else:
            doc.spans["events"].attrs["events"] = []
    path = save(docs, tmp_path / "dev.spacy")
    code, text = run(folders[True] / "model", path, "-o", tmp_path / "out", *EVENTS)
    assert code == 1
    assert message in text


def test_events_that_are_never_found_are_an_error(folders, tmp_path):
    docs = [example.reference for example in make_noisy_events(spacy.blank("en"), 20, seed=5)]
    for doc in docs:
        for row in doc.spans["events"].attrs["events"]:
            row["arguments"] = [["another role", place] for _, place in row["arguments"]] or [
                ["another role", 0]
            ]
    path = save(docs, tmp_path / "dev.spacy")
    code, text = run(folders[True] / "model", path, "-o", tmp_path / "out", *EVENTS)
    assert code == 1
    assert "the pipeline must find at least one gold event, but finds none" in text
