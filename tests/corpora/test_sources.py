from pathlib import Path

import pytest

from spacy_globalpointer.corpora.sources import STDIN, Source, list_sources


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "texts"
    for name in ("b.txt", "a/c.jsonl.gz", "a/d.spacy", "a/e.txt.gz", "f.jsonl", "g.csv", ".h.txt"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * len(name))
    return folder


def test_a_folder_stands_for_its_files_in_order(folder):
    assert list_sources([folder]) == [
        Source(folder / "a" / "c.jsonl.gz", "jsonl", 12),
        Source(folder / "a" / "d.spacy", "spacy", 9),
        Source(folder / "a" / "e.txt.gz", "txt", 10),
        Source(folder / "b.txt", "txt", 5),
        Source(folder / "f.jsonl", "jsonl", 7),
    ]


def test_inputs_keep_their_order_and_are_read_once(folder):
    found = list_sources([folder / "f.jsonl", STDIN, folder, STDIN, folder / "a" / ".." / "b.txt"])
    names = [source.path.name for source in found]
    assert names == ["f.jsonl", "-", "c.jsonl.gz", "d.spacy", "e.txt.gz", "b.txt"]
    assert found[1] == Source(STDIN, "auto", 0)


def test_format_is_for_unknown_suffixes_and_stdin(folder):
    found = list_sources([folder / "g.csv", folder / "f.jsonl", STDIN], format="txt")
    assert [source.kind for source in found] == ["txt", "jsonl", "txt"]


def test_outputs_in_a_folder_are_left_out(folder):
    found = list_sources([folder], leave_out=[folder / "a", folder / "f.jsonl"])
    assert [source.path.name for source in found] == ["b.txt"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing.txt", "an input must be there, was: .*nothing.txt, which is missing"),
        ("g.csv", "an input must end in .txt, .txt.gz, .*, was: .*g.csv. Say what"),
        ("b.txt", "an input must not be the output"),
        ("empty", "a folder of inputs must have files in it that end in"),
        ("out", "an input must not be the output, was: .*out. Name another output"),
        ("links", "an input must be there, was: .*links/a.txt, which is missing"),
    ],
)
def test_inputs_that_cannot_be_used(folder, name, message):
    for other in ("empty", "out", "links"):
        (folder / other).mkdir()
    (folder / "links" / "a.txt").symlink_to(folder / "gone.txt")
    with pytest.raises(ValueError, match=message):
        list_sources([folder / name], leave_out=[folder / "b.txt", folder / "out"])


def test_dash_is_standard_input():
    assert Path("-") == STDIN
