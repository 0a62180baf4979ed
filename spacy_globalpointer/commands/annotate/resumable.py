"""Output that a killed run goes on with: files in the making, and how far the run has come.

The order makes it safe: output is flushed to the disk, then the journal, which says how much of
the output counts, is replaced as a whole. What was written after that is cut off on resuming.
"""

import json
import os
import shutil
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from spacy.util import get_package_path, is_package

from ...corpora import dump_json
from ...corpora.stream import BEGINNING, Position


def part_of(target: Path) -> Path:
    """Where a file or folder is made."""
    return target.with_name(f"{target.name}.part")


def rejected_of(target: Path) -> Path:
    """Where the lines are set aside that have no place in an output."""
    return target.with_name(f"{target.name.removesuffix('.jsonl')}.rejected.jsonl")


def journal_of(target: Path) -> Path:
    """Where it is written down how far the run has come."""
    return target.with_name(f"{target.name}.progress")


@dataclass
class Progress:
    """How far a run has come.

    position: where reading goes on.
    output (bytes, parts): how much of the output counts.
    rejected (bytes): how much of the rejected lines' file counts.
    n_docs, n_words, n_rejected: documents and their tokens in the output, lines set aside.
    done: all is written, and only has to be renamed.
    """

    position: Position = BEGINNING
    output: int = 0
    rejected: int = 0
    n_docs: int = 0
    n_words: int = 0
    n_rejected: int = 0
    done: bool = False


class Journal:
    """The file that says how far a run has come.

    path: the file.
    fingerprint: what a run must have in common with one that it continues.
    """

    def __init__(self, path: Path, fingerprint: dict[str, Any]) -> None:
        self.path = path
        self.fingerprint = fingerprint

    def load(self) -> Progress | None:
        """What an earlier run wrote; None if there was none.

        RAISES (ValueError): that run had another fingerprint, or the file is broken.
        """
        if not self.path.exists():
            return None
        try:
            saved = json.loads(self.path.read_text(encoding="utf-8"))
            fingerprint = saved["fingerprint"]
            progress = Progress(**{**saved["progress"], "position": Position(*saved["position"])})
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{self.path} must say how far a run has come, was: {error!r}. "
                "Start anew with --overwrite"
            ) from error
        # As it looks when it was in a file.
        own = json.loads(dump_json(self.fingerprint))
        changed = [key for key in own if own[key] != fingerprint.get(key)]
        if changed:
            raise ValueError(
                f"{self.path}: a run can only go on with what it began with, was: other "
                f"{' and '.join(changed)}. Give the same, or start anew with --overwrite"
            )
        return progress

    def save(self, progress: Progress) -> None:
        """Replace what the file says, as a whole.

        progress: of the output that is safe on the disk.
        """
        saved = {
            "fingerprint": self.fingerprint,
            "position": progress.position,
            "progress": asdict(progress),
        }
        replace_file(self.path, dump_json(saved, indent=2).encode())


def replace_file(path: Path, data: bytes) -> None:
    """Write a file that is there as a whole or not at all, also after a power cut.

    path: the file.
    data: all of it.
    """
    temporary = path.with_name(f"{path.name}.tmp")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def fingerprint_model(model: str) -> str:
    """Hash of the files of a pipeline.

    model: name of a package, or a folder.
    RAISES (ValueError): neither.
    """
    path = get_package_path(model) if is_package(model) else Path(model)
    files = sorted(file for file in path.rglob("*") if file.is_file() and file.suffix != ".pyc")
    if not files:
        raise ValueError(
            f"a model must be an installed package or a folder with a pipeline, was: {model}"
        )
    digest = blake2b(digest_size=16)
    for file in files:
        digest.update(str(file.relative_to(path)).encode())
        with file.open("rb") as content:
            while piece := content.read(2**20):
                digest.update(piece)
    return digest.hexdigest()


class AppendedFile:
    """A file that is appended to beside its target, until it is finished.

    target: what it becomes.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.part = part_of(target)

    def open(self, length: int) -> None:
        """Go on after so many bytes, and cut off what comes after them.

        RAISES (ValueError): there are fewer.
        """
        size = self.part.stat().st_size if self.part.exists() else 0
        if size < length:
            raise ValueError(
                f"{self.part} must have the {length} bytes that the last run wrote, was: "
                f"{size} bytes. Start anew with --overwrite"
            )
        self.file = self.part.open("ab")
        self.file.truncate(length)
        self.file.seek(length)

    def write(self, data: bytes) -> None:
        """Append data."""
        self.file.write(data)

    def save(self) -> int:
        """Bring all to the disk.

        RETURNS (bytes): the length.
        """
        self.file.flush()
        os.fsync(self.file.fileno())
        return self.file.tell()

    def close(self) -> None:
        """Let go of the file."""
        self.file.close()


class Nowhere:
    """Takes data that there is no place for, as a file would."""

    def open(self, length: int) -> None:
        """Nothing to cut off."""

    def write(self, data: bytes) -> None:
        """Drop data."""

    def save(self) -> int:
        """Nothing to save."""
        return 0

    def close(self) -> None:
        """Nothing to close."""


def publish(target: Path) -> None:
    """Give what was made beside a target its name, if that was not done yet.

    target: file or folder.
    """
    part = part_of(target)
    if not part.exists():
        return
    if part.is_dir():
        remove(target)
    os.replace(part, target)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
