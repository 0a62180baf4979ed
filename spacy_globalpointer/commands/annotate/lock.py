"""One run at a time: the lock on an output, from before anything is looked at until the end."""

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

from .run import say

# What file systems say that have no locks, such as some network drives.
NO_LOCKS = {errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOLCK, errno.EINVAL}


def lock_of(target: Path) -> Path:
    """The file whose lock a run holds."""
    return target.with_name(f"{target.name}.lock")


@contextmanager
def locked(target: Path) -> Iterator[None]:
    """Keep other runs away from an output. A run that is killed leaves the file, but no lock.

    Where the file system has no locks, the run goes on with a warning.

    target: the output.
    RAISES (ValueError): another run writes it.
    """
    if fcntl is None:
        yield
        return
    path = lock_of(target)
    file = _open_locked(path)
    try:
        yield
    finally:
        # Removed before it is let go: a run that waits for it here would hold a file without name.
        path.unlink(missing_ok=True)
        file.close()


def _open_locked(path: Path) -> BinaryIO:
    while True:
        file = path.open("ab")
        try:
            _lock(file, path)
            if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        except BaseException:
            file.close()
            raise
        file.close()  # it was removed by a run that ended meanwhile


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
