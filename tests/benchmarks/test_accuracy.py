"""One training run, with every system that needs no weights from elsewhere."""

import pytest

from benchmarks import accuracy, passes
from benchmarks.accuracy import find_reach, has_flat_gold, train_and_score
from benchmarks.peers import EVENTS, FLAT, RELATION_MODELS, SYSTEMS
from benchmarks.text import STYLES, AnnotatedText, generate
from spacy_globalpointer.spans import LabelledSpan

# The others have their weights from elsewhere, no head, no pipeline, or more to learn than spans.
OTHERS = ("encoder", "crfsuite", "spans_tagger", *RELATION_MODELS, *EVENTS)
SYSTEMS = [s for s in SYSTEMS if s not in OTHERS and not s.endswith("transformer")]


# What a run needs to be quick, and to learn a few documents by heart.
QUICK = {
    "components.tok2vec.model.encode.width": 32,
    "components.tok2vec.model.encode.depth": 2,
    "training.batcher.size": 20,
    "training.optimizer.learn_rate": 0.005,
}
# These score so many spans at once that a few documents teach them nothing.
SLOW_LEARNERS = ("spancat", "span_finder")


def run(system, passes, seed=0):
    docs = generate(STYLES["cluener"], 6, seed=0)
    settings = {"passes": passes, "seed": seed, "overrides": QUICK}
    return train_and_score(system, docs, docs, lang="zh", log=lambda line: None, **settings)


@pytest.mark.parametrize("system", SYSTEMS)
def test_runs_are_the_same_for_the_same_seed(system):
    first, again = (run(system, passes=5, seed=1) for _ in range(2))
    assert [step["f"] for step in first["curve"]] == [step["f"] for step in again["curve"]]
    assert len(first["documents"].split()) == 6
    assert first["all"]["f"] == max(step["f"] for step in first["curve"])
    assert first["train_words_per_second"] > 0
    assert first["peak_mib"] > 0
    assert run(system, passes=1, seed=2)["config"] == first["config"]


@pytest.mark.parametrize("system", [s for s in SYSTEMS if s not in SLOW_LEARNERS])
def test_systems_learn_their_training_data(system, monkeypatch):
    monkeypatch.setattr(passes, "PATIENCE", 100)
    result = run(system, passes=30 if system == "ner" else 16)
    assert result["all"]["f"] > 0.5
    assert (result["tuned"] is None) == (system in FLAT)
    if result["tuned"]:
        assert result["tuned"]["f"] > 0.5


def test_training_stops_when_nothing_gets_better_than_what_was_found(monkeypatch):
    docs = generate(STYLES["cluener"], 5, seed=0)
    found = iter([set(), set(), set(), {LabelledSpan(*docs[0].spans[0])}, set(), set(), set()])
    monkeypatch.setattr(
        accuracy, "predict_cells", lambda nlp, system, dev: [next(found), *[set()] * 4]
    )
    result = train_and_score("ner", docs, docs, lang="zh", passes=9, seed=0, log=lambda line: None)
    found_any = [step["f"] > 0 for step in result["curve"]]
    assert found_any == 3 * [False] + [True] + 2 * [False]
    assert result["all"]["right"] == 1


@pytest.mark.parametrize("system", ["global_pointer", "spancat", "ner"])
def test_systems_with_a_transformer_run(system, tiny_bert):
    pytest.importorskip("spacy_transformers")
    docs = generate(STYLES["genia"], 4, seed=0)
    overrides = {"paths.encoder": tiny_bert}
    name = f"{system}_transformer"
    result = train_and_score(
        name, docs, docs, lang="en", passes=1, seed=0, overrides=overrides, log=lambda line: None
    )
    assert len(result["curve"]) == 1


def test_reach_covers_nearly_all_spans():
    lengths = [1] * 97 + [12, 13, 40]
    docs = [AnnotatedText(["a"] * 50, [(0, length, "A")]) for length in lengths]
    assert find_reach(docs) == 13
    assert find_reach(docs[:50]) == 10
    assert find_reach([AnnotatedText(["a"], [])]) == 10


def test_flat_is_a_corpus_where_hardly_any_spans_share_a_token():
    flat = AnnotatedText(["a"] * 9, [(0, 2, "A"), (2, 5, "A"), (6, 7, "B")])
    inside = AnnotatedText(["a"] * 9, [(0, 3, "A"), (1, 2, "A"), (5, 6, "A")])
    assert has_flat_gold([flat] * 5)
    assert has_flat_gold([flat] * 66 + [inside])
    assert not has_flat_gold([flat] * 65 + [inside])
    assert not has_flat_gold([AnnotatedText(["a"] * 3, [(0, 2, "A"), (1, 3, "A")])])
    assert not has_flat_gold([AnnotatedText(["a"] * 3, [(0, 2, "A"), (0, 2, "B")])])
    assert has_flat_gold([AnnotatedText(["a"], [])])


def test_on_a_flat_corpus_no_spans_that_share_a_token_are_found(monkeypatch):
    monkeypatch.setattr(passes, "PATIENCE", 100)
    flat = [doc._replace(spans=doc.spans[:1]) for doc in generate(STYLES["cluener"], 6, seed=0)]
    arguments = {"lang": "zh", "passes": 1, "seed": 0, "log": lambda line: None}
    result = train_and_score("global_pointer", flat, flat, **arguments)
    assert result["fitted"] == {"components.global_pointer.allow_overlap": False}
    nested = [doc._replace(spans=[(0, 2, "A"), (1, 2, "A")]) for doc in flat]
    assert train_and_score("global_pointer", nested, nested, **arguments)["fitted"] == {}
