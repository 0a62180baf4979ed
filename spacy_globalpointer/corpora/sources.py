"""Which files inputs stand for, and what is in them."""

from collections.abc import Collection, Iterator, Sequence
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


def list_sources(
    inputs: Sequence[Path], *, format: str = "auto", leave_out: Collection[Path] = ()
) -> list[Source]:
    """The files that inputs stand for, each once, in order.

    inputs: files, STDIN, or folders, whose files with a known suffix are taken in order of path.
    format: kind of STDIN and of files with another suffix.
    leave_out: files and folders that are output.
    RAISES (ValueError): a missing file, a folder without any, a file that is output, no format.
    """
    if format not in ("auto", "txt", "jsonl"):
        raise ValueError(f"format must be one of auto, txt, jsonl, was: {format!r}")
    outputs = {path.resolve() for path in leave_out}
    found: dict[Path, Source] = {}
    for path in inputs:
        if path == STDIN:
            found.setdefault(STDIN, Source(STDIN, format, 0))
        else:
            for file in _list_files(path, outputs):
                found.setdefault(file.resolve(), _open_source(file, format))
    return list(found.values())


def _list_files(path: Path, outputs: Collection[Path]) -> Iterator[Path]:
    """The file, or the files of a folder that are no output."""
    if _is_in(path, outputs):
        raise ValueError(f"an input must not be the output, was: {path}. Name another output")
    files = [path]
    if path.is_dir():
        files = [file for file in sorted(path.rglob("*")) if _kind_of(file) and not file.is_dir()]
        files = [file for file in files if file.name[0] != "." and not _is_in(file, outputs)]
        if not files:
            raise ValueError(
                f"a folder of inputs must have files in it that end in {', '.join(KINDS)}, "
                f"was: {path}. Name others one by one, with --format"
            )
    for file in files:
        if not file.exists():
            raise ValueError(f"an input must be there, was: {file}, which is missing")
        if not file.is_file():
            raise ValueError(
                f"an input must be a file, a folder, or - for standard input, was: {file}. "
                "Pipe what is neither into -"
            )
        yield file


def _is_in(path: Path, places: Collection[Path]) -> bool:
    path = path.resolve()
    return any(place in places for place in (path, *path.parents))


def _kind_of(path: Path) -> str | None:
    return next((kind for suffix, kind in KINDS.items() if path.name.endswith(suffix)), None)


def _open_source(path: Path, format: str) -> Source:
    kind = _kind_of(path) or format
    if kind == "auto":
        raise ValueError(
            f"an input must end in {', '.join(KINDS)}, was: {path}. "
            "Say what is in it with --format txt or --format jsonl"
        )
    with path.open("rb"):  # a file that cannot be read is found now, not hours later
        return Source(path, kind, path.stat().st_size)
