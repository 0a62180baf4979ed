"""The command on events: its numbers beside nlp.evaluate, its page, and its messages."""

import json

import pytest
import spacy
from dom import having, parse, text
from noisy import save
from noisy_events import make_event_folder, make_noisy_events
from spacy.cli._util import app as spacy_app
from spacy.training import Corpus
from typer.testing import CliRunner

from spacy_globalpointer.commands.evaluate.command import evaluate

PARTS = ("trigger", "trigger_type", "argument", "role", "attached")
TRIGGERS = pytest.mark.parametrize("trigger", [True, False])


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("evaluate_events")
    (root / "with").mkdir()
    (root / "without").mkdir()
    return {
        True: make_event_folder(root / "with"),
        False: make_event_folder(root / "without", trigger=False),
    }


def run(*arguments):
    result = CliRunner().invoke(spacy_app, ["global-pointer", "evaluate", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, " ".join(result.output.split())


def evaluate_events(folder, data=None, **options):
    data = data or folder / "dev.spacy"
    report = evaluate(str(folder / "model"), [data], component="event_pointer", **options)
    assert "spans" not in report
    return report["events"]


@TRIGGERS
def test_totals_are_those_of_nlp_evaluate(folders, trigger):
    folder = folders[trigger]
    nlp = spacy.load(folder / "model")
    theirs = nlp.evaluate(list(Corpus(folder / "dev.spacy")(nlp)))
    report = evaluate_events(folder, worst=1000)
    scores = report["scores"]
    for part in "prf":
        assert scores["exact"][part] == pytest.approx(theirs[f"events_{part}"])
        for name in PARTS:
            assert scores[name][part] == pytest.approx(theirs[f"events_{name}_{part}"] or 0)
    assert scores["exact"]["right"] > 3
    assert report["types"].keys() == theirs["events_per_type"].keys()
    for kind, counts in theirs["events_per_type"].items():
        assert {part: report["types"][kind][part] for part in "prf"} == pytest.approx(counts)
    errors, exact = report["errors"], scores["exact"]
    missed = sum(n for kind, n in errors.items() if kind.startswith("missed"))
    assert (missed, sum(errors.values()) - missed) == (exact["missed"], exact["wrong"])
    assert report["calibration"]["events"] == exact["right"] + exact["wrong"]
    # Every wrong and every missed event is in some excerpt.
    shown = {
        (excerpt["document"], side, json.dumps({**event, "score": None}))
        for excerpt in report["worst"]
        for side in ("gold", "predicted")
        for event in excerpt[side]
        if not event["right"]
    }
    assert len(shown) == exact["wrong"] + exact["missed"]


@TRIGGERS
def test_scores_of_missed_events_are_those_of_the_component(folders, trigger):
    """An event is found with its score where no other edge reaches the threshold."""
    folder = folders[trigger]
    report = evaluate_events(folder, worst=1000)
    nlp = spacy.load(folder / "model")
    n_found = 0
    for excerpt in report["worst"]:
        for event in excerpt["predicted"]:
            score = event["score"]
            assert 0.5 <= score <= 1
            n_found += 1
        for event in excerpt["gold"]:
            assert event["right"] or event["score"] is None or 0 < event["score"] <= 1
    assert n_found > 5
    assert nlp.get_pipe("event_pointer").cfg["trigger"] is trigger


def test_gold_spans_in_place_of_predicted_ones(folders):
    """What remains wrong then is no fault of the spans."""
    report = evaluate_events(folders[True])
    nlp = spacy.load(folders[True] / "model")
    nlp.remove_pipe("global_pointer")
    examples = list(Corpus(folders[True] / "dev.spacy")(nlp))
    for example in examples:
        example.predicted.spans["sc"] = [
            example.predicted.char_span(span.start_char, span.end_char, span.label_)
            for span in example.reference.spans["sc"]
        ]
    theirs = nlp.evaluate(examples)
    assert report["scores"]["given_spans"]["f"] == pytest.approx(theirs["events_f"])


@TRIGGERS
def test_the_page_and_the_tables(folders, trigger, tmp_path):
    folder, page, report = folders[trigger], tmp_path / "a.html", tmp_path / "a.json"
    code, output = run(folder / "model", folder / "dev.spacy", "-H", page, "-o", report)
    assert code == 0, output
    for part in ("Events (per type)", "Arguments of events (per role)", "Errors in events"):
        assert part in output
    assert ("trigger and type" in output) is trigger
    events = json.loads(report.read_text(encoding="utf-8"))["events"]
    assert events["trigger"] is trigger
    root = parse(page.read_text(encoding="utf-8"))
    tables = {table.get("id"): table for table in root.iter("table")}
    assert {"event-scores", "event-errors", "event-types", "event-roles"} <= tables.keys()
    assert (text(tables["event-types"]).count("Meet")) == 1
    excerpts = having(root, "edges")
    assert len(excerpts) >= 2 * len(events["worst"])
    first = events["worst"][0]["error"]
    words = {argument["text"] for argument in first["arguments"]}
    heading = text(having(root, "excerpt")[-len(events["worst"])].find("h3"))
    assert all(word in heading for word in words)


def test_texts_on_the_page_are_escaped(folders, tmp_path):
    docs = [example.reference for example in make_noisy_events(spacy.blank("en"), 6, seed=2)]
    for doc in docs:
        for row in doc.spans["events"].attrs["events"]:
            row["arguments"] = [["<i>role</i>", place] for _, place in row["arguments"]]
    data = save(docs, tmp_path / "a.spacy")
    report = evaluate(str(folders[True] / "model"), [data], None, tmp_path / "a.html")
    assert any("<i>role</i>" in role for role in report["events"]["roles"])
    assert "<i>" not in (tmp_path / "a.html").read_text(encoding="utf-8").replace('<i style="', "")


def test_events_that_were_not_annotated_are_left_out(folders, tmp_path):
    docs = [example.reference for example in make_noisy_events(spacy.blank("en"), 20, seed=3)]
    del docs[4].spans["events"]
    report = evaluate_events(folders[True], save(docs, tmp_path / "a.spacy"))
    assert (report["documents"], report["unannotated"]) == (19, 1)
    assert any("1 documents without events in doc.spans['events']" in x for x in report["notes"])
    for doc in docs:
        doc.spans.pop("events", None)
    data = save(docs, tmp_path / "b.spacy")
    code, output = run(folders[True] / "model", data, "--component", "event_pointer")
    assert code == 1
    assert "DATA must hold gold events, but has 20 documents, none with events in" in output
    code, output = run(folders[True] / "model", data)
    assert code == 0
    assert "Not scored: DATA must hold gold events" in output


def test_unknown_types_and_events_of_another_kind_are_missed(folders, tmp_path):
    docs = [example.reference for example in make_noisy_events(spacy.blank("en"), 20, seed=3)]
    for doc in docs:
        group = doc.spans["events"]
        rows = [row for row in group.attrs["events"] if row["arguments"]]
        group.attrs["events"] = [{**row, "trigger": None, "type": "Fall"} for row in rows]
    report = evaluate_events(folders[True], save(docs, tmp_path / "a.spacy"), worst=100)
    assert report["scores"]["exact"]["right"] == 0
    (note,) = [note for note in report["notes"] if "does not have count as missed" in note]
    assert "Fall" in note
    assert "Its labels are: Go, Meet, See" in note
    gold = [event for excerpt in report["worst"] for event in excerpt["gold"]]
    assert gold
    assert all(event["score"] is None for event in gold)
