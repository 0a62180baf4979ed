"""Runs and tables of relations and of events."""

import json

import pytest
import spacy

from benchmarks import events, relations
from benchmarks.joint import read_docs, train_and_score
from benchmarks.joint_tables import find_tables, make_joint_tables
from benchmarks.peers import RELATION_MODELS, read_system
from benchmarks.sweep import SWEEP, read_sweep
from spacy_globalpointer import get_events, get_relations, set_events

# The others read weights from elsewhere.
ARCHITECTURES = [x for x in RELATION_MODELS if not x.endswith("transformer")]
FROM_SCRATCH = [*((relations.TASK, x) for x in ARCHITECTURES), (events.TASK, "events")]
TEXT = "Ada works in Ulm, Bob too."
SPANS = [(0, 3, "PER"), (4, 9, "Work"), (13, 16, "GPE"), (18, 21, "PER")]
RELATIONS = [{"head": 0, "child": 2, "label": "WORKS_IN"}]
# Two with one trigger, so that there are links.
ARGUMENTS = [[("who", 0), ("where", 2)], [("who", 3)]]
EVENTS = [
    {
        "type": "Work",
        "trigger": 1,
        "arguments": [{"role": role, "span": place} for role, place in own],
    }
    for own in ARGUMENTS
]
SMALL = {
    "components.tok2vec.model.encode.width": 16,
    "components.tok2vec.model.encode.depth": 1,
    "training.batcher.size": 10,
}


@pytest.fixture
def docs(tmp_path):
    spans = [{"start": start, "end": end, "label": label} for start, end, label in SPANS]
    row = {"text": TEXT, "spans": spans, "relations": RELATIONS, "events": EVENTS}
    path = tmp_path / "train.jsonl"
    path.write_text(f"{json.dumps(row)}\n" * 4, encoding="utf8")
    return read_docs(path, spacy.blank("en"))


def test_docs_have_their_relations_and_events(docs):
    assert len(docs) == 4
    assert [(str(r.head), str(r.child), r.label) for r in get_relations(docs[0])] == [
        ("Ada", "Ulm", "WORKS_IN")
    ]
    assert [str(event.trigger) for event in get_events(docs[0])] == ["works", "works"]


@pytest.mark.parametrize(("task", "system"), FROM_SCRATCH)
def test_every_system_learns_and_is_scored(task, system, docs):
    result = train_and_score(
        task, system, docs, docs, lang="en", passes=25, seed=0, overrides=SMALL, log=lambda _: None
    )
    assert result["curve"][-1]["pass"] == len(result["curve"])
    scores = result["scores"]
    assert scores["given"]["f"] == 1.0
    assert scores[f"{task.key}_f"] == max(step["f"] for step in result["curve"])
    assert result["entities_words_per_second"] >= result["predict_words_per_second"] > 0
    if task is events.TASK:
        assert scores["published_f"] == 1.0
        assert all("published_f" in step for step in result["curve"])


def test_a_trigger_that_is_its_own_argument_is_allowed_if_gold_has_one(docs):
    assert events.fit_events(docs) == {}
    (first, *_) = get_events(docs[0])
    own = first._replace(arguments=(first.arguments[0]._replace(span=first.trigger),))
    set_events(docs[0], [own])
    assert events.fit_events(docs) == {"components.event_pointer.allow_self": True}


def test_the_systems_differ_in_the_model_of_relations_alone():
    configs = [read_system(system) for system in ARCHITECTURES]
    models = [config["components"]["relation_pointer"].pop("model") for config in configs]
    assert all(config == configs[0] for config in configs)
    assert len({model["@architectures"] for model in models}) == len(models)


def write_sweep(folder, scores, *systems):
    """A sweep of two seeds, of which the first system has been run."""
    group = {"corpora": ["a:en"], "systems": systems, "seeds": [0, 1], "passes": 2}
    (folder / SWEEP).write_text(json.dumps([group]), encoding="utf8")
    costs = ("train", "predict", "entities")
    speeds = dict.fromkeys((f"{name}_words_per_second" for name in costs), 1234.4)
    for run in read_sweep(folder / SWEEP):
        own = {
            key: 0.5 + 0.1 * run.seed if value is None else value for key, value in scores.items()
        }
        report = {"results": {"scores": own, **speeds, "peak_mib": 900}}
        if run.system == systems[0]:
            (folder / f"{run.name()}.json").write_text(json.dumps(report), encoding="utf8")


def test_tables_of_relations_have_a_row_for_each_corpus_and_system(tmp_path):
    part = {"relations_f": None, "relations_p": 0.25, "relations_r": 1.0, "relations_text_f": 0.5}
    scores = {**part, "relations_boundary_f": 0.75, "spans_sc_f": 0.8, "given": {"f": 0.6}}
    write_sweep(tmp_path, scores, "relations", "relations_mean")
    assert find_tables(tmp_path) == "relations"
    tables = make_joint_tables(tmp_path, "relations")
    assert "| text | given spans | entities |" in tables["relations"]
    assert "| a | `SpanPairs` | 2 | 55.0 ± 7.1 | 25.0 ± 0.0 |" in tables["relations"]
    assert "| 60.0 ± 0.0 | 80.0 ± 0.0 |\n" in tables["relations"]
    assert "the tutorial's |" not in tables["relations"]
    assert tables["relations"].endswith("\nNot run yet: a the tutorial's.\n")
    assert "| prediction, words/s | entities alone, words/s |" in tables["relation_cost"]
    assert "| a | `SpanPairs` | 2 | 1,234 | 1,234 | 1,234 | 900 |" in tables["relation_cost"]


def test_tables_of_events_have_both_decodings(tmp_path):
    names = ("trigger_f", "trigger_type_f", "argument_f", "role_f", "attached_f")
    scores = {"events_f": 0.5, "events_p": 0.25, "events_r": 1.0, "published_f": 0.45}
    scores.update({f"events_{name}": 0.7 for name in names}, spans_sc_f=0.8)
    write_sweep(tmp_path, scores, "events", "events_transformer")
    assert find_tables(tmp_path) == "events"
    tables = make_joint_tables(tmp_path, "events")
    header, _, row, *rest = tables["events"].splitlines()
    assert header.startswith("| corpus | architecture | seeds | exact | P | R | exact, published")
    values = (50, 25, 100, 45, 70, 70, 70, 70, 70, 80)
    cells = " | ".join(f"{value:.1f} ± 0.0" for value in values)
    assert row == f"| a | `SpanPairs` | 2 | {cells} |"
    assert rest == ["", "Not run yet: a `SpanPairs`, MiniLM."]
    assert "| prediction, words/s | spans alone, words/s |" in tables["event_cost"]


def test_a_sweep_of_spans_has_other_tables(tmp_path):
    write_sweep(tmp_path, {}, "ner", "events")
    assert find_tables(tmp_path) is None


def test_a_result_of_no_run_is_an_error(tmp_path):
    (tmp_path / SWEEP).write_text("[]", encoding="utf8")
    (tmp_path / "old.json").write_text("{}", encoding="utf8")
    with pytest.raises(ValueError, match="with their present configs, were: old"):
        make_joint_tables(tmp_path, "events")
