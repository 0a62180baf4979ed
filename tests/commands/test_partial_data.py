"""The commands on documents that declare the labels they are annotated with."""

import json

import pytest
import spacy
from annotating import annotate
from noisy import make_noisy, save
from samples import make_examples
from spacy.tokens import SpanGroup

from spacy_globalpointer.commands.convert import convert
from spacy_globalpointer.commands.debug.survey import debug_data
from spacy_globalpointer.commands.evaluate.judged import judge
from spacy_globalpointer.commands.tune.candidates import find_candidates
from spacy_globalpointer.commands.tune.thresholds import Thresholds, count
from spacy_globalpointer.corpora.docbin import read_docbin
from spacy_globalpointer.spans import Counts

LINE = {
    "text": "Ada lives in Rome.",
    "spans": [{"start": 0, "end": 3, "label": "PERSON"}],
    "span_labels": ["PERSON"],
}


def _declare(example, labels):
    doc = example.reference
    own = [span for span in doc.spans["sc"] if span.label_ in labels]
    doc.spans["sc"] = SpanGroup(doc, name="sc", attrs={"labels": labels}, spans=own)
    return example


@pytest.fixture
def partial(noisy_folder):
    """A pipeline, and documents of which most declare two of its labels."""
    nlp = spacy.load(noisy_folder / "model")
    examples = list(make_noisy(nlp, 40, seed=3))
    for i, example in enumerate(examples):
        if i % 4:
            _declare(example, [["PERSON", "ORG"], ["ORG", "FIRST"]][i % 2])
    return nlp, examples


def test_evaluate_counts_as_nlp_evaluate_does(partial):
    nlp, examples = partial
    judgement = judge(nlp, "global_pointer", examples)
    counts = Counts.total(
        Counts.compare(set(document.gold), set(document.found)) for document in judgement.documents
    )
    scores = nlp.evaluate(examples)
    assert counts.wrong > 0
    for part in "prf":
        assert getattr(counts, part) == pytest.approx(scores[f"spans_sc_{part}"])
    assert any("30 documents declare the labels" in note for note in judgement.notes)


@pytest.mark.parametrize("allow_overlap", [True, False])
def test_tune_counts_as_nlp_evaluate_does(partial, allow_overlap):
    nlp, examples = partial
    nlp.get_pipe("global_pointer").cfg["allow_overlap"] = allow_overlap
    candidates = find_candidates(nlp, "global_pointer", examples, 0.05).candidates
    for threshold in (0.2, 0.6):
        counts = count(candidates, Thresholds(threshold, {}).cuts(candidates.labels))
        nlp.get_pipe("global_pointer").cfg["threshold"] = threshold
        scores = nlp.evaluate(examples)
        assert Counts(*(part.sum() for part in counts)).f == pytest.approx(scores["spans_sc_f"])


def test_debug_says_so_and_refuses_what_stops_training(tmp_path):
    nlp = spacy.blank("en")
    docs = [example.reference for example in make_examples(nlp)]
    docs[0].spans["sc"].attrs["labels"] = ["GPE", "ORG", "PERSON"]
    survey = debug_data([save(docs, tmp_path / "a.spacy")])
    texts = [finding.text for finding in survey.all_findings()]
    assert any("Annotated only with the labels" in text for text in texts)
    docs[0].spans["sc"].attrs["labels"] = ["GPE"]
    with pytest.raises(ValueError, match="a gold span must have a label of attrs"):
        debug_data([save(docs, tmp_path / "a.spacy")])


def test_convert_keeps_the_labels_and_annotate_leaves_them_out(noisy_folder, tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps(LINE), encoding="utf8")
    convert([tmp_path / "a.jsonl"], tmp_path / "a.spacy")
    nlp = spacy.blank("en")
    (doc,) = read_docbin(tmp_path / "a.spacy", nlp.vocab)
    assert doc.spans["sc"].attrs == {"labels": ["PERSON"]}
    annotate(str(noisy_folder / "model"), [tmp_path / "a.jsonl"], tmp_path / "b.jsonl")
    row = json.loads((tmp_path / "b.jsonl").read_text(encoding="utf8"))
    assert list(row) == ["text", "tokens", "spans"]
    convert([tmp_path / "b.jsonl"], tmp_path / "b.spacy")
