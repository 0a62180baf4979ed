import pytest
from record_files import edges, mentions, read_rows, write_rows

from spacy_globalpointer.corpora import read_records

TEXT = "Ada met Bob in London."
TRIPLES = [[0, 3, "PER"], [8, 11, "PER"], [15, 21, "GPE"]]
ENTITIES = [
    {"id": 70 + i, "start_offset": start, "end_offset": end, "label": label}
    for i, (start, end, label) in enumerate(TRIPLES)
]
RELATIONS = [{"id": 5, "from_id": 72, "to_id": 70, "type": "place of"}]
FOUND = [("Ada", "PER"), ("Bob", "PER"), ("London", "GPE")]


@pytest.mark.parametrize("name", ["x.jsonl", "x.json"])
@pytest.mark.parametrize(
    "row",
    [
        {"text": TEXT, "label": TRIPLES},
        {"id": 1, "text": TEXT, "labels": TRIPLES, "Comments": []},
        {"id": 1, "data": TEXT, "label": TRIPLES},
        {"text": TEXT, "entities": TRIPLES, "cats": ["travel"]},
        {"text": TEXT, "entities": ENTITIES},
        {"text": TEXT, "annotations": [{**x, "user": 1} for x in ENTITIES], "meta": {"a": [1]}},
    ],
)
def test_each_shape_of_its_exports_is_read(tmp_path, row, name):
    (record,), format = read_rows(tmp_path, row, name=name)
    assert (format, record.text, mentions(record)) == ("doccano", TEXT, FOUND)
    assert (record.relations, record.notes) == (None, ())


def test_relations_are_between_entities_by_their_ids(tmp_path):
    row = {"id": 1, "text": TEXT, "entities": ENTITIES, "relations": RELATIONS, "Comments": []}
    none = {"id": 2, "text": "No one.", "entities": [], "relations": [], "Comments": []}
    (first, second), format = read_rows(tmp_path, row, none)
    assert (format, edges(first)) == ("doccano", [("London", "Ada", "place of")])
    assert (second.spans, second.relations) == ((), ())


def test_no_spans_and_not_annotated_are_two_things(tmp_path):
    rows = [{"text": TEXT, "label": TRIPLES}, {"text": "a", "label": []}, {"text": "b"}]
    records, _ = read_rows(tmp_path, *rows)
    assert [record.spans is None for record in records] == [False, False, True]


def test_comments_are_counted(tmp_path):
    (record,), _ = read_rows(tmp_path, {"text": TEXT, "label": TRIPLES, "Comments": ["a", "b"]})
    assert record.notes == ("A comment is not read",) * 2


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ({"label": TRIPLES}, '"text" must be a string, was: None'),
        ({"text": TEXT, "label": ["travel"]}, "Classes of whole texts are no spans"),
        ({"text": TEXT, "label": {"PER": []}}, '"label" must be a list of .start, end, label.'),
        ({"text": TEXT, "label": [[0, 3]]}, r"was: \[\[0, 3\]\]. Repair \[0, 3\]"),
        ({"text": TEXT, "entities": [{"start_offset": 0, "end_offset": 3}]}, "Repair {'start_off"),
        ({"text": TEXT, "label": [["0", "3", "PER"]]}, "start and end must be whole numbers"),
        ({"text": TEXT, "label": [[0, 99, "PER"]]}, "must lie inside the 22 characters"),
        ({"text": TEXT, "label": [[3, 3, "PER"]]}, "start must be smaller than end"),
        ({"text": TEXT, "label": [[0, 3, " "]]}, "label must be a non-empty string"),
        (
            {"text": TEXT, "annotations": [{**ENTITIES[0], "label": 7}]},
            "a label must be a name, was: 7, its number in Doccano",
        ),
        ({"text": TEXT, "label": TRIPLES, "labels": TRIPLES}, '"labels" looks like annotation'),
        (
            {"text": TEXT, "entities": ENTITIES, "relations": [{**RELATIONS[0], "to_id": 7}]},
            '"from_id" and "to_id" must be ids of entities of the same line, was: .*7',
        ),
        ({"text": TEXT, "entities": TRIPLES, "relations": RELATIONS}, '"from_id" and "to_id" must'),
        (
            {"text": TEXT, "entities": [{**x, "id": 5} for x in ENTITIES], "relations": RELATIONS},
            r'each entity must have an "id" of its own for "relations", was: .5, 5',
        ),
        ({"text": TEXT, "relations": RELATIONS}, '"from_id" and "to_id" must be ids'),
        (
            {"text": TEXT, "entities": ENTITIES, "relations": {}},
            '"relations" must be a list of obj',
        ),
        (
            {"text": TEXT, "entities": ENTITIES, "relations": [{**RELATIONS[0], "type": None}]},
            "label of a relation must be a non-empty string",
        ),
    ],
)
def test_a_malformed_line_is_named(tmp_path, row, rule):
    path = write_rows(tmp_path, {"text": "fine", "label": []}, row)
    with pytest.raises(ValueError, match=rf"x\.jsonl line 2: .*{rule}"):
        list(read_records(path, format="doccano"))
