import json

import pytest
from record_files import mentions, read_rows, write_rows

from spacy_globalpointer.corpora import (
    Reading,
    containers,
    detect_format,
    read_records,
)
from spacy_globalpointer.corpora.readers import hugging_face

WORDS = ["Ada", "Lovelace", "lived", "in", "London", "."]
TAGS = ["B-PER", "I-PER", "O", "O", "B-GPE", "O"]
NAMES = ["O", "B-PER", "I-PER", "B-GPE", "I-GPE"]
NUMBERS = [NAMES.index(tag) for tag in TAGS]
FOUND = [("Ada Lovelace", "PER"), ("London", "GPE")]


@pytest.mark.parametrize("name", ["x.jsonl", "x.json"])
@pytest.mark.parametrize(
    "keys", [("tokens", "ner_tags"), ("words", "ner"), ("tokens", "tags"), ("tokens", "label_tags")]
)
def test_tags_by_name(tmp_path, keys, name):
    row = {"id": "0", keys[0]: WORDS, keys[1]: TAGS}
    (record,), format = read_rows(tmp_path, row, name=name)
    assert (format, mentions(record)) == ("hugging-face", FOUND)
    assert (record.words, record.fields, record.notes) == (tuple(WORDS), {"id": "0"}, ())


def test_tags_by_number_need_names(tmp_path):
    row = {"tokens": WORDS, "ner_tags": NUMBERS}
    (record,), _ = read_rows(tmp_path, row, tag_names=tuple(NAMES))
    assert mentions(record) == FOUND
    with pytest.raises(ValueError, match=r"line 1: the numbers in .* --tag-names O,B-PER,I-PER"):
        read_rows(tmp_path, row)
    for wrong in (5, -100, "O"):
        row = {"tokens": ["Ada", "lives"], "ner_tags": [0, wrong]}
        with pytest.raises(ValueError, match=f"must be one of 0 to 4, .* was: {wrong}"):
            read_rows(tmp_path, row, tag_names=tuple(NAMES))


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        (["I-PER", "I-PER", "O", "O", "I-GPE", "O"], FOUND),
        (["B-PER", "E-PER", "O", "O", "S-GPE", "O"], FOUND),
        (["PER", "PER", "O", "O", "GPE", "O"], FOUND),
        (["O"] * 6, []),
    ],
)
def test_schemes_of_tags(tmp_path, tags, found):
    (record,), _ = read_rows(tmp_path, {"tokens": WORDS, "ner_tags": tags})
    assert mentions(record) == found
    is_plain = "PER" in tags
    assert len(record.notes) == is_plain
    assert not is_plain or record.notes[0].startswith('"ner_tags" has no B-: neighbours')


@pytest.mark.parametrize("form", ["{}_{}", "{1}-{0}", "{0}", "{0}-"])
def test_tags_with_their_letters_in_another_form_are_refused(tmp_path, form):
    """Each would be a label of its own, and a span would fall into two."""
    tags = [tag if tag == "O" else form.format(*tag.split("-")) for tag in TAGS]
    with pytest.raises(ValueError, match=rf"line 1: tags .* with {tags[0]}, {tags[1]}\. Write"):
        read_rows(tmp_path, {"tokens": WORDS, "ner_tags": tags})
    lower = [tag if tag == "O" else tag.lower() for tag in TAGS]
    with pytest.raises(ValueError, match=r"with b-per, i-per. Write them as B-PER and I-PER"):
        read_rows(tmp_path, {"tokens": WORDS, "ner_tags": lower})
    names = ["hepatitis_B", "hepatitis_C", "O", "O", "type-I", "O"]
    (record,), _ = read_rows(tmp_path, {"tokens": WORDS, "ner_tags": names})
    assert len(record.spans) == 3


def test_a_text_that_has_the_tokens_is_kept(tmp_path):
    row = {"text": "Ada Lovelace lived in  London.", "tokens": WORDS, "ner_tags": TAGS}
    (first, second), _ = read_rows(tmp_path, row, {**row, "text": "Ada lived in London."})
    assert (first.text, mentions(first), first.notes) == (row["text"], FOUND, ())
    assert (first.words, first.unknown_spaces) == (tuple(WORDS), False)
    assert (second.text, mentions(second)) == (" ".join(WORDS), FOUND)
    assert second.notes == ('"text" is not read: it does not have the tokens',)


def test_parts_of_speech_are_no_entities(tmp_path):
    with pytest.raises(ValueError, match=r'line 1: .* must have O .*"tags" with NOUN, VERB'):
        read_rows(tmp_path, {"tokens": ["Ada", "lives"], "tags": ["NOUN", "VERB"]})


def test_the_scheme_is_that_of_the_file(tmp_path):
    first = {"tokens": ["Ada", "lives"], "ner_tags": ["S-PER", "O"]}
    (_, record), _ = read_rows(tmp_path, first, {"tokens": ["a", "b"], "ner_tags": ["B-X", "E-X"]})
    assert mentions(record) == [("a b", "X")]
    with pytest.raises(ValueError, match=r"line 2 token 0: a span must end with E- or S-"):
        read_rows(tmp_path, first, {"tokens": ["a", "b"], "ner_tags": ["B-X", "O"]})


def test_beyond_the_sample_records_are_read_on(tmp_path, monkeypatch):
    monkeypatch.setattr(hugging_face, "SAMPLE", 2)
    records, _ = read_rows(tmp_path, *[{"tokens": WORDS, "ner_tags": TAGS}] * 5, {"tokens": ["a"]})
    assert [*map(mentions, records)] == [FOUND] * 5 + [None]


def test_each_layer_of_tags_is_read_and_others_are_noted(tmp_path):
    inner = ["B-NAME", "O", "O", "O", "O", "O"]
    row = {"tokens": WORDS, "ner_tags": TAGS, "nested_ner_tags": inner, "langs": ["en"] * 6}
    row |= {"pos_tags": ["NNP"] * 6, "chunk_tags": ["B-NP", "I-NP", "O", "O", "B-NP", "O"]}
    row |= {"ner_tags_index": NUMBERS, "spans": ["PER: Ada Lovelace"]}
    (record,), format = read_rows(tmp_path, row)
    assert format == "hugging-face"
    assert mentions(record) == [("Ada", "NAME"), *FOUND]
    notes = [
        '"chunk_tags" is not read',
        '"langs" is not read',
        '"ner_tags_index" is not read',
        '"spans" is not read',
    ]
    assert sorted(record.notes) == notes


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ({"ner_tags": TAGS}, "tokens must be a list of non-empty strings, was: None"),
        ({"tokens": [*WORDS[:5], ""], "ner_tags": TAGS}, "tokens must be a list of non-empty"),
        (
            {"tokens": WORDS, "ner_tags": TAGS[:5]},
            "must have a tag for each of the 6 tokens, was: 5",
        ),
        ({"tokens": WORDS, "ner_tags": [*TAGS[:5], None]}, "must be a list of names or of numbers"),
        ({"tokens": WORDS, "ner_tags": ["O", "I-PER", *TAGS[2:]]}, "token 1: I-PER must continue"),
        ({"tokens": WORDS, "ner_tags": [*TAGS[:5], "PER"]}, "token 5: a tag must be O or one of"),
        ({"tokens": WORDS, "ner_tags": [*TAGS[:5], ""]}, "token 5: a tag must be O or one of"),
        ({"tokens": WORDS, "ner_tags": TAGS, "gold": [[0, 1, "PER"]]}, '"gold" looks like annota'),
    ],
)
def test_a_malformed_row_is_named(tmp_path, row, rule):
    path = write_rows(tmp_path, {"tokens": WORDS, "ner_tags": TAGS}, row)
    with pytest.raises(ValueError, match=rf"x\.jsonl line 2.*{rule}"):
        list(read_records(path, format="hugging-face"))


FEATURES = {
    "tokens": {"feature": {"dtype": "string", "_type": "Value"}, "_type": "Sequence"},
    "ner_tags": {"feature": {"names": NAMES, "_type": "ClassLabel"}, "_type": "Sequence"},
    "spans": [{"label": {"names": ["PER", "GPE"], "_type": "ClassLabel"}}],
}


def write_parquet(path, rows, features=None):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    table = pyarrow.Table.from_pylist(rows)
    if features:
        metadata = {"huggingface": json.dumps({"info": {"features": features}})}
        table = table.replace_schema_metadata(metadata)
    parquet.write_table(table, path)
    return path


def test_parquet_names_its_tags(tmp_path):
    rows = [{"id": str(i), "tokens": WORDS, "ner_tags": NUMBERS} for i in range(3)]
    path = write_parquet(tmp_path / "x.parquet", rows, FEATURES)
    records = list(read_records(path))
    assert (detect_format(path), [*map(mentions, records)]) == ("hugging-face", [FOUND] * 3)
    assert records[2].source == f"{path} row 3"
    path = write_parquet(tmp_path / "y", rows)
    assert [*map(mentions, read_records(path, reading=Reading(tag_names=tuple(NAMES))))] == [
        FOUND
    ] * 3
    with pytest.raises(ValueError, match="--tag-names"):
        list(read_records(path))


def test_parquet_holds_rows_of_any_format(tmp_path):
    rows = [
        {"text": "Ada lives", "spans": [{"start": 0, "end": 3, "label": 0, "score": None}]},
        {"text": "a", "spans": None},
    ]
    path = write_parquet(tmp_path / "x.parquet", rows, FEATURES)
    assert detect_format(path) == "jsonl"
    assert [*map(mentions, read_records(path))] == [[("Ada", "PER")], None]
    rows = [{"text": "Ada lives", "entities": [{"start_offset": 0, "end_offset": 3, "label": "P"}]}]
    path = write_parquet(tmp_path / "x.parquet", rows)
    assert detect_format(path) == "doccano"


def test_damaged_parquet_is_named(tmp_path):
    path = write_parquet(tmp_path / "x.parquet", [{"tokens": WORDS, "ner_tags": [9] * 6}], FEATURES)
    with pytest.raises(
        ValueError, match=r"row 1: the number of a class must be one of 0 to 4, was: 9"
    ):
        list(read_records(path))
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match=r"x\.parquet: the file must be complete parquet, was: "):
        list(read_records(path))


def test_without_pyarrow_the_repair_is_named(tmp_path, monkeypatch):
    path = tmp_path / "x.parquet"
    path.write_bytes(containers.PARQUET)
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r'To fix: pip install "spacy-globalpointer\[formats\]"'):
        list(read_records(path))
