"""Files that commands write: whole or not at all."""

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from ..corpora import dump_json


def check_output(output: Path, option: str, others: Iterable[Path] = ()) -> None:
    """Refuse what cannot be written before anything takes time.

    option: that names the file, for the message.
    others: files that are read, or written too.
    RAISES (ValueError): one of these, or no file in a folder that can be written, or made.
    """
    if output.resolve() in {path.resolve() for path in others}:
        raise ValueError(f"{option} must be a file of its own, was: {output}. To fix: name another")
    folder = next(parent for parent in output.absolute().parents if parent.exists())
    if output.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise ValueError(
            f"{option} must be a file in a folder that can be written, was: {output}. "
            "To fix: name another file"
        )


def write_json(report: dict[str, Any], output: Path) -> None:
    """Write plain data as JSON."""
    write_text(dump_json(report, indent=2), output)


def write_text(text: str, output: Path) -> None:
    """Write a file, whole or not at all; its folder is made if it is missing."""
    output.parent.mkdir(parents=True, exist_ok=True)
    with replacing(output) as partial:
        partial.write_text(text, encoding="utf-8")


@contextmanager
def replacing(output: Path, folder: Path | None = None) -> Iterator[Path]:
    """Give a file to write beside output, which takes its place if all goes well.

    folder: where this file is, on the same disk; None for that of the output.

    No stop, not even a power cut, leaves half a file; and two commands that write the same file at
    once do not meet, as the file beside it has a name of its own.
    """
    # A part of the name: with all of a long one it would be longer than file systems take.
    partial = (folder or output.parent) / f".{output.name[:32]}.{uuid4().hex}.partial"
    partial.touch(exist_ok=False)  # a new file, never what a link with this name leads to
    try:
        yield partial
        with partial.open("r+b") as file:
            os.fsync(file.fileno())
        os.replace(partial, output)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def new_folder(output: Path, force: bool) -> Iterator[Path]:
    """Give an empty folder for a pipeline, beside output, that takes its place if all goes well.

    force: replace the pipeline that is in output.
    RAISES (ValueError): output is there already, or no folder. (OSError): it cannot be made.
    """
    output = output.resolve()
    _require_free(output, force)
    output.parent.mkdir(parents=True, exist_ok=True)
    # Names that nobody can guess: what already has such a name is not ours to delete.
    own = f".{output.name[:32]}.{uuid4().hex}"
    partial, old = (output.with_name(f"{own}.{what}") for what in ("partial", "old"))
    partial.mkdir()
    try:
        yield partial
        if output.exists():
            os.replace(output, old)
        os.replace(partial, output)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _require_free(output: Path, force: bool) -> None:
    if output.exists() and not output.is_dir():
        raise ValueError(f"--output must be a folder, was a file: {output}")
    if not output.exists() or not any(output.iterdir()):
        return
    if not force:
        raise ValueError(
            f"--output must be new or empty, was: {output}. To fix: name another, or replace the "
            "pipeline in it with --force"
        )
    # Everything in the folder will be gone.
    if not (output / "config.cfg").is_file() or not (output / "meta.json").is_file():
        raise ValueError(
            f"--force replaces only a pipeline, which {output} is not. To fix: name another folder"
        )
