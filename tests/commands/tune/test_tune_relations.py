"""Thresholds of relations: exact, beside nlp.evaluate and all combinations of thresholds."""

import json
from itertools import product

import numpy
import pytest
import spacy
import srsly
from hypothesis import given, settings
from hypothesis import strategies as st
from noisy import save
from noisy_relations import make_noisy_relations
from spacy.cli._util import app as spacy_app
from spacy.cli.find_threshold import find_threshold
from spacy.tokens import Doc, Span
from spacy.training import Corpus, Example
from typer.testing import CliRunner

from spacy_globalpointer import Relation, get_relations, set_relations
from spacy_globalpointer.commands.tune.candidates import find_candidates
from spacy_globalpointer.commands.tune.relation_source import RelationSource
from spacy_globalpointer.commands.tune.report import describe_counts
from spacy_globalpointer.commands.tune.thresholds import (
    CANDIDATE,
    Candidates,
    Thresholds,
    best_global,
    best_per_label,
    count,
)
from spacy_globalpointer.models import DocSpans
from spacy_globalpointer.pipeline.pair_gold import find_spans
from spacy_globalpointer.pipeline.relation_prediction import ScoredRelations

RELATIONS = ["--component", "relation_pointer"]
PARTS = ("p", "r", "f", "macro_f")


@pytest.fixture(scope="module")
def folder(related_folder):
    return related_folder


@pytest.fixture(scope="module")
def nlp(folder):
    """Only to be read."""
    return spacy.load(folder / "model")


def run(*arguments):
    result = CliRunner().invoke(spacy_app, ["global-pointer", "tune", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, " ".join(result.output.split())


def tune(model, dev, output, *options):
    code, text = run(model, dev, "-o", output, "--no-plot", *options)
    assert code == 0, text
    return text


def read_report(output):
    return json.loads((output / "relation_thresholds.json").read_text(encoding="utf-8"))


def scores_of(candidates, thresholds):
    return describe_counts(count(candidates, thresholds.cuts(candidates.labels)))


@pytest.mark.filterwarnings("ignore:'relation_pointer' kept only the best")
def test_scores_agree_with_find_threshold(folder, nlp):
    examples = Corpus(folder / "dev.spacy")(nlp)
    candidates = find_candidates(nlp, "relation_pointer", examples, 0.01).candidates
    options = "relation_pointer", "threshold", "relations_f"
    *_, theirs = find_threshold(str(folder / "model"), folder / "dev.spacy", *options, n_trials=6)
    assert len(theirs) == 6
    for threshold, f in theirs.items():
        if threshold > 0:
            ours = scores_of(candidates, Thresholds(threshold, {}))["f"]
            assert ours == pytest.approx(f, abs=1e-12), threshold
    assert len(set(theirs.values())) > 4


@pytest.mark.parametrize("objective", ["global", "per-label", "macro", "precision"])
def test_the_written_pipeline_finds_what_was_counted(folder, tmp_path, objective):
    out = tmp_path / "out"
    options = ["--objective", objective, "--precision", "0.2", "--min-count", "25"]
    output = tune(folder / "model", folder / "dev.spacy", out, *RELATIONS, *options)
    assert "relation_pointer: 150 documents, 301 gold relations" in output
    report = read_report(out)
    assert {label for label, _ in report["label_thresholds"]} == (
        {"IN", "KNOWS", "NEAR"} if objective in ("per-label", "macro") else set()
    )
    nlp = spacy.load(out)
    before = spacy.load(folder / "model")
    for name in ("threshold", "label_thresholds"):
        assert nlp.get_pipe("relation_pointer").cfg[name] == report[name]
        assert (
            nlp.get_pipe("global_pointer").cfg[name] == before.get_pipe("global_pointer").cfg[name]
        )
    scores = nlp.evaluate(list(Corpus(folder / "dev.spacy")(nlp)))
    for part in PARTS:
        assert scores[f"relations_{part}"] == pytest.approx(report["results"][objective][part])
    per_type = {label: s["f"] for label, s in scores["relations_per_type"].items()}
    assert per_type == pytest.approx({row["label"]: row["f"] for row in report["labels"]})
    if objective != "precision":
        assert report["results"]["present"]["f"] < report["results"][objective]["f"]
    assert not (out / "thresholds.json").exists()


def test_spans_come_first_and_relations_join_what_is_then_found(folder, tmp_path):
    output = tune(folder / "model", folder / "dev.spacy", tmp_path / "both", "--min-count", 1)
    assert "with thresholds.json and relation_thresholds.json in it" in output
    spans = json.loads((tmp_path / "both" / "thresholds.json").read_text(encoding="utf-8"))
    relations = read_report(tmp_path / "both")
    assert (spans["component"], relations["component"]) == ("global_pointer", "relation_pointer")
    assert (spans["written"], relations["written"]) == ("per-label", "global")
    nlp = spacy.load(tmp_path / "both")
    scores = nlp.evaluate(list(Corpus(folder / "dev.spacy")(nlp)))
    for part in PARTS:
        assert scores[f"spans_sc_{part}"] == pytest.approx(spans["results"]["per-label"][part])
        assert scores[f"relations_{part}"] == pytest.approx(relations["results"]["global"][part])
    performance = json.loads((tmp_path / "both" / "meta.json").read_text())["performance"]
    assert {"spans_sc_f", "relations_f", "relations_per_type"} <= performance.keys()
    scores = json.loads(srsly.json_dumps(scores))
    assert {name: scores[name] for name in performance} == performance
    assert [line.split(":")[0] for line in nlp.meta["notes"].splitlines()] == [
        "Scores of global_pointer",
        "Scores of relation_pointer",
    ]
    # The same, one after the other.
    one, two = tmp_path / "one", tmp_path / "two"
    options = ["--min-count", 1, "--component"]
    tune(folder / "model", folder / "dev.spacy", one, *options, "global_pointer")
    assert not (one / "relation_thresholds.json").exists()
    tune(one, folder / "dev.spacy", two, *options, "relation_pointer")
    assert read_report(two)["results"] == relations["results"]


def test_scores_of_relations_are_written_if_only_spans_change(folder, tmp_path):
    """Their thresholds stay, but other spans are found."""
    docs = [doc.reference for doc in make_noisy_relations(spacy.blank("en"), 150, seed=1)]
    for doc in docs[9:]:
        del doc.spans["relations"]  # too few to tell a gain from noise
    dev = save(docs, tmp_path / "dev.spacy")
    tune(folder / "model", dev, tmp_path / "out", "--min-count", 1)
    assert read_report(tmp_path / "out")["written"] == "present"
    nlp = spacy.load(tmp_path / "out")
    f = nlp.evaluate(list(Corpus(dev)(nlp)))["relations_f"]
    assert nlp.meta["performance"]["relations_f"] == pytest.approx(f)


def test_plots_of_both(folder, tmp_path):
    pytest.importorskip("matplotlib")
    code, output = run(folder / "model", folder / "dev.spacy", "-o", tmp_path / "out")
    assert code == 0
    names = "thresholds.json, thresholds.svg, relation_thresholds.json and relation_thresholds.svg"
    assert f"with {names} in it" in output
    assert all((tmp_path / "out" / name.strip()).exists() for name in names[:15].split(","))


def test_the_present_thresholds_stay_without_a_gain(folder, tmp_path):
    out = tmp_path / "out"
    options = [*RELATIONS, "--objective", "global"]
    tune(folder / "model", folder / "dev.spacy", out, *options)
    again = tune(out, folder / "dev.spacy", tmp_path / "again", *RELATIONS)
    assert "Written: present" in again
    report = read_report(tmp_path / "again")
    assert report["threshold"] == read_report(out)["threshold"] != 0.5
    assert report["results"]["present"]["cross_fitted"] is not None


def test_relations_beyond_max_relations_raise_the_lowest_threshold(folder, nlp):
    examples = list(Corpus(folder / "dev.spacy")(nlp))
    whole = find_candidates(nlp, "relation_pointer", examples, 0.001).candidates
    pipe = nlp.get_pipe("relation_pointer")
    before = pipe.cfg
    try:
        pipe.cfg = {**before, "max_relations": 12}
        found = find_candidates(nlp, "relation_pointer", examples, 0.001)
        assert "than the 12 that max_relations allows" in " ".join(found.notes)
        capped = found.candidates
        assert 0.001 < capped.lowest < 0.5
        for threshold in (capped.lowest, 0.5):
            cuts = Thresholds(threshold, {"KNOWS": 0.7}).cuts(whole.labels)
            numpy.testing.assert_array_equal(count(capped, cuts), count(whole, cuts))
        pipe.cfg = {**before, "max_relations": 1}
        with pytest.raises(ValueError, match="max_relations must leave room for all relations"):
            find_candidates(nlp, "relation_pointer", examples, 0.001)
    finally:
        pipe.cfg = before


WORDS = "a b c d e f".split()
SPANS = [(0, 1), (0, 2), (2, 3), (4, 6)]
EDGES = st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from(["FIRST_OF", "KNOWS"]))
DOCUMENTS = st.lists(
    st.tuples(
        st.sets(EDGES, max_size=4),
        st.dictionaries(EDGES, st.integers(-4, 6), min_size=1, max_size=4),
    ),
    min_size=1,
    max_size=2,
)


def make_found(pipe, nlp, documents):
    """Examples and, for each, what was found in it: raw scores that often are equal."""
    labels = list(pipe.labels)
    for gold, scores in documents:
        predicted, reference = (Doc(nlp.vocab, words=WORDS) for _ in range(2))
        spans = [Span(reference, *at, "ORG") for at in SPANS]
        predicted.spans["sc"] = [Span(predicted, *at, "ORG") for at in SPANS]
        set_relations(reference, [Relation(spans[h], spans[c], label) for h, c, label in gold])
        item = DocSpans(predicted, find_spans(predicted, "sc").spans)
        place = {span.extent: i for i, span in enumerate(item.spans)}
        rows = sorted(
            (place[SPANS[head]], place[SPANS[child]], labels.index(label), score / 2)
            for (head, child, label), score in scores.items()
        )
        head, child, label, score = (numpy.array(column) for column in zip(*rows, strict=True))
        relations = ScoredRelations(label, head, child, score.astype("float32"))
        yield Example(predicted, reference), (item, relations)


@settings(max_examples=40)
@given(DOCUMENTS)
def test_no_thresholds_are_better_by_the_scorer(nlp, documents):
    """Those of labels against all combinations, each written, scored and counted anew."""
    pipe = nlp.get_pipe("relation_pointer")
    source = RelationSource(pipe)
    found = list(make_found(pipe, nlp, documents))
    rows, gold = [], numpy.zeros((len(found), len(pipe.labels)), dtype=numpy.int64)
    for number, (example, each) in enumerate(found):
        known = source.account.read(example)
        for relation in known:
            gold[number, pipe.labels.index(relation.label)] += 1
        for relation, score, change in source.changes(example, each, -9.0, []):
            label = pipe.labels.index(relation.label)
            rows.append((number, label, score, relation in known, change))
    candidates = Candidates(numpy.array(rows, CANDIDATE), list(pipe.labels), gold, 1e-8)
    before = pipe.cfg

    def score(thresholds):
        pipe.cfg = {
            **before,
            "threshold": thresholds.shared,
            "label_thresholds": [list(pair) for pair in thresholds.own.items()],
        }
        docs = [example.predicted for example, _ in found]
        pipe.set_annotations(docs, [source.keep(each) for _, each in found])
        return pipe.score([example for example, _ in found])["relations_f"] or 0.0

    try:
        for thresholds in (best_global(candidates), best_per_label(candidates)):
            ours = scores_of(candidates, thresholds)["f"]
            assert ours == pytest.approx(score(thresholds))
        curves = candidates.curve().threshold.tolist()
        one = max(score(Thresholds(t, {})) for t in curves)
        assert scores_of(candidates, best_global(candidates))["f"] == pytest.approx(one)
        both = (Thresholds(0.5, {"FIRST_OF": a, "KNOWS": b}) for a, b in product(curves, curves))
        best = max(map(score, both))
        assert scores_of(candidates, best_per_label(candidates))["f"] == pytest.approx(best)
    finally:
        pipe.cfg = before


def test_without_gold_relations_spans_are_tuned_and_it_is_said(folder, tmp_path):
    docs = [doc.reference for doc in make_noisy_relations(spacy.blank("en"), 60, seed=4)]
    for doc in docs:
        del doc.spans["relations"]
    dev, out = save(docs, tmp_path / "dev.spacy"), tmp_path / "out"
    message = "DEV must hold gold relations to tune by, but has 60 documents, none with relations"
    assert f"Not tuned: {message}" in tune(folder / "model", dev, out)
    assert not (out / "relation_thresholds.json").exists()
    code, output = run(folder / "model", dev, "-o", tmp_path / "two", *RELATIONS)
    assert (code, message in output) == (1, True)
    assert not (tmp_path / "two").exists()
    for doc in docs:
        set_relations(doc, [])
    code, output = run(folder / "model", save(docs, dev), "-o", tmp_path / "two", *RELATIONS)
    assert (code, "60 documents with an empty span group 'relations'" in output) == (1, True)
    for doc in docs:
        doc.spans.clear()
    code, output = run(folder / "model", save(docs, dev), "-o", tmp_path / "two")
    assert (code, "DEV must hold gold spans to tune by, but has 60" in output) == (1, True)


def test_gold_of_unknown_labels_is_missed_and_named(folder, tmp_path):
    docs = [doc.reference for doc in make_noisy_relations(spacy.blank("en"), 40, seed=3)]
    for doc in docs[:3]:
        (first, *_), edges = doc.spans["sc"], get_relations(doc)
        new = Relation(first, Span(doc, len(doc) - 1, len(doc), "ORG"), "NEW")
        set_relations(doc, [*edges, new])
    dev, out = save(docs, tmp_path / "dev.spacy"), tmp_path / "out"
    output = tune(folder / "model", dev, out, *RELATIONS, "--objective", "global")
    assert "Gold relations of labels that the component does not have count as missed: NEW 3" in (
        output
    )
    nlp = spacy.load(out)
    scores = nlp.evaluate(list(Corpus(dev)(nlp)))
    for part in PARTS:
        assert scores[f"relations_{part}"] == pytest.approx(
            read_report(out)["results"]["global"][part]
        )


def test_wrong_options_and_pipelines_are_errors(folder, tmp_path):
    dev, out = folder / "dev.spacy", tmp_path / "out"
    code, output = run(folder / "model", dev, "-o", out, "--component", "tagger")
    assert code == 1
    assert "global_pointer, relation_pointer or event_pointer component, was: 'tagger'" in output
    code, output = run(folder / "model", dev, "-o", out, *RELATIONS, "--lowest", "0.6")
    assert code == 1
    assert "not above the present thresholds of 'relation_pointer', of which the lowest" in output
    docs = [doc.reference for doc in make_noisy_relations(spacy.blank("en"), 4, seed=3)]
    for doc in docs:
        ends = Span(doc, 0, 1, "ORG"), Span(doc, len(doc) - 1, len(doc), "ORG")
        set_relations(doc, [Relation(*ends, "NONE")])
    lost = save(docs, tmp_path / "lost.spacy")
    code, output = run(folder / "model", lost, "-o", out, *RELATIONS)
    assert code == 1
    assert "must find at least one gold relation, but finds none of the 4 above" in output
    assert not out.exists()
