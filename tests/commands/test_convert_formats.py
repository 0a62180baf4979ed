"""`convert` with files of other tools: each format by itself, and folders of several."""

import json
import re

import pytest
import spacy
from json_samples import FOUND, ROWS, TEXT
from spacy.cli._util import app as spacy_app
from spacy.tokens import DocBin
from typer.testing import CliRunner

from spacy_globalpointer import get_relations
from spacy_globalpointer.commands.convert import convert
from spacy_globalpointer.corpora import read_records


def run(*arguments):
    result = CliRunner().invoke(spacy_app, ["global-pointer", "convert", *map(str, arguments)])
    return result.exit_code, " ".join(re.sub(r"\x1b\[[\d;]*m", "", result.output).split())


def read(path):
    docs = DocBin().from_disk(path).get_docs(spacy.blank("en").vocab)
    return [[(span.text, span.label_) for span in doc.spans["sc"]] for doc in docs]


def write(folder, format, name="x.json"):
    path = folder / name
    path.write_text(json.dumps([ROWS[format]] * 2, ensure_ascii=False), encoding="utf-8")
    return path


@pytest.mark.parametrize("format", ROWS)
def test_each_format_becomes_documents_that_are_read_again(tmp_path, format):
    path = write(tmp_path, format)
    code, output = run(path, tmp_path / "x.spacy")
    assert code == 0
    assert f"✔ Read 1 file as {format} ✔ Wrote" in output
    assert "✔ Converted 2 documents with 4 spans" in output
    assert read(tmp_path / "x.spacy") == [FOUND] * 2
    assert run(tmp_path / "x.spacy", tmp_path / "y.spacy")[0] == 0
    both = (list(read_records(tmp_path / name)) for name in ("x.spacy", "y.spacy"))
    for first, second in zip(*both, strict=True):
        assert (first.text, first.words, first.spans) == (TEXT, tuple(TEXT.split()), second.spans)
        assert (first.relations, first.notes) == (second.relations, second.notes)


def test_a_folder_of_several_formats(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    for format in ROWS:
        write(folder, format, f"{format}.json")
    (folder / "a.bio").write_text("Ada B-PER\nmet O\nBob B-PER\n. O\n", encoding="utf-8")
    write(folder, "doccano", "more.json")
    report = convert([folder], tmp_path / "out")
    assert report.formats == {**dict.fromkeys(ROWS, 1), "doccano": 2, "bio": 1}
    for path in report.written:
        assert {*map(tuple, read(path))} == {tuple(FOUND)}
    code, output = run(folder, tmp_path / "x.spacy")
    assert (code, "✔ Read 2 files as doccano, 1 as " in output) == (0, True)


def test_of_a_folder_spacy_files_are_taken_if_there_is_nothing_else(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    path = write(folder, "gliner")
    convert([folder], folder)
    assert convert([folder], tmp_path / "x.spacy").formats == {"gliner": 1}
    path.unlink()
    assert convert([folder], tmp_path / "x.spacy").formats == {"spacy": 1}
    with pytest.raises(ValueError, match=r"an output must not be an input, was: .*x\.spacy"):
        convert([folder], folder)


@pytest.mark.parametrize("format", ["auto", "jsonl", "label-studio", "bio"])
@pytest.mark.parametrize("content", ["", "\n\n", "[]"])
def test_an_empty_file_is_an_error(tmp_path, format, content):
    path = tmp_path / "x.json"
    path.write_text(content, encoding="utf-8")
    code, output = run(path, tmp_path / "x.spacy", "--format", format)
    assert code == 1
    assert "x.json: " in output.replace("x.json line 1: ", "x.json: ")
    assert list(tmp_path.iterdir()) == [path]


def test_names_of_tags_are_given(tmp_path):
    path = tmp_path / "x.jsonl"
    row = {"tokens": TEXT.split(), "ner_tags": [1, 0, 1, 0]}
    path.write_text(json.dumps(row), encoding="utf-8")
    code, output = run(path, tmp_path / "x.spacy")
    assert (code, "--tag-names O,B-PER,I-PER" in output) == (1, True)
    assert run(path, tmp_path / "x.spacy", "--tag-names", "O, B-PER,I-PER")[0] == 0
    assert read(tmp_path / "x.spacy") == [FOUND]


def test_what_is_not_read_is_printed_by_cause(tmp_path):
    path = tmp_path / "x.jsonl"
    rows = [{**ROWS["doccano"], "Comments": ["a"] * n} for n in (0, 2, 1)]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    code, output = run(path, tmp_path / "x.spacy")
    assert code == 0
    assert re.search(r"⚠ A comment is not read \(3 times, first in .*x.jsonl line 2\)", output)


def test_a_group_of_spacy_files_is_read_with_its_relations(tmp_path):
    path = write(tmp_path, "jsonl")
    options = ["--spans-key", "gold", "--relations-key", "edges"]
    assert run(path, tmp_path / "x.spacy", *options)[0] == 0
    code, output = run(tmp_path / "x.spacy", tmp_path / "y.spacy")
    assert (code, "must have its spans in the group 'sc', was: gold" in output) == (1, True)
    assert run(tmp_path / "x.spacy", tmp_path / "y.spacy", *options)[0] == 0
    doc, _ = DocBin().from_disk(tmp_path / "y.spacy").get_docs(spacy.blank("en").vocab)
    ((head, child, label, _),) = get_relations(doc, "edges")
    assert (head.text, child.text, label) == ("Ada", "Bob", "met")
