import json

import numpy
import pytest
import spacy
from spacy.tokens import DocBin, Span, SpanGroup

from spacy_globalpointer.commands.annotate import writers
from spacy_globalpointer.commands.annotate.resumable import AppendedFile, part_of
from spacy_globalpointer.commands.annotate.writers import (
    JsonLines,
    SpacyParts,
    is_no_part,
    list_spans,
    write_json,
)
from spacy_globalpointer.corpora.stream import Entry, Position

NLP = spacy.blank("en")


def make_doc(
    text="Ada lives in Rome.", key="sc", spans=((3, 4, "GPE"), (0, 1, "PER"), (0, 2, "X"))
):
    doc = NLP(text)
    group = [Span(doc, start, end, label=label) for start, end, label in spans]
    scores = numpy.array([0.9, 0.75, 0.5], dtype=numpy.float32)[: len(group)]
    doc.spans[key] = SpanGroup(doc, name=key, attrs={"scores": scores}, spans=group)
    return doc


def make_entry(path, document="Ada lives in Rome.", user_data=None, **fields):
    return Entry(
        path,
        1,
        Position(),
        document=document,
        fields={"text": "x", **fields},
        user_data=user_data or {},
    )


def test_spans_have_characters_and_scores_in_order():
    spans = list_spans(make_doc(), ["sc"])
    assert [(span["start"], span["end"], span["label"]) for span in spans] == [
        *((0, 9, "X"), (0, 3, "PER"), (13, 17, "GPE"))
    ]
    assert [span["score"] for span in spans] == [0.5, 0.75, 0.9]
    assert list(spans[0]) == ["start", "end", "label", "score"]


def test_spans_of_several_groups_are_named():
    doc = make_doc()
    doc.spans["b"] = [Span(doc, 0, 1, label="B")]
    assert [
        (span["key"], span["label"], span.get("score")) for span in list_spans(doc, ["sc", "b"])
    ] == [*(("sc", "X", 0.5), ("b", "B", None), ("sc", "PER", 0.75), ("sc", "GPE", 0.9))]
    assert list_spans(doc, ["missing"]) == []


def test_scores_of_a_changed_group_are_left_out():
    doc = make_doc()
    scores = doc.spans["sc"].attrs["scores"]
    doc.spans["sc"] = SpanGroup(doc, spans=list(doc.spans["sc"])[:1], attrs={"scores": scores})
    assert list_spans(doc, ["sc"]) == [{"start": 13, "end": 17, "label": "GPE"}]


@pytest.mark.parametrize(
    "row",
    [{"a": "北京 \u2028"}, {"a": "half \udc80", "b": "北"}, {"a": [1e300, None, {"b": True}]}],
)
def test_a_line_of_json_is_one_line_that_reads_back(row):
    line = write_json(row)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert json.loads(line.decode()) == row


def test_chinese_stays_readable():
    assert "北京".encode() in write_json({"a": "北京"})


def test_numbers_that_json_does_not_have_are_null(tmp_path):
    """Fields of a text may have them: Python reads NaN, Infinity and 1e999."""
    fields = json.loads('{"a": NaN, "b": [1e999, -Infinity], "c": {"d": 1e308}}')
    assert write_json(fields) == b'{"a": null, "b": [null, null], "c": {"d": 1e+308}}\n'
    writer = JsonLines(AppendedFile(tmp_path / "a.jsonl"), ["sc"])
    entry = make_entry(tmp_path, document=b"", **fields)
    writer.check(entry)
    writer.open(0)
    writer.add(make_doc(), entry)
    writer.save()
    writer.close()
    text = part_of(tmp_path / "a.jsonl").read_text()
    assert json.loads(text, parse_constant=pytest.fail)["b"] == [None, None]


def test_json_lines_keep_fields_and_replace_spans(tmp_path):
    writer = JsonLines(AppendedFile(tmp_path / "a.jsonl"), ["sc"])
    writer.open(0)
    writer.add(make_doc(), make_entry(tmp_path, id=7))
    assert writer.save() == part_of(tmp_path / "a.jsonl").stat().st_size
    writer.close()
    row = json.loads(part_of(tmp_path / "a.jsonl").read_text())
    assert list(row) == ["text", "id", "spans"]
    assert row["id"] == 7
    assert len(row["spans"]) == 3


def test_json_lines_refuse_metadata_that_is_no_json(tmp_path):
    writer = JsonLines(AppendedFile(tmp_path / "a.jsonl"), ["sc"])
    writer.check(make_entry(tmp_path, document=b"", id=7))
    with pytest.raises(TypeError):
        writer.check(make_entry(tmp_path, document=b"", id=b"bytes"))


def read_parts(folder):
    return {
        path.name: list(DocBin().from_disk(path).get_docs(NLP.vocab))
        for path in sorted(folder.iterdir())
    }


def test_parts_are_written_one_by_one(tmp_path):
    writer = SpacyParts(tmp_path / "a.spacy", size=2)
    writer.open(0)
    for number in (1, 2):
        doc = make_doc()
        doc.user_data["trf"] = object()  # what a component left
        writer.add(doc, make_entry(tmp_path, id=number))
        assert writer.is_full(number, 10) == (number == 2)
    assert writer.save() == 1
    assert writer.save() == 1  # nothing new
    writer.add(make_doc(), make_entry(tmp_path, user_data={"own": 5}, id=3))
    assert writer.save() == 2
    parts = read_parts(tmp_path / "a.spacy.part")
    assert {name: len(docs) for name, docs in parts.items()} == {
        "000001.spacy": 2,
        "000002.spacy": 1,
    }
    first, _ = parts["000001.spacy"]
    assert first.user_data == {"meta": {"id": 1}}
    assert parts["000002.spacy"][0].user_data == {"own": 5}
    assert list_spans(first, ["sc"]) == list_spans(make_doc(), ["sc"])


def test_long_documents_fill_a_part():
    writer = SpacyParts(spacy.util.ensure_path("a.spacy"), size=10)
    assert not writer.is_full(1, writers.PART_CHARACTERS - 1)
    assert writer.is_full(1, writers.PART_CHARACTERS)


def test_parts_that_do_not_count_are_removed(tmp_path):
    folder = tmp_path / "a.spacy.part"
    folder.mkdir()
    for name in ("000001.spacy", "000002.spacy", "000003.spacy", "000003.spacy.tmp"):
        (folder / name).write_text(name)
    SpacyParts(tmp_path / "a.spacy", size=2).open(2)
    assert sorted(path.name for path in folder.iterdir()) == ["000001.spacy", "000002.spacy"]
    with pytest.raises(ValueError, match=r"must have the 4 parts .* without 000003.spacy"):
        SpacyParts(tmp_path / "a.spacy", size=2).open(4)


@pytest.mark.parametrize("value", [2**70, "half \udc80", object()])
def test_parts_refuse_fields_that_they_cannot_hold(tmp_path, value):
    writer = SpacyParts(tmp_path / "a.spacy", size=2)
    writer.check(make_entry(tmp_path, id=[1, "a", None]))
    with pytest.raises((ValueError, TypeError, OverflowError)):
        writer.check(make_entry(tmp_path, id=value))


def test_names_of_parts():
    assert [
        is_no_part(name) for name in ("000001.spacy", "1000000.spacy", "train.spacy", "1.spacy")
    ] == [*(False, False, True, True)]
