"""What a killed run goes on with: unfinished files, and a journal of how far it has come.

The order makes it safe: output is flushed to the disk, then the journal, which says how much of
the output counts, is replaced as a whole. What was written after that is cut off on resuming.
"""

import json
import os
import shutil
from dataclasses import asdict, dataclass, field, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO

from spacy.util import get_package_path, is_package

from ...corpora.stream import START, Position
from ..outputs import write_json

STDOUT = Path("-")


def part_of(target: Path) -> Path:
    """Where a file or folder is while it is unfinished."""
    return target.with_name(f"{target.name}.part")


def rejected_of(target: Path) -> Path:
    """Where bad lines of the input are set aside."""
    return target.with_name(f"{target.name.removesuffix('.jsonl')}.rejected.jsonl")


def journal_of(target: Path) -> Path:
    """Where a run writes down how far it has come."""
    return target.with_name(f"{target.name}.progress")


@dataclass
class Progress:
    """How far a run has come, and the journal that says so.

    journal: the file; None for a run that cannot go on.
    fingerprint: what a run must have in common with one that it continues, as plain data.
    position: where reading goes on.
    output (bytes, parts): how much of the output counts.
    rejected (bytes): how much of the rejected lines' file counts.
    n_docs, n_words, n_rejected: documents and their tokens in the output, lines set aside.
    done: all is written, and only has to be renamed.
    """

    journal: Path | None = None
    fingerprint: dict[str, Any] = field(default_factory=dict)
    position: Position = START
    output: int = 0
    rejected: int = 0
    n_docs: int = 0
    n_words: int = 0
    n_rejected: int = 0
    done: bool = False

    def load(self) -> "Progress | None":
        """What the journal of an earlier run says; None if there is none.

        RAISES (ValueError): that run had another fingerprint, or the file is broken.
        """
        if self.journal is None or not self.journal.exists():
            return None
        own = self.fingerprint
        try:
            saved = json.loads(self.journal.read_text(encoding="utf-8"))
            changed = [key for key in own if own[key] != saved["fingerprint"].get(key)]
            saved["position"] = Position(*saved["position"])
            progress = replace(self, **saved)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{self.journal} must say how far a run has come, was: {error!r}. "
                "Start anew with --overwrite"
            ) from error
        if changed:
            raise ValueError(
                f"{self.journal}: a run can only go on with what it began with, was: other "
                f"{' and '.join(changed)}. Give the same, or start anew with --overwrite"
            )
        return progress

    def save(self) -> None:
        """Replace the journal as a whole, once all that counts is safe on the disk."""
        if self.journal is not None:
            saved = asdict(self)
            del saved["journal"]
            write_json(saved, self.journal)


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
        digest.update(file.read_bytes())
    return digest.hexdigest()


def open_part(target: Path, length: int) -> BinaryIO:
    """Open an unfinished file, to append to what counts; the rest is cut off.

    target: what it becomes.
    length (bytes): how much counts.
    RAISES (ValueError): there is less.
    """
    part = part_of(target)
    size = part.stat().st_size if part.exists() else 0
    if size < length:
        raise ValueError(
            f"{part} must have the {length} bytes that the last run wrote, was: "
            f"{size} bytes. Start anew with --overwrite"
        )
    file = part.open("ab")
    file.truncate(length)
    file.seek(length)
    return file


def publish(target: Path) -> None:
    """Give a finished file or folder its name, if that was not done yet."""
    part = part_of(target)
    if part.is_dir():
        remove(target)
    if part.exists():
        os.replace(part, target)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
