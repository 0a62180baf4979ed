"""CRFsuite is trained on the outermost spans, with features of words."""

import json
import sys

import pytest
import spacy
from spacy.tokens import DocBin
from sweeps import stay_here

from benchmarks.crfsuite import find_features, train_and_score
from benchmarks.sweep import run_sweep
from benchmarks.text import STYLES, AnnotatedText, generate

SILENT = {"lang": "en", "passes": 8, "seed": 0, "log": lambda line: None}


def test_it_learns_its_training_data():
    docs = generate(STYLES["cluener"], 30, seed=0)
    result = train_and_score("crfsuite", docs, [*docs, AnnotatedText([], [])], **SILENT)
    assert result["all"]["f"] > 0.98
    assert len(result["documents"].split()) == 31
    assert result["curve"][0]["f"] == result["all"]["f"]
    assert result["train_words_per_second"] > 0
    assert result["predict_words_per_second"] > 0


def test_neighbours_of_one_label_are_two_spans_and_spans_inside_are_not_learned():
    spans = [(0, 1, "A"), (1, 3, "A"), (2, 3, "B"), (4, 5, "B")]
    docs = [AnnotatedText(["a", "b", "c", "d", "e"], spans)] * 5
    result = train_and_score("crfsuite", docs, docs[:1], **SILENT)
    assert (result["all"]["right"], result["all"]["missed"], result["all"]["wrong"]) == (3, 1, 0)


def test_features_are_words_and_parts_around_a_token():
    doc = AnnotatedText(["Anna", "saw", "Rome", "."], []).make_doc(spacy.blank("en").vocab)
    first, _, third, _ = find_features(doc)
    assert {"word+0=anna", "word+2=rome", "before=|anna", "after=anna|saw", "shape+0=Xxxx"} < {
        *first
    }
    assert not [feature for feature in first if "-1" in feature]
    assert {"word-2=anna", "word+1=.", "suffix+0=ome", "prefix-1=s", "before=saw|rome"} < {*third}
    assert len({*third}) == len(third)


def test_without_the_package_the_repair_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pycrfsuite", None)
    docs = generate(STYLES["cluener"], 2, seed=0)
    with pytest.raises(ImportError, match=r'pip install "spacy-globalpointer\[bench\]"'):
        train_and_score("crfsuite", docs, docs, **SILENT)


def test_a_sweep_runs_it(tmp_path, monkeypatch):
    stay_here(monkeypatch)
    vocab = spacy.blank("en").vocab
    docs = [doc.make_example(vocab).reference for doc in generate(STYLES["genia"], 8, seed=0)]
    folder = tmp_path / "tiny"
    folder.mkdir()
    for split in ("train", "dev"):
        DocBin(docs=docs).to_disk(folder / f"{split}.spacy")
    group = {"corpora": ["tiny:en"], "systems": ["crfsuite"], "seeds": [0], "passes": 1}
    (tmp_path / "sweep.json").write_text(json.dumps([group]), encoding="utf8")
    run_sweep(tmp_path, tmp_path, encoder="none", workers=1, log=lambda line: None)
    (path,) = tmp_path.glob("tiny-crfsuite-0-*.json")
    assert json.loads(path.read_text(encoding="utf8"))["results"]["all"]["right"] > 0
