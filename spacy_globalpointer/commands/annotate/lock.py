"""One run at a time: the lock on an output."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

from .resumable import STDOUT
from .run import say

# Errors of file systems that have no locks, such as some network drives.
NO_LOCKS = {errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOLCK, errno.EINVAL}


@contextmanager
def locked(target: Path) -> Iterator[None]:
    """Keep other runs away from an output. A run that is killed leaves the file, but no lock.

    Where the file system has no locks, the run goes on with a warning.

    target: the output; STDOUT needs no lock.
    RAISES (ValueError): another run writes it.
    """
    if fcntl is None or target == STDOUT:
        yield
        return
    path, is_ours = target.with_name(f"{target.name}.lock"), False
    while not is_ours:
        with path.open("ab") as file:
            _lock(file, path)
            is_ours = _is_at(path, file)  # unless a run that ended meanwhile has removed it
            if is_ours:
                try:
                    yield
                finally:
                    # Before the lock is released: the next run must not lock a removed file.
                    path.unlink(missing_ok=True)


def _lock(file: BinaryIO, path: Path) -> None:
    try:
        # Not flock: worker processes would inherit it.
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError) as error:
        raise ValueError(
            f"an output must be written by one run at a time, was: locked by another ({path}). "
            "Wait for its end, or name another output"
        ) from error
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        say(
            "warn",
            f"{path.parent} has no locks ({error})",
            "Take care that no other run writes the same output",
        )


def _is_at(path: Path, file: BinaryIO) -> bool:
    try:
        return os.path.samefile(path, file.fileno())
    except FileNotFoundError:
        return False
