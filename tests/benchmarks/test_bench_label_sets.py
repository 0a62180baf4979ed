import json

import pytest
import spacy

from benchmarks.label_sets import measure_label_sets, read_parts
from benchmarks.tables import make_table, read_report

LINES = [
    {
        "text": "Ada saw Rome.",
        "spans": [
            {"start": 0, "end": 3, "label": "PERSON"},
            {"start": 8, "end": 12, "label": "GPE"},
        ],
    },
    {
        "text": "Eve left Ulm.",
        "spans": [
            {"start": 0, "end": 3, "label": "PERSON"},
            {"start": 9, "end": 12, "label": "GPE"},
        ],
    },
]


def _write(folder, lines):
    folder.mkdir()
    for split in ("train", "dev"):
        text = "".join(f"{json.dumps(line)}\n" for line in lines)
        (folder / f"{split}.jsonl").write_text(text, encoding="utf8")


def test_a_corpus_is_split_by_texts_and_labels(tmp_path):
    _write(tmp_path / "mine", LINES * 2)
    (even, odd), whole = read_parts(tmp_path, ["mine"], "en", 3)
    assert (even.labels, odd.labels, whole.labels) == (["GPE"], ["PERSON"], ["GPE", "PERSON"])
    assert [len(part.train) for part in (even, odd, whole)] == [2, 1, 3]
    assert [len(part.dev) for part in (even, odd, whole)] == [4, 4, 4]
    assert [text.spans for text in even.train] == [[(2, 3, "GPE")]] * 2
    assert [text.spans for text in odd.dev] == [[(0, 1, "PERSON")]] * 4
    nlp = spacy.blank("en")
    (example,) = odd.make_examples(nlp.vocab, declare=True)
    assert example.reference.spans["sc"].attrs == {"labels": ["PERSON"]}
    (example,) = odd.make_examples(nlp.vocab, declare=False)
    assert not example.reference.spans["sc"].attrs


@pytest.mark.filterwarnings("ignore:'global_pointer' kept only the best")
@pytest.mark.parametrize("n_corpora", [1, 2])
def test_a_report_has_scores_of_each_part_and_way(n_corpora, tmp_path):
    names = ["mine", "yours"][:n_corpora]
    for name, label in zip(names, (None, "TOWN"), strict=False):
        lines = json.loads(json.dumps(LINES).replace("GPE", label or "GPE"))
        _write(tmp_path / name, lines * 2)
    output = tmp_path / "sets.json"
    corpora = [f"{name}:en" for name in names]
    measure_label_sets(output, tmp_path, corpora, seeds=[3], passes=2, log=lambda _: None)
    report = read_report(output)
    ways = ["alone", "declared", "undeclared", *(["whole"] if n_corpora == 1 else [])]
    assert {(x["way"], x["seed"]) for x in report["results"]} == {(way, 3) for way in ways}
    assert len(report["results"]) == 2 * len(ways)
    assert all(0 <= x["f"] <= 100 for x in report["results"])
    header, _, first, *_ = make_table(report).splitlines()
    assert header == f"| texts and labels of | seeds | {' | '.join(ways)} |"
    assert first.startswith(f"| {'mine even' if n_corpora == 1 else 'mine'} | 1 | ")


@pytest.mark.filterwarnings("ignore:'global_pointer' kept only the best")
def test_two_names_of_one_thing_do_not_take_each_others_spans(tmp_path):
    _write(tmp_path / "mine", LINES * 4)
    _write(tmp_path / "yours", json.loads(json.dumps(LINES * 4).replace("GPE", "TOWN")))
    output = tmp_path / "sets.json"
    corpora = ["mine:en", "yours:en"]
    measure_label_sets(output, tmp_path, corpora, passes=30, log=lambda _: None)
    rows = read_report(output)["results"]
    assert [row["r"] for row in rows if row["way"] == "declared"] == [100, 100]


@pytest.mark.parametrize(
    ("corpora", "message"),
    [
        (["mine"], "must be named with one language.*was: mine"),
        (["mine:en", "yours:de"], "the same for all"),
        (["mine:en"], "two labels or more to be split, was: mine with GPE"),
    ],
)
def test_corpora_that_cannot_be_measured_are_refused(corpora, message, tmp_path):
    _write(tmp_path / "mine", [{"text": "Rome", "spans": [{"start": 0, "end": 4, "label": "GPE"}]}])
    with pytest.raises(ValueError, match=message):
        measure_label_sets(tmp_path / "sets.json", tmp_path, corpora)
