import json

import pytest
from spacy.lang.en import English

from spacy_globalpointer.commands.annotate.resumable import (
    Progress,
    fingerprint_model,
    journal_of,
    open_part,
    part_of,
    publish,
    rejected_of,
    remove,
)
from spacy_globalpointer.corpora.stream import Position


def test_names_of_neighbours_differ(tmp_path):
    targets = [tmp_path / name for name in ("a.jsonl", "a.spacy")]
    names = [f(target).name for target in targets for f in (part_of, rejected_of, journal_of)]
    assert names[:3] == ["a.jsonl.part", "a.rejected.jsonl", "a.jsonl.progress"]
    assert len(set(names)) == 6


def make_progress(path, fingerprint):
    return Progress(path, fingerprint, Position(1, 20, 300), 4, 5, 6, 7, 8)


def test_a_journal_gives_back_what_was_saved(tmp_path):
    fingerprint = {"inputs": [["a", 1]], "model": "m"}
    new = Progress(tmp_path / "x.progress", fingerprint)
    assert new.load() is None
    progress = make_progress(tmp_path / "x.progress", fingerprint)
    progress.save()
    assert new.load() == progress
    assert isinstance(new.load().position, Position)
    assert [path.name for path in tmp_path.iterdir()] == ["x.progress"]


def test_a_run_that_cannot_go_on_has_no_journal(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_progress(None, {}).save()
    assert list(tmp_path.iterdir()) == []
    assert Progress().load() is None


def test_a_journal_of_another_run_is_refused(tmp_path):
    path = tmp_path / "x.progress"
    make_progress(path, {"inputs": [["a", 1]], "model": "m", "spans key": None}).save()
    other = Progress(path, {"inputs": [["a", 2]], "model": "n", "spans key": None})
    with pytest.raises(ValueError, match=r"was: other inputs and model. Give the same, or start"):
        other.load()


@pytest.mark.parametrize(
    "text",
    [
        *("", "{}", "[]", "5", '{"fingerprint": [], "position": [0, 0, 0]}'),
        '{"fingerprint": {}, "position": 3}',
        '{"fingerprint": {}, "position": [0, 0, 0], "x": 1}',
    ],
)
def test_a_broken_journal_is_refused(tmp_path, text):
    path = tmp_path / "x.progress"
    path.write_text(text)
    with pytest.raises(ValueError, match="must say how far a run has come"):
        Progress(path, {"model": "m"}).load()


def test_a_journal_is_never_half_written(tmp_path, monkeypatch):
    progress = make_progress(tmp_path / "x.progress", {})
    progress.save()

    def fail(*args):
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="no space"):
        Progress(progress.journal).save()
    assert progress.load() == progress


def test_a_file_in_the_making_is_cut_to_what_counts(tmp_path):
    with open_part(tmp_path / "a.jsonl", 0) as file:
        file.write(b"one\ntwo\nthr")
    with open_part(tmp_path / "a.jsonl", 4) as file:
        assert file.tell() == 4
        file.write(b"2\n")
        assert file.tell() == 6
    assert part_of(tmp_path / "a.jsonl").read_bytes() == b"one\n2\n"


def test_a_file_in_the_making_that_is_too_short_is_refused(tmp_path):
    part = part_of(tmp_path / "a.jsonl")
    part.write_bytes(b"one")
    with pytest.raises(ValueError, match=r"must have the 4 bytes .* was: 3 bytes"):
        open_part(tmp_path / "a.jsonl", 4)
    assert part.read_bytes() == b"one"


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
