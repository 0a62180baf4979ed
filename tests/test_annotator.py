"""Annotator: batches of texts to batches of records, alone and where data of any size is."""

import pickle
import subprocess
import sys

import pytest
import spacy
from samples import SENTENCES
from spacy.language import Language

from spacy_globalpointer import Annotator, Argument, Event, Relation, set_events, set_relations

TEXTS = [text for text, _ in SENTENCES]


@Language.factory("relate_and_happen", default_config={"relations_key": "r", "events_key": "e"})
def make_relater(nlp, name, relations_key, events_key):
    """Relates the first two spans, and makes an event of the first."""

    def relate(doc):
        first, *others = doc.spans["sc"] or [None]
        set_relations(doc, [Relation(first, x, "next", 0.5) for x in others[:1]], relations_key)
        own = [] if first is None else [Event(first.label_, first, (Argument("of", first),), 0.5)]
        set_events(doc, own, events_key)
        return doc

    return relate


@pytest.fixture(scope="module")
def joint(model, tmp_path_factory):
    """With relations and events."""
    nlp = spacy.load(model)
    nlp.add_pipe("relate_and_happen")
    directory = tmp_path_factory.mktemp("joint")
    nlp.to_disk(directory)
    return str(directory)


def covered(records):
    return [
        {(row["text"][x["start"] : x["end"]], x["label"]) for x in row["spans"]} for row in records
    ]


GOLD = [set(spans) for _, spans in SENTENCES]


def test_a_list_of_texts_becomes_records(model):
    records = Annotator(model, batch_size=2)(TEXTS)
    assert covered(records) == GOLD
    assert [list(record) for record in records] == [["text", "tokens", "spans"]] * 5
    nlp = spacy.load(model)
    assert [record["tokens"] for record in records] == [[str(t) for t in nlp(x)] for x in TEXTS]
    assert all(0.5 <= span["score"] <= 1 for record in records for span in record["spans"])
    assert Annotator(model)([]) == []


def test_columns_keep_what_they_have(model):
    batch = {"id": [3, 4], "body": TEXTS[:2], "spans": [1, 2]}
    found = Annotator(model, column="body")(batch)
    assert list(found) == ["id", "body", "spans", "tokens"]
    assert (found["id"], found["body"]) == ([3, 4], TEXTS[:2])
    rows = [{"text": text, "spans": own} for text, own in zip(TEXTS, found["spans"], strict=False)]
    assert covered(rows) == GOLD[:2]
    assert batch["spans"] == [1, 2]


def test_relations_and_events_are_in_every_record_of_a_pipeline_that_finds_them(joint):
    annotator = Annotator(joint)
    found = annotator({"text": TEXTS})
    assert list(found) == ["text", "tokens", "spans", "relations", "events"]
    assert [len(own) for own in found["relations"]] == [1, 1, 1, 1, 0]
    assert [len(own) for own in found["events"]] == [1, 1, 1, 1, 0]
    assert found["relations"][0] == [{"head": 0, "child": 1, "label": "next", "score": 0.5}]
    assert annotator(TEXTS[4:]) == [
        {"text": TEXTS[4], "tokens": found["tokens"][4], "spans": [], "relations": [], "events": []}
    ]
    assert list(Annotator(joint, relations_key="x", events_key="e")(TEXTS)[0])[3:] == ["events"]


def test_frames(model):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"id": range(5), "text": TEXTS}, index=list("abcde"))
    annotator = Annotator(model)
    found = annotator(frame)
    assert list(found.columns) == ["id", "text", "tokens", "spans"]
    assert list(found.index) == list("abcde")
    assert covered(found.to_dict("records")) == GOLD
    parts = list(annotator.frames(iter([frame[:2], frame[2:]])))  # as Spark gives them
    assert pandas.concat(parts).to_dict("records") == found.to_dict("records")


def test_it_is_pickled_without_the_pipeline(model):
    annotator = Annotator(model)
    before = pickle.dumps(annotator)
    records = annotator(TEXTS)
    assert len(before) < 1000
    again = pickle.loads(pickle.dumps(annotator))
    assert again._nlp is None
    assert again(TEXTS) == records


def test_soft_labels_and_uncertainty(model):
    soft = Annotator(model, soft_key="teacher", soft_threshold=1e-6)(TEXTS)
    hard = Annotator(model, uncertainty=True)(TEXTS)
    assert sum(len(row["spans"]) for row in soft) > sum(len(row["spans"]) for row in hard)
    assert all(row["uncertainty"] >= 0 for row in hard)
    assert list(hard[0]) == ["text", "tokens", "spans", "uncertainty"]


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ("one text", "a batch must be a list of texts.*was: 'one text'. To fix: for a single text"),
        (5, "a batch must be a list of texts, a mapping of columns or a DataFrame, was: 5"),
        ([TEXTS[0], None], r"a text must be a string .*was: None at 1 \(from 0\). To fix"),
        ([b"bytes"], "a text must be a string .*was: b'bytes' at 0"),
        (["x" * 1_000_001], r"at most 1000000 characters \(nlp.max_length\), was: 1000001 char"),
        (["half \udc80"], "text 0 .*text must be valid Unicode, was: half a character"),
        ({"body": TEXTS}, "a batch must have a column 'text' with texts, was: body. To fix"),
    ],
)
def test_bad_batches(model, batch, message):
    with pytest.raises(ValueError, match=message):
        Annotator(model)(batch)


def test_bad_settings(model, tmp_path):
    for name, options, message in (
        (str(tmp_path), {}, "a model must be a pipeline that can be loaded, was: .*To fix"),
        (model, {"code": tmp_path / "x.py"}, "can be loaded.*FileNotFoundError.*repair its code"),
        (model, {"spans_key": "x"}, r"spans_key must be that of a global_pointer of the model"),
        (model, {"gpu_id": 99}, "GPU"),
    ):
        with pytest.raises(ValueError, match=message):
            Annotator(name, **options)(TEXTS)
    with pytest.raises(ValueError, match="soft_threshold must be"):
        Annotator(model, soft_key="t", soft_threshold=2.0)


def test_code_of_a_pipeline_is_imported(model, tmp_path):
    code = tmp_path / "code.py"
    code.write_text(
        "from spacy.language import Language\n"
        "@Language.component('of_a_file')\n"
        "def of_a_file(doc):\n    doc.spans['sc'] = []\n    return doc\n"
    )
    script = (
        f"import spacy\nfrom spacy.util import import_file\nimport_file('c', {str(code)!r})\n"
        f"nlp = spacy.load({model!r})\nnlp.add_pipe('of_a_file')\n"
        f"nlp.to_disk({str(tmp_path / 'm')!r})"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)
    assert [row["spans"] for row in Annotator(tmp_path / "m", code=code)(TEXTS)] == [[]] * 5


def test_importing_the_package_loads_no_torch():
    script = "import sys, spacy_globalpointer; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)
