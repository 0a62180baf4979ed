"""`convert` with brat, WebAnno, PubTator, BioC and columns: each, and a folder of all."""

import re

import pytest
import spacy
from file_samples import CONLL2003, FILES, FOUND, NAMES, WEBANNO, write_sample
from spacy.cli._util import app as spacy_app
from spacy.tokens import DocBin
from typer.testing import CliRunner

from spacy_globalpointer import get_relations
from spacy_globalpointer.commands.convert import convert


def run(*arguments):
    result = CliRunner().invoke(spacy_app, ["global-pointer", "convert", *map(str, arguments)])
    return result.exit_code, " ".join(re.sub(r"\x1b\[[\d;]*m", "", result.output).split())


def read(path):
    return list(DocBin().from_disk(path).get_docs(spacy.blank("en").vocab))


def spans(doc):
    return [(span.text, span.label_) for span in doc.spans["sc"]]


@pytest.mark.parametrize(("format", "name", "content"), FILES, ids=NAMES)
def test_each_format_becomes_documents(tmp_path, format, name, content):
    code, output = run(write_sample(tmp_path, name, content), tmp_path / "x.spacy")
    assert code == 0
    assert f"✔ Read 1 file as {format} ✔ Wrote" in output
    assert "✔ Converted 1 documents with 2 spans" in output
    (doc,) = read(tmp_path / "x.spacy")
    assert spans(doc) == FOUND
    if format != "bio":
        ((head, child, label, _),) = get_relations(doc)
        assert (head.text, child.text, label) == ("Ada", "Bob", "met")


def test_a_folder_of_several_formats(tmp_path):
    for number, (_, name, content) in enumerate(FILES):
        folder = tmp_path / "data" / str(number)
        folder.mkdir(parents=True)
        write_sample(folder, name, content)
        if number == 0:
            write_sample(folder, "y.ann", content.replace("T1\t", "A1\tSure T1\nT1\t"))
            (folder / "z.txt").write_text("No one has looked at this.")
    report = convert([tmp_path / "data"], tmp_path / "out")
    assert report.formats == {"brat": 2, "webanno": 1, "pubtator": 1, "bioc": 3, "bio": 3}
    assert all(spans(doc) == FOUND for path in report.written for doc in read(path))
    assert report.texts_alone == [tmp_path / "data" / "0" / "z.txt"]
    code, output = run(tmp_path / "data", tmp_path / "x.spacy")
    assert code == 0
    assert "3 as " in output
    assert "1 texts have no .ann file beside them and were not read: " in output
    assert re.search(r"⚠ An attribute \(once in \S*/y.ann A1\)", output)
    assert re.search(r"⚠ The identifier of a concept \(2 times, first in \S*/x.pubtator", output)


def test_columns_and_layers_are_given(tmp_path):
    path = write_sample(tmp_path, "x.conll", CONLL2003)
    code, output = run(path, tmp_path / "x.spacy", "--column", "3", "-c", "4")
    assert code == 0
    assert "Converted 1 documents with 5 spans" in output
    assert "Column 2 is not read (once in" in output
    code, output = run(path, tmp_path / "x.spacy", "--column", "NER")
    assert (code, "--column must name a column of tags, as 2, 3, 4, was: 'NER'" in output) == (
        1,
        True,
    )
    path = write_sample(tmp_path, "x.tsv", WEBANNO)
    assert run(path, tmp_path / "x.spacy", "--column", "Entity")[0] == 0
    assert run(path, tmp_path / "x.spacy", "--column", "Lemma")[0] == 1


def test_a_missing_text_stops_the_folder_and_writes_nothing(tmp_path):
    path = write_sample(tmp_path, "x.ann", FILES[0][2])
    path.with_suffix(".txt").unlink()
    code, output = run(tmp_path, tmp_path / "x.spacy")
    assert (code, "x.txt, which is missing" in output) == (1, True)
    assert list(tmp_path.iterdir()) == [path]


def test_an_output_that_cannot_be_written_is_named_first(tmp_path):
    (tmp_path / "file").write_text("kept")
    (tmp_path / "x.spacy").mkdir()
    for output in ("file", "file/x.spacy", "x.spacy"):
        code, shown = run(tmp_path / "nowhere" / ".." / "x.ann", tmp_path / output)
        assert (code, "an input must be there" in shown) == (1, True)
        code, shown = run(write_sample(tmp_path, *FILES[0][1:]), tmp_path / output)
        assert (code, "an output must be a file in a folder that can be writ" in shown) == (1, True)
    assert (tmp_path / "file").read_text() == "kept"


def test_a_link_to_what_is_missing_is_named(tmp_path):
    write_sample(tmp_path, *FILES[0][1:])
    (tmp_path / "y.jsonl").symlink_to(tmp_path / "nowhere")
    code, shown = run(tmp_path, tmp_path / "out.spacy")
    assert (code, "y.jsonl, a link to what is missing. Repair it" in shown) == (1, True)


def test_an_output_with_a_long_name_is_written_and_a_link_is_not_followed(tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("kept")
    output = tmp_path / f"{'x' * 240}.spacy"
    output.symlink_to(precious)
    code, _ = run(write_sample(tmp_path, *FILES[0][1:]), output)
    assert (code, precious.read_text(), output.is_symlink()) == (0, "kept", False)
    assert len(read(output)) == 1
