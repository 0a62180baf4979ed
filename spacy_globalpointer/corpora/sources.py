"""Which files inputs stand for, and what is in them."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

STDIN = Path("-")
KINDS = {
    ".txt": "txt",
    ".txt.gz": "txt",
    ".jsonl": "jsonl",
    ".jsonl.gz": "jsonl",
    ".spacy": "spacy",
}


class Source(NamedTuple):
    """A file to read.

    path: the file; STDIN for standard input.
    kind: "txt", "jsonl", "spacy", or "auto": "jsonl" if the first line starts with a brace.
    size (bytes): of the file; 0 for standard input.
    """

    path: Path
    kind: str
    size: int


def find_sources(
    inputs: Sequence[Path], *, format: str = "auto", leave_out: Collection[Path] = ()
) -> list[Source]:
    """The files that inputs stand for, each once, in order.

    inputs: files, STDIN, or folders, whose files with a known suffix are taken in order of path.
    format: kind of STDIN and of files with another suffix.
    leave_out: files and folders that are output.
    RAISES (ValueError): a missing file, a folder without any, a file that is output.
    """
    outputs = {path.resolve() for path in leave_out}
    found: dict[Path, Source] = {}
    for path in inputs:
        for file in [path] if path == STDIN else _list_files(path, outputs):
            found.setdefault(file if file == STDIN else file.resolve(), _describe(file, format))
    return list(found.values())


def _list_files(path: Path, outputs: Collection[Path]) -> list[Path]:
    """The file, or the files of a folder that are no output."""
    if not path.is_dir():
        if not path.exists():
            raise ValueError(f"an input must be there, was: {path}, which is missing")
        if not path.is_file():
            raise ValueError(
                f"an input must be a file, a folder, or - for standard input, was: {path}. "
                "Pipe what is neither into -"
            )
        if _is_output(path, outputs):
            raise ValueError(f"an input must not be the output, was: {path}. Name another output")
        return [path]
    files = sorted(
        file
        for file in path.rglob("*")
        if not file.name.startswith(".") and _find_suffix(file) and file.is_file()
    )
    files = [file for file in files if not _is_output(file, outputs)]
    if not files:
        raise ValueError(
            f"a folder of inputs must have files in it that end in {', '.join(KINDS)}, "
            f"was: {path}. Name others one by one, with --format"
        )
    return files


def _is_output(path: Path, outputs: Collection[Path]) -> bool:
    path = path.resolve()
    return any(place in outputs for place in (path, *path.parents))


def _find_suffix(path: Path) -> str | None:
    return next((suffix for suffix in KINDS if path.name.endswith(suffix)), None)


def _describe(path: Path, format: str) -> Source:
    if path == STDIN:
        return Source(path, format, 0)
    suffix = _find_suffix(path)
    if suffix is None and format == "auto":
        raise ValueError(
            f"an input must end in {', '.join(KINDS)}, was: {path}. "
            "Say what is in it with --format txt or --format jsonl"
        )
    with path.open("rb"):  # a file that cannot be read is found now, not hours later
        return Source(path, KINDS[suffix] if suffix else format, path.stat().st_size)
