"""What holds for each JSON format, in lines and arrays."""

import gzip
import json
from itertools import permutations

import pytest
from json_samples import FOUND, ROWS, TEXT, lengthen
from record_files import mentions, write_rows

from spacy_globalpointer.corpora import detect_format, read_records

each_format = pytest.mark.parametrize("format", ROWS)
each_container = pytest.mark.parametrize("name", ["x.jsonl", "x.json"])


@each_container
@each_format
def test_it_is_found_and_read(tmp_path, format, name):
    path = write_rows(tmp_path, ROWS[format], ROWS[format], name=name)
    assert detect_format(path) == format
    records = list(read_records(path))
    assert [(record.text, mentions(record)) for record in records] == [(TEXT, FOUND)] * 2
    place = "entry" if name == "x.json" else "line"
    assert [record.source for record in records] == [f"{path} {place} {i}" for i in (1, 2)]
    assert list(read_records(path, format=format)) == records


@each_format
def test_it_is_found_behind_rows_that_show_nothing(tmp_path, format):
    bare = {"text": "a"} if "text" in ROWS[format] else ROWS[format]
    path = write_rows(tmp_path, *[bare] * 20, ROWS[format])
    assert detect_format(path) == format


@each_format
def test_a_row_over_several_lines(tmp_path, format):
    path = tmp_path / "x.jsonl.gz"
    text = json.dumps(ROWS[format], indent=2 if isinstance(ROWS[format], dict) else None)
    path.write_bytes(gzip.compress(f"{text}\n{text}".encode()))
    assert detect_format(path) == format
    assert [mentions(record) for record in read_records(path)] == [FOUND] * 2


@each_container
@each_format
def test_a_file_that_is_cut_off_is_named(tmp_path, format, name):
    path = write_rows(tmp_path, *[ROWS[format]] * 3, name=name)
    data = path.read_bytes()
    path.write_bytes(data[:-5])
    rule = r"x\.json line 1: .* cut off" if name == "x.json" else r"x\.jsonl line 3: .*valid JSON"
    with pytest.raises(ValueError, match=rule):
        list(read_records(path))


@each_container
@each_format
def test_another_encoding_is_named(tmp_path, format, name):
    path = write_rows(tmp_path, *[ROWS[format]] * 3, name=name)
    text = path.read_text("utf-8").replace("Ada", "Éda")
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=r"must be in UTF-8, was: byte 0xc9"):
        detect_format(path)
    path.write_bytes(text.encode("utf-16"))
    with pytest.raises(
        ValueError, match=r"must be in UTF-8, was: byte 0xff in line 1. It looks like UTF-16"
    ):
        detect_format(path)


@each_container
@each_format
def test_rows_of_another_kind_are_named(tmp_path, format, name):
    for wrong in (7, "Ada", None):
        path = write_rows(tmp_path, ROWS[format], wrong, name=name)
        with pytest.raises(ValueError, match=r"x\.jsonl? (line|entry) 2: a record must be"):
            list(read_records(path, format=format))


@each_format
def test_a_long_line_is_read(tmp_path, format):
    n = 200_000
    path = write_rows(tmp_path, lengthen(ROWS[format], n))
    assert path.stat().st_size > 5 * n
    assert detect_format(path) == format
    (record,) = read_records(path)
    assert (mentions(record), len(record.text)) == (FOUND, len(TEXT) + 5 * n)


@pytest.mark.parametrize(("format", "other"), [*permutations(ROWS, 2)])
def test_two_formats_in_one_file_are_named(tmp_path, format, other):
    path = write_rows(tmp_path, ROWS[format], ROWS[other])
    with pytest.raises(ValueError, match=r"must have one format, was: .* with --format") as error:
        detect_format(path)
    assert ", ".join(sorted((format, other))) in str(error.value)
    with pytest.raises(ValueError, match=r"x\.jsonl line 2: "):
        list(read_records(path, format=format))


def test_a_row_without_entities_has_the_format_of_the_others(tmp_path):
    row = {"text": TEXT, "entities": []}
    path = write_rows(tmp_path, row)
    assert detect_format(path) == "doccano"
    for format in ("doccano", "cmeee"):
        assert [mentions(record) for record in read_records(path, format=format)] == [[]]
    path = write_rows(tmp_path, row, ROWS["doccano"])
    assert detect_format(path) == "doccano"
    path = write_rows(tmp_path, row, ROWS["cmeee"])
    assert detect_format(path) == "cmeee"
