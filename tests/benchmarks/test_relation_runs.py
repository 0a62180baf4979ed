"""Runs and tables of relations."""

import json

import pytest
import spacy

from benchmarks.peers import RELATION_MODELS, read_system
from benchmarks.relation_tables import make_relation_tables
from benchmarks.relations import read_docs, train_and_score
from benchmarks.sweep import read_sweep
from spacy_globalpointer import get_relations

# The other one reads weights from elsewhere.
FROM_SCRATCH = [x for x in RELATION_MODELS if not x.endswith("transformer")]
TEXT = "Ada Lane works in Ulm."
SPANS = [{"start": 0, "end": 8, "label": "PER"}, {"start": 18, "end": 21, "label": "GPE"}]
RELATIONS = [{"head": 0, "child": 1, "label": "WORKS_IN"}]
SMALL = {
    "components.tok2vec.model.encode.width": 16,
    "components.tok2vec.model.encode.depth": 1,
    "training.batcher.size": 100,
}


@pytest.fixture
def docs(tmp_path):
    row = {"text": TEXT, "spans": SPANS, "relations": RELATIONS}
    path = tmp_path / "train.jsonl"
    path.write_text(f"{json.dumps(row)}\n" * 4, encoding="utf8")
    return read_docs(path, spacy.blank("en"))


def test_docs_have_their_relations(docs):
    assert len(docs) == 4
    assert [(str(r.head), str(r.child), r.label) for r in get_relations(docs[0])] == [
        ("Ada Lane", "Ulm", "WORKS_IN")
    ]


@pytest.mark.parametrize("system", FROM_SCRATCH)
def test_every_architecture_learns_and_is_scored(system, docs):
    result = train_and_score(
        system, docs, docs, lang="en", passes=25, seed=0, overrides=SMALL, log=lambda _: None
    )
    assert result["curve"][-1]["pass"] == len(result["curve"])
    scores = result["scores"]
    assert scores["given"]["f"] == 1.0
    assert scores["relations_f"] == max(step["f"] for step in result["curve"])
    assert result["entities_words_per_second"] >= result["predict_words_per_second"] > 0


def test_the_systems_differ_in_the_model_of_relations_alone():
    configs = [read_system(system) for system in FROM_SCRATCH]
    models = [config["components"]["relation_pointer"].pop("model") for config in configs]
    assert all(config == configs[0] for config in configs)
    assert len({model["@architectures"] for model in models}) == len(models)


def test_tables_have_a_row_for_each_corpus_and_system(tmp_path):
    group = {"corpora": ["a:en"], "systems": ["relations", "relations_mean"], "seeds": [0, 1]}
    (tmp_path / "sweep.json").write_text(json.dumps([{**group, "passes": 2}]), encoding="utf8")
    part = {"relations_f": 0.5, "relations_p": 0.25, "relations_r": 1.0, "relations_text_f": 0.5}
    scores = {**part, "relations_boundary_f": 0.75, "spans_sc_f": 0.8, "given": {"f": 0.6}}
    costs = ("train", "predict", "entities")
    speeds = dict.fromkeys((f"{name}_words_per_second" for name in costs), 1234.4)
    for run in read_sweep(tmp_path / "sweep.json"):
        own = {**scores, "relations_f": 0.5 + 0.1 * run.seed}
        report = {"results": {"scores": own, **speeds, "peak_mib": 900}}
        if run.system == "relations":
            (tmp_path / f"{run.name()}.json").write_text(json.dumps(report), encoding="utf8")
    tables = make_relation_tables(tmp_path)
    assert "| a | `SpanPairs` | 2 | 55.0 ± 7.1 | 25.0 ± 0.0 |" in tables["relations"]
    assert "the tutorial's |" not in tables["relations"]
    assert tables["relations"].endswith("\nNot run yet: a the tutorial's.\n")
    assert "| a | `SpanPairs` | 2 | 1,234 | 1,234 | 1,234 | 900 |" in tables["relation_cost"]


def test_a_result_of_no_run_is_an_error(tmp_path):
    (tmp_path / "sweep.json").write_text("[]", encoding="utf8")
    (tmp_path / "old.json").write_text("{}", encoding="utf8")
    with pytest.raises(ValueError, match="with their present configs, were: old"):
        make_relation_tables(tmp_path)
