import gzip
import json

import pytest
import spacy
from spacy.cli._util import app as spacy_app
from spacy.tokens import DocBin
from typer.testing import CliRunner

from spacy_globalpointer.cli import app
from spacy_globalpointer.cli.convert import convert

LINES = [
    {
        "text": "Ada Lovelace lived in London.",
        "spans": [
            {"start": 0, "end": 12, "label": "PER"},
            {"start": 4, "end": 12, "label": "NAME"},
            {"start": 23, "end": 28, "label": "GPE"},
        ],
    },
    {"text": "No names here.", "spans": []},
    {"text": "Nobody looked at this."},
]
CLUENER = {"text": "韩梅梅在北京", "label": {"name": {"韩梅梅": [[0, 2]]}}}
CMEEE = [
    {
        "text": "患者发热",
        "entities": [{"start_idx": 2, "end_idx": 3, "type": "sym", "entity": "发热"}],
    }
]


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in LINES), encoding="utf-8")
    return path


def run(*arguments):
    result = CliRunner().invoke(spacy_app, ["global-pointer", "convert", *map(str, arguments)])
    return result.exit_code, " ".join(result.output.split())


def read(path, lang="en"):
    return list(DocBin().from_disk(path).get_docs(spacy.blank(lang).vocab))


def spans(doc, key="sc"):
    return [(span.text, span.label_) for span in doc.spans[key]] if key in doc.spans else None


def test_a_file_becomes_a_spacy_file(corpus, tmp_path):
    code, output = run(corpus, tmp_path / "new" / "train.spacy")
    assert code == 0
    docs = read(tmp_path / "new" / "train.spacy")
    assert [doc.text for doc in docs] == [line["text"] for line in LINES]
    assert [spans(doc) for doc in docs] == [
        [("Ada Lovelace", "PER"), ("Lovelace", "NAME")],
        [],
        None,
    ]
    assert "GPE 0 0 0 1 0" in output
    assert "PER 1 0 0 0 0" in output
    assert "all 2 0 0 1 0" in output
    assert "1 of 3 spans (33.3%) do not fit the tokens and were left out" in output
    assert "1 of 3 documents are not annotated" in output
    assert "Converted 3 documents with 3 spans" in output
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["train.spacy"]


@pytest.mark.parametrize(("alignment", "gold"), [("skip", []), ("expand", [("London", "GPE")])])
def test_alignment_is_passed_on(corpus, tmp_path, alignment, gold):
    code, _ = run(corpus, tmp_path / "x.spacy", "--alignment", alignment, "--spans-key", "gold")
    assert code == 0
    assert spans(read(tmp_path / "x.spacy")[0], "gold")[2:] == gold


def test_nothing_to_warn_of_gives_no_warning(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(LINES[1]), encoding="utf-8")
    code, output = run(path, tmp_path / "a.spacy")
    assert code == 0
    assert "left out" not in output
    assert "not annotated" not in output


def test_an_error_leaves_no_file_and_names_the_line(corpus, tmp_path):
    code, output = run(corpus, tmp_path / "x.spacy", "--alignment", "fail")
    assert code == 1
    assert "line 1: a span must start and end at token borders, was: 'ondon'" in output
    assert list(tmp_path.iterdir()) == [corpus]


def test_an_error_keeps_the_file_of_an_earlier_run(corpus, tmp_path):
    target = tmp_path / "x.spacy"
    run(corpus, target)
    before = target.read_bytes()
    assert run(corpus, target, "--alignment", "fail")[0] == 1
    assert target.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "conll"], "format must be auto or one of jsonl, cluener, cmeee, bio"),
        (["--alignment", "strict"], "alignment must be one of fail, skip, expand, was: 'strict'"),
        (["--lang", "qqq"], "qqq"),
        (["--format", "bio"], "train.jsonl line 2: every line must have a token and"),
    ],
)
def test_wrong_options_are_errors(corpus, tmp_path, arguments, message):
    code, output = run(corpus, tmp_path / "x.spacy", *arguments)
    assert code == 1
    assert message in output
    assert list(tmp_path.iterdir()) == [corpus]


def test_missing_input_is_an_error(tmp_path):
    code, output = run(tmp_path / "nothing.jsonl", tmp_path / "x.spacy")
    assert code == 1
    assert "an input must be a file or a folder with corpus files in it" in output


def test_an_output_that_cannot_be_written_is_an_error(corpus, tmp_path):
    (tmp_path / "x.spacy").mkdir()
    code, output = run(corpus, tmp_path / "x.spacy")
    assert code == 1
    assert "Conversion stopped" in output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train.jsonl", "x.spacy"]


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "data"
    (folder / "more").mkdir(parents=True)
    (folder / "a.json").write_text(json.dumps(CLUENER, ensure_ascii=False), encoding="utf-8")
    (folder / "more" / "b.json").write_text(json.dumps(CMEEE, ensure_ascii=False), encoding="utf-8")
    bio = "李 B-PER\n雷 E-PER\n到 O\n".encode()
    (folder / "c.char.bmes.gz").write_bytes(gzip.compress(bio))
    (folder / "README.md").write_text("Not data.", encoding="utf-8")
    (folder / ".hidden.json").write_text("Not data.", encoding="utf-8")
    return folder


GOLD = {
    "a.spacy": [("韩梅梅", "name")],
    "c.char.spacy": [("李雷", "PER")],
    "more/b.spacy": [("发热", "sym")],
}


def test_a_folder_becomes_a_folder(folder, tmp_path):
    code, output = run(folder, tmp_path / "out", "--lang", "zh")
    assert (code, "Converted 3 documents" in output) == (0, True)
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    found = {str(path.relative_to(tmp_path / "out")): spans(read(path, "zh")[0]) for path in files}
    assert found == GOLD
    assert read(tmp_path / "out" / "c.char.spacy", "zh")[0].text == "李雷到"


def test_a_folder_becomes_one_file(folder, tmp_path):
    report = convert([folder], tmp_path / "all.spacy", lang="zh")
    assert [spans(doc) for doc in read(tmp_path / "all.spacy", "zh")] == list(GOLD.values())
    assert (report.n_docs, report.n_unannotated) == (3, 0)
    assert report.written == [tmp_path / "all.spacy"]
    assert (report.count("kept"), report.count("kept", "sym"), report.count("skipped")) == (3, 1, 0)


def test_several_files_go_to_one_folder_or_file(corpus, tmp_path):
    other = tmp_path / "dev.jsonl"
    other.write_text(json.dumps(LINES[1]), encoding="utf-8")
    convert([corpus, other], tmp_path / "out")
    convert([corpus, other], tmp_path / "all.spacy", limit=2)
    assert {path.name: len(read(path)) for path in (tmp_path / "out").iterdir()} == {
        "train.spacy": 3,
        "dev.spacy": 1,
    }
    assert len(read(tmp_path / "all.spacy")) == 3


def test_two_inputs_for_one_output_are_an_error(corpus, tmp_path):
    compressed = tmp_path / "train.jsonl.gz"
    compressed.write_bytes(gzip.compress(corpus.read_bytes()))
    with pytest.raises(ValueError, match=r"an output file of its own, was: .*train.spacy for"):
        convert([corpus, compressed], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_words_without_text_train_as_words(tmp_path):
    path = tmp_path / "a.bio"
    path.write_text("can't B-X\nstop O\n", encoding="utf-8")
    convert([path], tmp_path / "a.spacy")
    (doc,) = read(tmp_path / "a.spacy")
    assert [token.text for token in doc] == ["can't", "stop"]
    (example,) = spacy.training.Corpus(tmp_path / "a.spacy")(spacy.blank("en"))
    assert [token.text for token in example.predicted] == ["can't", "stop"]


def test_help_shows_an_example():
    code, output = run("--help")
    assert code == 0
    assert "$ spacy global-pointer convert train.jsonl train.spacy --lang en" in output


def test_the_command_is_one_of_spacys():
    assert app in [group.typer_instance for group in spacy_app.registered_groups]
    assert "convert" in [command.name for command in app.registered_commands]
