import pytest
from record_files import edges, mentions, read_rows, write_rows

from spacy_globalpointer.corpora import read_records

DOCUMENT = {
    "doc_key": "a",
    "sentences": [["Ada", "met", "Bob", "."], ["He", "left", "London", "."]],
    "ner": [[[0, 0, "PER"], [2, 2, "PER"]], [[4, 4, "PER"], [6, 6, "GPE"]]],
    "relations": [[[0, 0, 2, 2, "knows"]], [[4, 4, 6, 6, "in"]]],
    "events": [[[[1, "meet"], [0, 0, "who"], [2, 2, "who"]]], [[[5, "leave"], [4, 4, "who"]]]],
}


@pytest.mark.parametrize("name", ["x.jsonl", "x.json"])
def test_a_document_is_one_record(tmp_path, name):
    (record,), format = read_rows(tmp_path, DOCUMENT, name=name)
    assert (format, record.text) == ("dygie", "Ada met Bob . He left London .")
    entities = [("Ada", "PER"), ("Bob", "PER"), ("He", "PER"), ("London", "GPE")]
    assert mentions(record) == [*entities, ("met", "meet"), ("left", "leave")]
    assert edges(record) == [("Ada", "Bob", "knows"), ("He", "London", "in")]
    assert record.events == (("meet", 4, (("who", 0), ("who", 1))), ("leave", 5, (("who", 2),)))
    assert (record.notes, record.fields) == ((), {"doc_key": "a"})


def test_what_is_not_there_is_not_annotated(tmp_path):
    sentences = DOCUMENT["sentences"]
    rows = [{"sentences": sentences, "ner": [[], []]}, {"sentences": sentences}]
    records, _ = read_rows(tmp_path, *rows)
    assert [(x.spans, x.relations, x.events) for x in records] == [((), None, None), (None,) * 3]
    (record,), _ = read_rows(tmp_path, {"sentences": sentences, "events": [[[[1, "meet"]]], []]})
    assert (mentions(record), record.events) == ([("met", "meet")], (("meet", 0, ()),))


def test_what_has_no_place_in_a_record_is_noted(tmp_path):
    more = {"clusters": [[[0, 0], [4, 4]]], "predicted_ner": [[[0, 0, "PER", 1.0, 0.9]], []]}
    row = {**DOCUMENT, **more, "event_clusters": [], "_sentence_start": [0, 4], "weight": 0.5}
    row["relations"] = [[[0, 1, 2, 2, "x"], [0, 0, 2, 3, "x"], [0, 0, 2, 2, "y"]], []]
    row["ner"] = [[[0, 0, "PER"], [0, 0, "QUEEN"], [2, 2, "PER"]], [[4, 4, "PER"]]]
    row["events"] = [[[[1, "meet"], [1, 2, "who"], [2, 2, "who"]]], []]
    (record,), _ = read_rows(tmp_path, row)
    several = "A relation of an entity with several labels is read as of the first"
    assert edges(record) == [("Ada", "Bob", "y")]
    assert record.events == (("meet", 4, (("who", 2),)),)
    assert sorted(record.notes) == sorted(
        [
            '"clusters" is not read',
            '"predicted_ner" is not read',
            *["A relation of tokens that are no entity is left out"] * 2,
            *[several] * 2,
            "An argument of tokens that are no entity is left out",
        ]
    )


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("sentences", None, '"sentences" must be a list with a list for each sentence'),
        ("sentences", ["Ada met Bob ."], '"sentences" must be a list with a list'),
        ("sentences", [["Ada", 7], ["x"]], "tokens must be a list of non-empty strings"),
        ("sentences", [["Ada", ""], ["x"]], "tokens must be a list of non-empty strings"),
        ("ner", [[0, 0, "PER"], []], '"ner" must hold .first, last, label., was: 0'),
        ("ner", [[[0, "0", "PER"]], []], 'a row in "ner" must hold a whole number, a whole n'),
        ("ner", [[[0, 8, "PER"]], []], "must lie inside the 8 tokens"),
        ("ner", [[[0, 0, ""]], []], "label must be a non-empty string"),
        ("ner", [[[0, 0, "PER"]]], '"ner" must be .* each of the 2 sentences, was: 1 lists'),
        ("events", [[], [], []], '"events" must be .* each of the 2 sentences, was: 3 lists'),
        ("relations", [[[0, 0, 2, "knows"]], []], 'a row in "relations" must hold'),
        ("relations", [[[0, 0, 2, 2, " "]], []], "label of a relation must be"),
        ("events", [[[]], []], 'a row in "events" must hold a whole number, a name, was: None'),
        ("events", [[[[1, "meet"], [0, "who"]]], []], 'a row in "events" must hold'),
        ("events", [[[[99, "meet"]]], []], "must lie inside the 8 tokens"),
        ("entities", [[0, 0, "PER"]], '"entities" looks like annotation'),
    ],
)
def test_a_malformed_document_is_named(tmp_path, key, value, rule):
    path = write_rows(tmp_path, DOCUMENT, {**DOCUMENT, key: value})
    with pytest.raises(ValueError, match=rf"x\.jsonl line 2: .*{rule}"):
        list(read_records(path, format="dygie"))
