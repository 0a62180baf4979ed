import pytest
from record_files import mentions, read_rows, write_rows

from spacy_globalpointer.corpora import read_records

TEXT = "Ada lives in London."
GOLD = [[0, 3, "PER"], [13, 19, "GPE"]]


@pytest.mark.parametrize("name", ["x.jsonl", "x.json"])
def test_pairs_are_read(tmp_path, name):
    rows = [
        [TEXT, {"entities": GOLD, "cats": {"travel": 1.0}}],
        [TEXT, {"spans": {"sc": GOLD}}],
        [TEXT, {"entities": []}],
        [TEXT, {}],
    ]
    records, format = read_rows(tmp_path, *rows, name=name)
    found = [("Ada", "PER"), ("London", "GPE")]
    assert (format, [*map(mentions, records)]) == ("spacy2", [found, found, [], None])
    assert [record.notes for record in records] == [()] * 4


def test_one_object_with_all_pairs_is_read(tmp_path):
    """As NER Annotator exports it; what was skipped there is null."""
    pairs = [[TEXT, {"entities": GOLD}], None, [TEXT, {"entities": []}]]
    records, format = read_rows(tmp_path, {"classes": ["PER", "GPE"], "annotations": pairs})
    assert format == "spacy2"
    assert [*map(mentions, records)] == [[("Ada", "PER"), ("London", "GPE")], []]
    path = write_rows(tmp_path, {"classes": [], "annotations": [pairs[0], [TEXT]]})
    with pytest.raises(ValueError, match=r"x\.jsonl line 1 annotation 2: a record must be \[text"):
        list(read_records(path, format="spacy2"))


def test_what_is_not_read_is_noted(tmp_path):
    gold = {"entities": [[0, 3, "PER", "Q7"]], "links": {"[0, 3]": {"Q7": 1.0}}, "tags": ["NNP"]}
    both = {"entities": GOLD, "spans": {"sc": GOLD[:1]}}
    (first, second), _ = read_rows(tmp_path, [TEXT, gold], [TEXT, both])
    assert sorted(first.notes) == [
        '"links" is not read',
        '"tags" is not read',
        "The id of a span is not read",
    ]
    assert (mentions(second), second.notes) == (
        [("Ada", "PER")],
        ('"entities" beside "spans" is not read',),
    )


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ([TEXT], r"a record must be \[text, "),
        ([TEXT, GOLD], r"a record must be \[text, "),
        ([7, {"entities": GOLD}], r"a record must be \[text, "),
        ({"text": TEXT}, r"a record must be \[text, "),
        ([TEXT, {"entities": "none"}], "entities must be a list"),
        ([TEXT, {"entities": ["B-PER", "O"]}], "was: 'B-PER'. Tags of tokens are read as the form"),
        ([TEXT, {"entities": [["0", "3", "PER"]]}], r"an entity must be \[start, end, label\]"),
        ([TEXT, {"entities": [[0, 99, "PER"]]}], "must lie inside the 20 characters"),
        ([TEXT, {"entities": [[3, 0, "PER"]]}], "start must be smaller than end"),
        ([TEXT, {"entities": [[0, 3, None]]}], "label must be a non-empty string"),
        ([TEXT, {"spans": {"a": GOLD, "b": GOLD}}], '"spans" must be one group of spans'),
        ([TEXT, {"gold": GOLD}], '"gold" looks like annotation'),
    ],
)
def test_a_malformed_pair_is_named(tmp_path, row, rule):
    path = write_rows(tmp_path, [TEXT, {}], row)
    with pytest.raises(ValueError, match=rf"x\.jsonl line 2: .*{rule}"):
        list(read_records(path, format="spacy2"))
