"""Generated and read text."""

import numpy
import pytest
import spacy
from spacy.tokens import DocBin

from benchmarks.text import STYLES, generate, read_corpora

VOCAB = spacy.blank("xx").vocab


@pytest.mark.parametrize("name", STYLES)
def test_statistics_are_those_of_the_style(name):
    style = STYLES[name]
    docs = generate(style, 1500, seed=1)
    lengths = numpy.log([len(doc.words) for doc in docs])
    assert lengths.mean() == pytest.approx(style.length[0], abs=0.05)
    assert lengths.std() == pytest.approx(style.length[1], abs=0.05)
    spans = [span for doc in docs for span in doc.spans]
    assert len(spans) / len(docs) == pytest.approx(style.spans, rel=0.1)
    assert len({label for *_, label in spans}) == style.labels
    inside = sum(
        any(a <= start and end <= b and (a, b) != (start, end) for a, b, _ in doc.spans)
        for doc in docs
        for start, end, _ in doc.spans
    )
    assert inside / len(spans) == pytest.approx(style.inside, abs=0.03)


def test_the_same_seed_gives_the_same_text():
    style = STYLES["genia"]
    assert generate(style, 20, seed=3) == generate(style, 20, seed=3)
    assert generate(style, 20, seed=3) != generate(style, 20, seed=4)


def test_examples_hold_all_spans_and_the_outermost_entities():
    docs = [doc for doc in generate(STYLES["genia"], 60, seed=0) if len(doc.spans) > 1]
    for doc in docs:
        reference = doc.make_example(VOCAB).reference
        assert {(s.start, s.end, s.label_) for s in reference.spans["sc"]} == set(doc.spans)
        assert [token.text for token in reference] == doc.words
    n_ents = sum(len(doc.make_example(VOCAB).reference.ents) for doc in docs)
    assert 0 < n_ents < sum(len(doc.spans) for doc in docs)


def test_files_are_read_as_corpora(tmp_path):
    docs = generate(STYLES["cluener"], 5, seed=0)
    DocBin(docs=[doc.make_example(VOCAB).reference for doc in docs]).to_disk(tmp_path / "a.spacy")
    line = '{"text": "Rome closed.", "spans": [{"start": 0, "end": 4, "label": "GPE"}, '
    line += '{"start": 1, "end": 4, "label": "LOST"}]}'
    (tmp_path / "b.jsonl").write_text(line, encoding="utf8")
    corpora = read_corpora(tmp_path, "en")
    assert corpora["a"] == docs
    spaces = [True, False, False]
    assert corpora["b"] == [(["Rome", "closed", "."], [(0, 1, "GPE")], 1, spaces)]
    assert list(read_corpora(tmp_path / "b.jsonl", "en")) == ["b"]


def test_a_folder_without_files_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"must hold \.spacy or \.jsonl files"):
        read_corpora(tmp_path, "en")
