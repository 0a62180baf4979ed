import pytest
import spacy
from spacy.tokens import DocBin, Span, SpanGroup

from spacy_globalpointer.label_sets import declared_labels, of_labels
from spacy_globalpointer.spans import LabelledSpan

NLP = spacy.blank("en")


def _doc(labels, *spans):
    doc = NLP("Anna went to Ulm.")
    attrs = {} if labels is None else {"labels": labels}
    own = [Span(doc, start, end, label) for start, end, label in spans]
    doc.spans["sc"] = SpanGroup(doc, name="sc", attrs=attrs, spans=own)
    return doc


def test_a_document_declares_labels_and_keeps_them_in_a_file():
    doc = _doc(("PERSON", "ORG"), (0, 1, "PERSON"))
    assert declared_labels(doc, "sc") == {"PERSON", "ORG"}
    (loaded,) = DocBin().from_bytes(DocBin(docs=[doc]).to_bytes()).get_docs(NLP.vocab)
    assert declared_labels(loaded, "sc") == {"PERSON", "ORG"}
    assert declared_labels(_doc([]), "sc") == frozenset()


def test_without_labels_a_group_is_annotated_with_all():
    assert declared_labels(_doc(None, (0, 1, "PERSON")), "sc") is None
    assert declared_labels(_doc(None), "other") is None


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("PERSON", r'attrs\["labels"\] must be a list of labels, was: \'PERSON\' in doc.spans'),
        ({"PERSON": 1}, "must be a list of labels"),
        ([1], r"non-empty strings, was: \[1\]"),
        ([" "], "non-empty strings"),
        (["A", "A"], "must name each label once.*To fix: list the labels"),
        (["ORG"], r"a gold span must have a label of attrs.*was: 'PERSON' \('Anna'\)"),
    ],
)
def test_bad_labels_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        declared_labels(_doc(labels, (0, 1, "PERSON")), "sc")


def test_spans_of_labels():
    spans = [LabelledSpan(0, 1, label) for label in "ABC"]
    assert of_labels(spans, None) == spans
    assert of_labels(spans, {"B"}) == spans[1:2]
