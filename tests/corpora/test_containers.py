import gzip
import json

import pytest

from spacy_globalpointer.corpora import containers
from spacy_globalpointer.corpora.containers import (
    holds_rows,
    read_array,
    read_objects,
    read_rows,
    sample_rows,
)

ROWS = [{"text": 'Ada, [a] {b} "c" \\', "n": [1, {"a": []}]}, {}, ["a", {"entities": []}], []]


def parse(text, chunk=None, monkeypatch=None):
    if chunk:
        monkeypatch.setattr(containers, "CHUNK", chunk)
    return list(read_array(text.splitlines(True), "x.json"))


@pytest.mark.parametrize("chunk", [1, 10, 1000])
@pytest.mark.parametrize("indent", [None, 0, 2])
@pytest.mark.parametrize("rows", [[], ROWS[:1], ROWS, ROWS * 20])
def test_an_array_is_read_piece_by_piece(rows, indent, chunk, monkeypatch):
    found = parse("\n " + json.dumps(rows, indent=indent) + " \n\n", chunk, monkeypatch)
    assert found == [(f"x.json entry {i}", row) for i, row in enumerate(rows, start=1)]


def test_of_a_long_array_little_is_in_memory(monkeypatch):
    monkeypatch.setattr(containers, "CHUNK", 100)
    taken = []

    def lines():
        yield "[\n"
        for i in range(1000):
            taken.append(i)
            yield json.dumps({"text": "a" * 20}) + ("," if i < 999 else "") + "\n"
        yield "]\n"

    for number, _ in enumerate(read_array(lines(), "x.json")):
        assert len(taken) <= number + 10
    assert number == 999


@pytest.mark.parametrize("chunk", [1, 1000])
@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ('[\n{"text": \n]', 3, "Expecting value"),
        ('[{"text": "a"}\n', 2, r"Expecting ,"),
        ('[{"text": "a"},\n', 2, "Expecting value"),
        ('[{"text": "a"}\n{"text": "b"}]', 2, "Expecting ,"),
        ('[{"text": "a"}]\n\n{"text": "b"}\n', 3, "something follows it"),
        ('[{"text": "a"}]]', 1, "something follows it"),
        ('[{},\n\n{"text": "a", "text": "b"}]', 3, "a key must be given once .*, was: text twice"),
        ('[{"text": "a"},]', 1, "Expecting value"),
        ('[\n[],\n\n\n{"text": "a', 5, "Unterminated string"),
        ('{"text": "a"}\n{"text": "b"}\n', 1, r"Expecting \["),
        ("[" * 100_000, 1, "recursion|Expecting value"),
    ],
)
def test_a_malformed_array_is_named_by_its_line(text, line, what, chunk, monkeypatch):
    rule = rf"^x\.json line {line}: the file must be one valid JSON array \(.*({what}).*cut off"
    with pytest.raises(ValueError, match=rule):
        parse(text, chunk, monkeypatch)


@pytest.mark.parametrize("value", ["1", '"text"', "null", "true"])
def test_an_entry_is_a_list_or_an_object(value):
    with pytest.raises(ValueError, match=r"^x\.json entry 2: a record must be a JSON object"):
        parse(f"[{{}}, {value}]")


def test_long_objects_over_many_lines_take_linear_time():
    row = {
        "annotations": [{"result": [{"value": {"start": i, "end": i + 1}}]} for i in range(3000)]
    }
    lines = (json.dumps(row, indent=2) + "\n" + json.dumps(row, indent=2)).splitlines(True)
    calls = []
    loads = json.loads

    def count(text):
        calls.append(len(text))
        return loads(text)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(containers.json, "loads", count)
        assert [found for _, found in read_objects(lines, "x")] == [row, row]
    assert sum(calls) < 8 * sum(map(len, lines))


@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.gz", "x.json"])
def test_rows_are_the_same_in_each_container(tmp_path, name):
    path = tmp_path / name
    rows = [{"text": "a"}, {"text": "b", "n": 1}]
    text = json.dumps(rows) if name == "x.json" else "\n".join(map(json.dumps, rows))
    data = text.encode("utf-8-sig")
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    assert [row for _, row in read_rows(path)] == rows
    text = text.removeprefix("\ufeff")
    assert (sample_rows(path, text), holds_rows(path, text)) == (rows, True)


def test_a_sample_ends_where_the_head_is_cut_off(tmp_path):
    path = tmp_path / "x.json"
    path.touch()
    assert sample_rows(path, '[{"a": 1}, {"a": 2}, {"a"') == [{"a": 1}, {"a": 2}]
    assert sample_rows(path, '{"a": 1}\n\n{"a": \n2}\n{"a') == [{"a": 1}, {"a": 2}]
    assert sample_rows(path, "Ada lives") == []
    assert len(sample_rows(path, "{}\n" * 5000)) == containers.SAMPLE


def test_a_key_that_is_given_twice_is_refused():
    """Of two values, json keeps the last without a word."""
    lines = ['{"text": "a", "meta": {"n": 1, "n": 2}}\n']
    with pytest.raises(ValueError, match=r"x line 1: .*a key must be given once .*, was: n twice"):
        list(read_objects(lines, "x"))
