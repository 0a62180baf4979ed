import errno
import multiprocessing
import os

import pytest

from spacy_globalpointer.commands.annotate import lock
from spacy_globalpointer.commands.annotate.lock import locked

pytest.importorskip("fcntl")


def _hold(target, pipe):
    """In a process: hold the lock until told."""
    with locked(target):
        pipe.send("locked")
        pipe.recv()


@pytest.fixture
def other(tmp_path):
    """Another process that holds the lock of o.jsonl, and the pipe that ends it."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=_hold, args=(tmp_path / "o.jsonl", theirs))
    process.start()
    assert ours.recv() == "locked"
    yield process, ours
    process.kill()
    process.join()


def test_a_second_run_is_refused_until_the_first_ends(tmp_path, other):
    target = tmp_path / "o.jsonl"
    for _ in range(2):  # a run that was refused removes nothing
        with pytest.raises(ValueError, match="must be written by one run at a time, was: locked"):
            locked(target).__enter__()
    process, pipe = other
    pipe.send("end")
    process.join()
    with locked(target):
        assert (tmp_path / "o.jsonl.lock").exists()
    assert list(tmp_path.iterdir()) == []


def test_a_killed_run_leaves_no_lock(tmp_path, other):
    process, _ = other
    process.kill()
    process.join()
    assert (tmp_path / "o.jsonl.lock").exists()
    with locked(tmp_path / "o.jsonl"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_lock_file_that_was_removed_meanwhile_is_made_again(tmp_path, monkeypatch):
    """As by a run that ends between the opening of the file and its lock."""
    target = tmp_path / "o.jsonl"
    take, taken = lock._lock, []

    def remove_first(file, path):
        take(file, path)
        if not taken:
            path.unlink()
        taken.append(os.fstat(file.fileno()).st_ino)

    monkeypatch.setattr(lock, "_lock", remove_first)
    with locked(target):
        assert (tmp_path / "o.jsonl.lock").stat().st_ino == taken[-1]
    assert len(taken) == 2


@pytest.mark.parametrize("code", ["ENOTSUP", "ENOSYS", "ENOLCK", "EINVAL"])
def test_a_file_system_without_locks_is_a_warning(tmp_path, monkeypatch, capsys, code):
    def fail(*args):
        raise OSError(getattr(errno, code), "no locks here")

    monkeypatch.setattr(lock.fcntl, "lockf", fail)
    with locked(tmp_path / "o.jsonl"):
        pass
    printed = " ".join(capsys.readouterr().err.split())
    assert "has no locks" in printed
    assert "Take care that no other run writes the same output" in printed
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("code", ["EAGAIN", "EACCES"])
def test_a_lock_that_another_holds_has_two_names(tmp_path, monkeypatch, code):
    def fail(*args):
        raise OSError(getattr(errno, code), "held")

    monkeypatch.setattr(lock.fcntl, "lockf", fail)
    with pytest.raises(ValueError, match="one run at a time"):
        locked(tmp_path / "o.jsonl").__enter__()


def test_another_error_of_the_system_is_not_hidden(tmp_path, monkeypatch):
    def fail(*args):
        raise OSError(errno.EIO, "broken disk")

    monkeypatch.setattr(lock.fcntl, "lockf", fail)
    with pytest.raises(OSError, match="broken disk"):
        locked(tmp_path / "o.jsonl").__enter__()
