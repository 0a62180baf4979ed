import pytest
from record_files import mentions, read_rows, write_rows

from spacy_globalpointer.corpora import read_records

WORDS = ["Ada", "Lovelace", "lived", "in", "London", "."]


@pytest.mark.parametrize("name", ["x.jsonl", "x.json"])
def test_the_last_token_is_part_of_a_span(tmp_path, name):
    row = {"tokenized_text": WORDS, "ner": [[0, 1, "person"], [4, 4, "city"], [0, 0, "name"]]}
    rows = [row, {"tokenized_text": WORDS, "ner": []}, {"tokenized_text": WORDS}]
    records, format = read_rows(tmp_path, *rows, name=name)
    found = [("Ada Lovelace", "person"), ("London", "city"), ("Ada", "name")]
    assert (format, [*map(mentions, records)]) == ("gliner", [found, [], None])
    assert records[0].words == tuple(WORDS)
    (record,), _ = read_rows(tmp_path, {"tokenized_text": ["北京", "市"]}, joiner="")
    assert record.text == "北京市"


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ({"ner": [[0, 0, "a"]]}, "tokens must be a list of non-empty strings, was: None"),
        ({"tokenized_text": "Ada", "ner": []}, "tokens must be a list"),
        ({"tokenized_text": WORDS, "ner": None}, '"ner" must be a list of .first token, last'),
        ({"tokenized_text": WORDS, "ner": [[0, 1]]}, '"ner" must be a list of'),
        ({"tokenized_text": WORDS, "ner": [["0", "1", "a"]]}, "with whole numbers, was: .*'0'"),
        (
            {"tokenized_text": WORDS, "ner": [[4, 6, "a"]]},
            "must lie inside the 6 tokens.*was: 4 to 6, .*end inclusive",
        ),
        (
            {"tokenized_text": WORDS, "ner": [[2, 1, "a"]]},
            "the first must not come after the last, was: 2 to 1",
        ),
        ({"tokenized_text": WORDS, "ner": [[2, 2, 7]]}, "label must be a non-empty string"),
        ({"tokenized_text": WORDS, "entities": [[0, 1, "a"]]}, '"entities" looks like annotation'),
    ],
)
def test_a_malformed_example_is_named(tmp_path, row, rule):
    path = write_rows(tmp_path, {"tokenized_text": WORDS}, row)
    with pytest.raises(ValueError, match=rf"x\.jsonl line 2: .*{rule}"):
        list(read_records(path, format="gliner"))
