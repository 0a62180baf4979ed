import json

import pytest
from spacy.lang.en import English

from spacy_globalpointer.commands.annotate.resumable import (
    AppendedFile,
    Journal,
    Progress,
    fingerprint_model,
    journal_of,
    part_of,
    publish,
    rejected_of,
    remove,
    replace_file,
)
from spacy_globalpointer.corpora.stream import Position

PROGRESS = Progress(Position(1, 20, 300), 4, 5, 6, 7, 8)


def test_names_of_neighbours_differ(tmp_path):
    targets = [tmp_path / name for name in ("a.jsonl", "a.spacy")]
    names = [f(target).name for target in targets for f in (part_of, rejected_of, journal_of)]
    assert names[:3] == ["a.jsonl.part", "a.rejected.jsonl", "a.jsonl.progress"]
    assert len(set(names)) == 6


def test_a_journal_gives_back_what_was_saved(tmp_path):
    journal = Journal(tmp_path / "x.progress", {"inputs": [("a", 1)], "model": "m"})
    assert journal.load() is None
    journal.save(PROGRESS)
    assert journal.load() == PROGRESS
    assert isinstance(journal.load().position, Position)
    assert [path.name for path in tmp_path.iterdir()] == ["x.progress"]


def test_a_journal_of_another_run_is_refused(tmp_path):
    path = tmp_path / "x.progress"
    Journal(path, {"inputs": [("a", 1)], "model": "m", "spans key": None}).save(PROGRESS)
    other = Journal(path, {"inputs": [("a", 2)], "model": "n", "spans key": None})
    with pytest.raises(ValueError, match=r"was: other inputs and model. Give the same, or start"):
        other.load()


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"fingerprint": {}, "progress": {"x": 1}}'])
def test_a_broken_journal_is_refused(tmp_path, text):
    path = tmp_path / "x.progress"
    path.write_text(text)
    with pytest.raises(ValueError, match="must say how far a run has come"):
        Journal(path, {}).load()


def test_a_journal_is_never_half_written(tmp_path, monkeypatch):
    journal = Journal(tmp_path / "x.progress", {})
    journal.save(PROGRESS)

    def fail(*args):
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="no space"):
        journal.save(Progress())
    assert journal.load() == PROGRESS


def test_an_appended_file_is_cut_to_what_counts(tmp_path):
    file = AppendedFile(tmp_path / "a.jsonl")
    file.open(0)
    file.write(b"one\n")
    assert file.save() == 4
    file.write(b"two\nthr")
    file.close()
    again = AppendedFile(tmp_path / "a.jsonl")
    again.open(4)
    assert again.save() == 4
    again.write(b"2\n")
    assert again.save() == 6
    again.close()
    assert part_of(tmp_path / "a.jsonl").read_bytes() == b"one\n2\n"


def test_an_appended_file_that_is_too_short_is_refused(tmp_path):
    file = AppendedFile(tmp_path / "a.jsonl")
    file.part.write_bytes(b"one")
    with pytest.raises(ValueError, match=r"must have the 4 bytes .* was: 3 bytes"):
        file.open(4)
    assert file.part.read_bytes() == b"one"


@pytest.mark.parametrize("old", [None, "file", "folder"])
@pytest.mark.parametrize("new", ["file", "folder"])
def test_publishing_replaces_and_can_be_repeated(tmp_path, old, new):
    target = tmp_path / "a.spacy"
    if (old, new) == ("folder", "file"):
        pytest.skip("refused before a run")
    for path, kind in ((target, old), (part_of(target), new)):
        if kind == "folder":
            path.mkdir()
            (path / "x").write_text(path.name)
        elif kind == "file":
            path.write_text(path.name)
    for _ in range(2):
        publish(target)
        (found,) = tmp_path.iterdir()
        assert found == target
        assert (target if new == "file" else target / "x").read_text() == "a.spacy.part"


def test_removing(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_text("")
    (tmp_path / "c").write_text("")
    for name in "acd":
        remove(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_as_a_whole(tmp_path):
    replace_file(tmp_path / "a", b"one")
    replace_file(tmp_path / "a", b"2")
    assert (tmp_path / "a").read_bytes() == b"2"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_model_is_known_by_its_content(tmp_path):
    English().to_disk(tmp_path / "a")
    English().to_disk(tmp_path / "b")
    assert fingerprint_model(str(tmp_path / "a")) == fingerprint_model(str(tmp_path / "b"))
    meta = tmp_path / "b" / "meta.json"
    meta.write_text(json.dumps({**json.loads(meta.read_text()), "version": "0.0.7"}))
    assert fingerprint_model(str(tmp_path / "a")) != fingerprint_model(str(tmp_path / "b"))


def test_a_model_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match="a model must be an installed package or a folder"):
        fingerprint_model(str(tmp_path / "nothing"))
