"""Old labels and a new one, on a few sentences."""

from benchmarks.distillation import Data
from benchmarks.forgetting import WAYS, keep_labels, measure_forgetting
from benchmarks.text import STYLES, generate

QUICK = {
    "components.tok2vec.model.encode.width": 32,
    "components.tok2vec.model.encode.depth": 1,
    "training.batcher.size": 60,
    # In a few steps it does not learn what is not worth a look, and warns.
    "components.global_pointer.model.rescorer": None,
}


def test_every_way_is_scored():
    texts = generate(STYLES["genia"], 8, seed=0)
    data = Data(texts[:3], texts[3:6], texts[6:], "en")
    rows = list(
        measure_forgetting(data, "LABEL1", passes=1, seed=0, overrides=QUICK, log=lambda line: None)
    )
    ways = [(row["declared"], row["rehearsal"]) for row in rows]
    assert ways == [(False, "before"), *WAYS]
    assert all(0 <= row[kind] <= 1 for row in rows for kind in ("old", "new"))
    assert rows[0]["new"] == 0


def test_spans_are_kept_by_their_labels():
    (text,) = generate(STYLES["genia"], 1, seed=3)
    assert text.spans
    (none,) = keep_labels([text], lambda label: False)
    assert (none.words, none.spans) == (text.words, [])
    (all_of_them,) = keep_labels([text], lambda label: True)
    assert all_of_them == text
