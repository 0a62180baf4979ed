import json

import pytest

from spacy_globalpointer.corpora import Record
from spacy_globalpointer.corpora.jsonl import read_jsonl


def read(*rows, **options):
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    return list(read_jsonl([line + "\n" for line in lines], "x.jsonl", **options))


def span(start, end, label):
    return {"start": start, "end": end, "label": label}


@pytest.mark.parametrize(
    ("row", "text", "spans", "words"),
    [
        ({"text": "Ada"}, "Ada", None, None),
        ({"text": "Ada", "spans": []}, "Ada", (), None),
        ({"text": "", "spans": []}, "", (), None),
        ({"text": "Ada", "spans": [span(0, 3, "P")], "id": 7}, "Ada", ((0, 3, "P"),), None),
        (
            {"text": "Ada's", "tokens": ["Ada", "'s"], "spans": [span(3, 5, "P")]},
            "Ada's",
            ((3, 5, "P"),),
            ("Ada", "'s"),
        ),
        (
            {"tokens": ["Ada", "'s"], "spans": [span(1, 2, "P")]},
            "Ada 's",
            ((4, 6, "P"),),
            ("Ada", "'s"),
        ),
        ({"tokens": ["Ada"], "text": None}, "Ada", None, ("Ada",)),
        ({"tokens": []}, "", None, ()),
    ],
)
def test_a_line_becomes_a_record(row, text, spans, words):
    (record,) = read(row)
    assert (record.text, record.spans, record.words) == (text, spans, words)
    assert record.unknown_spaces == ("text" not in row or row["text"] is None)
    assert record.source == "x.jsonl line 1"


def test_tokens_without_text_are_joined_as_the_language_wants():
    (record,) = read({"tokens": ["北京", "大学"], "spans": [span(1, 2, "X")]}, joiner="")
    assert (record.text, record.spans) == ("北京大学", ((2, 4, "X"),))


def test_keys_beside_start_end_and_label_are_ignored():
    (record,) = read({"text": "Ada", "spans": [{**span(0, 3, "P"), "trigger": True}]})
    assert record == Record("Ada", ((0, 3, "P"),), source="x.jsonl line 1")


def test_blank_lines_count_but_give_no_record():
    assert [record.source for record in read({"text": "a"}, "", {"text": "b"})] == [
        "x.jsonl line 1",
        "x.jsonl line 3",
    ]


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ('{"text": "a"', 'must be valid JSON, was: {"text": "a" .*character 1'),
        ("[1]", r"must be a JSON object, was: \[1\]"),
        ({"spans": []}, r'must have "text" \(a string\) or "tokens", was: {\'spans\': \[\]}'),
        ({"text": 3}, 'must have "text"'),
        ({"text": 3, "tokens": ["a"]}, 'must have "text"'),
        ({"text": "a", "tokens": "a"}, "tokens must be a list of non-empty strings, was: 'a'"),
        ({"tokens": ["a", ""]}, "tokens must be a list of non-empty strings"),
        ({"text": "a", "spans": None}, '"spans" must be a list, was: None. Leave it out'),
        ({"text": "a", "spans": [[0, 1, "X"]]}, r'object with "start", .*was: \[0, 1'),
        (
            {"text": "a", "spans": [{"start": 0, "end": 1}]},
            'object with "start", "end" and "label"',
        ),
        ({"text": "a", "spans": [span(0, 2, "X")]}, "inside the 1 characters"),
        ({"text": "a", "spans": [span(1, 1, "X")]}, "start must be smaller than end"),
        (
            {"text": "a", "spans": [span(0, 1, None)]},
            "label must be a non-empty string, was: 0 to 1",
        ),
        ({"tokens": ["abc"], "spans": [span(0, 3, "X")]}, "inside the 1 tokens"),
    ],
)
def test_a_malformed_line_is_named(row, rule):
    with pytest.raises(ValueError, match=f"^x.jsonl line 2: .*{rule}"):
        read({"text": "fine"}, row)


def test_messages_show_no_more_than_the_start_of_a_line():
    with pytest.raises(ValueError, match="valid JSON") as error:
        read('{"text": "' + "a" * 5000)
    assert len(str(error.value)) < 250


@pytest.mark.parametrize("value", ["[" * 100_000, "1" * 5_000], ids=["deep", "long number"])
def test_json_that_python_refuses_is_named_too(value):
    with pytest.raises(ValueError, match=r"^x\.jsonl line 1: every line must be valid JSON"):
        list(read_jsonl([value], "x.jsonl"))
