"""One training run, and how it is scored."""

import pytest

from spacy_globalpointer.bench.accuracy import Counts, count, score_cells, train_and_score
from spacy_globalpointer.bench.text import STYLES, Annotated, generate

WORDS = list("abcdefghijklmnopqrstuvwxyz")
GOLD = [
    Annotated(WORDS, [(0, 5, "A"), (1, 3, "B"), (10, 11, "A")], lost=2),
    Annotated(WORDS, [(3, 7, "B")]),
]
FOUND = [{(0, 5, "A"), (1, 3, "A"), (20, 22, "B")}, {(3, 7, "B")}]


def test_spans_that_the_tokens_cannot_hold_are_missed():
    assert count(GOLD, FOUND) == Counts(right=2, wrong=2, missed=4)
    assert count(GOLD, FOUND).scores()["r"] == pytest.approx(2 / 6)


def test_scores_by_label_length_and_nesting():
    scores = score_cells(GOLD, FOUND)
    parts = {
        part: {key: (s["right"], s["wrong"], s["missed"]) for key, s in scores[part].items()}
        for part in ("by_label", "by_length")
    }
    assert parts["by_label"] == {"A": (1, 1, 1), "B": (1, 1, 1)}
    assert parts["by_length"] == {"1": (0, 0, 1), "2": (0, 2, 1), "4": (2, 0, 0)}
    nested = scores["nested"]
    # (1, 3, A) is inside (0, 5, A) among the predicted spans.
    assert (nested["right"], nested["wrong"], nested["missed"]) == (1, 1, 1)
    assert scores["lost"] == 2
    assert scores["documents"] == [(1, 2, 4), (1, 0, 0)]


def test_nothing_gives_zero():
    assert Counts().scores()["f"] == 0.0


@pytest.mark.parametrize("system", ["global_pointer", "spancat", "ner", "crf"])
def test_runs_are_the_same_for_the_same_seed_and_learn(system):
    docs = generate(STYLES["cluener"], 30, seed=0)
    arguments = {"passes": 2, "seed": 1, "settings": {}, "log": lambda line: None}
    first = train_and_score(system, docs, docs[:10], **arguments)
    again = train_and_score(system, docs, docs[:10], **arguments)
    assert [step["f"] for step in first["curve"]] == [step["f"] for step in again["curve"]]
    assert len(first["documents"]) == 10
    assert first["all"]["f"] == first["curve"][-1]["f"]
    assert first["train_words_per_second"] > 0
    assert first["peak_mib"] > 0
