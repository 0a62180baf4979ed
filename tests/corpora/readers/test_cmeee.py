import pytest

from spacy_globalpointer.corpora.readers.cmeee import CMEEE
from spacy_globalpointer.corpora.reading import Reading

TEXT = "患者发热三天，伴头痛。"


def entity(start, end, label, mention):
    return {"start_idx": start, "end_idx": end, "type": label, "entity": mention}


def read(rows):
    numbered = enumerate(rows, start=1)
    return list(CMEEE.read(((f"x.json entry {i}", row) for i, row in numbered), Reading()))


def test_the_mention_tells_inclusive_ends_from_exclusive_ones():
    entities = [
        entity(2, 3, "sym", "发热"),
        entity(8, 10, "sym", "头痛"),
        entity(8, 8, "bod", "头"),
    ]
    (record,) = read([{"text": TEXT, "entities": entities}])
    assert record.spans == ((2, 4, "sym"), (8, 10, "sym"), (8, 9, "bod"))
    assert record.source == "x.json entry 1"


def test_no_entities_is_not_annotated_and_an_empty_list_is():
    assert [record.spans for record in read([{"text": TEXT}, {"text": TEXT, "entities": []}])] == [
        None,
        (),
    ]
    assert read([]) == []


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ("text", "must be a JSON object, was: text"),
        ({"text": TEXT, "label": [[2, 4, "sym"]]}, '"label" looks like annotation'),
        ({"entities": []}, '"text" must be a string'),
        ({"text": TEXT, "entities": {"a": 1}}, '"entities" must be a list of objects'),
        ({"text": TEXT, "entities": [{"start_idx": 0}]}, '"entities" must be a list of objects'),
        ({"text": TEXT, "entities": None}, '"entities" must be a list of objects'),
        (
            {"text": f"😀{TEXT}", "entities": [entity(4, 5, "sym", "发热")]},
            "1 of 1 mentions .* UTF-16 code units, in which an emoji is two and ends are inclusive",
        ),
        (
            {"text": TEXT, "entities": [entity(2, 5, "sym", "发热")]},
            "must give the mention of the span, was: '发热'",
        ),
        ({"text": TEXT, "entities": [entity(2, 3, "sym", None)]}, "whole numbers from 0"),
        (
            {"text": TEXT, "entities": [entity(2, 1, "sym", "")]},
            r"whole numbers from 0\), .*was: \[{",
        ),
        (
            {"text": TEXT, "entities": [entity("2", 3, "sym", "发热")]},
            r"whole numbers from 0\), .*'start_idx': '2'",
        ),
        ({"text": TEXT, "entities": [entity(-4, -2, "sym", "头痛")]}, "whole numbers from 0"),
        (
            {"text": TEXT, "entities": [entity(2, 3, "", "发热")]},
            "label must be a non-empty string",
        ),
    ],
)
def test_a_malformed_entry_is_named(row, rule):
    with pytest.raises(ValueError, match=f"^x.json entry 2: .*{rule}"):
        read([{"text": TEXT}, row])
