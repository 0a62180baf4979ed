"""Large corpora, one document at a time, each with the place where reading goes on after it."""

import gzip
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from .encoding import advise_encoding
from .jsonl import get_text, parse_object
from .record import Record
from .sources import STDIN, Source

# A line of more bytes is skipped unread: it may be a whole file without a line break. JSON can
# write a character in 12 bytes.
LONGEST_LINE = 2**26
BYTES_PER_CHARACTER = 12
BOM = b"\xef\xbb\xbf"


class Position(NamedTuple):
    """Where reading goes on.

    file (index): of the source.
    line (lines, documents of .spacy): read from it.
    offset (bytes): read from it, if it is plain text.
    """

    file: int = 0
    line: int = 0
    offset: int = 0


BEGINNING = Position()


@dataclass(frozen=True)
class Entry:
    """A document of the input, or a line that cannot become one.

    path, line: where it was; documents of .spacy are counted from 1 as lines are. Line 0 is the
        file as a whole.
    position: where reading goes on after it.
    done (bytes): of all sources, read so far.
    document: the text, or a serialised Doc; None if there is a reason.
    fields: of its JSON object or of doc.user_data["meta"], without "spans".
    user_data: of the Doc.
    reason: why it cannot become a document.
    content: the line as text, if there is a reason.
    """

    path: Path
    line: int
    position: Position
    done: int = 0
    document: str | bytes | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    user_data: dict[Any, Any] = field(default_factory=dict)
    reason: str | None = None
    content: str | None = None


def read_entries(
    sources: Sequence[Source], start: Position = BEGINNING, *, max_length: int
) -> Iterator[Entry]:
    """Documents of files, in order. Blank lines give none.

    sources: what find_sources returned.
    start: position of an earlier entry, to go on after it.
    max_length (characters): longest text.
    YIELDS: documents, and lines that are none, with the reason.
    """
    before = sum(source.size for source in sources[: start.file])
    for index in range(start.file, len(sources)):
        source = sources[index]
        begin = start if index == start.file else Position(index)
        read = _read_docs if source.kind == "spacy" else _read_lines
        try:
            yield from read(source, begin, before, max_length)
        except _BrokenFile as error:
            # What is left of it cannot be read, now or later.
            end = Position(index + 1)
            yield Entry(source.path, error.line, end, before + source.size, reason=str(error))
        before += source.size


def done_at(sources: Sequence[Source], position: Position) -> int:
    """Bytes of all sources before a position; of a compressed or .spacy file only its start.

    sources: what find_sources returned.
    position: of an entry.
    """
    return sum(source.size for source in sources[: position.file]) + position.offset


class _BrokenFile(Exception):
    """The rest of a file cannot be read."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


def _read_lines(source: Source, begin: Position, before: int, max_length: int) -> Iterator[Entry]:
    """Entries of a text file or of JSON lines."""
    kind = source.kind
    index, number, offset = begin
    longest = max(LONGEST_LINE, BYTES_PER_CHARACTER * max_length)
    try:
        with _open(source, begin, longest) as (raw, file):
            for line, size in _split(file, longest):
                number += 1
                offset += size
                if number == 1:
                    line = line.removeprefix(BOM)
                if not line.strip():
                    continue
                if kind == "auto":
                    kind = "jsonl" if line.lstrip().startswith(b"{") else "txt"
                done = before + (offset if raw is file else raw.tell())
                # Nobody can go to an offset of a compressed file.
                position = Position(index, number, offset if raw is file else 0)
                entry = Entry(source.path, number, position, done)
                yield _parse(entry, line, kind, max_length, longest=longest)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise _BrokenFile(
            number + 1,
            f"a file named .gz must be complete gzip data, was: {error}. Fetch it again",
        ) from error


@contextmanager
def _open(source: Source, begin: Position, longest: int) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """The file as it is stored and as it is read, at a position; one object if it is plain."""
    if source.path == STDIN:
        yield sys.stdin.buffer, sys.stdin.buffer
        return
    with source.path.open("rb") as raw:
        if source.path.suffix != ".gz":
            raw.seek(begin.offset)
            yield raw, raw
            return
        with gzip.open(raw) as unpacked:
            file = cast(IO[bytes], unpacked)
            for _ in islice(_split(file, longest), begin.line):
                pass
            yield raw, file


def _split(file: IO[bytes], longest: int) -> Iterator[tuple[bytes, int]]:
    """Lines without their ends, and their size; one byte more than `longest` of a longer one."""
    while line := file.readline(longest + 1):
        size, piece = len(line), line
        while len(piece) > longest and not piece.endswith(b"\n"):
            piece = file.readline(longest + 1)
            size += len(piece)
        yield line.removesuffix(b"\n").removesuffix(b"\r"), size


def _parse(entry: Entry, line: bytes, kind: str, max_length: int, *, longest: int) -> Entry:
    """The entry with its document, or with the reason why it has none."""
    name = f"{entry.path} line {entry.line}"
    try:
        if len(line) > longest:
            line = line[:1000]
            raise ValueError(f"a line must have at most {longest} bytes, was: more. Cut it")
        content = _decode(line)
        row = parse_object(content, name) if kind == "jsonl" else {"text": content}
        text = _check_text(get_text(row, name), name, max_length)
    except ValueError as error:
        return replace(
            entry,
            reason=str(error).removeprefix(f"{name}: "),
            content=line.decode("utf-8", "backslashreplace"),
        )
    row.pop("spans", None)
    return replace(entry, document=text, fields=row)


def _decode(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"a line must be in UTF-8, was: byte {line[error.start]:#04x} at {error.start}. "
            f"{advise_encoding(line)}"
        ) from error


def _check_text(text: str, name: str, max_length: int) -> str:
    """The same text, if spaCy can take it."""
    if len(text) > max_length:
        raise ValueError(
            f"{name}: a text must have at most {max_length} characters (nlp.max_length), was: "
            f"{len(text)}. Cut it into documents"
        )
    return Record(text, source=name).text


def _read_docs(source: Source, begin: Position, before: int, max_length: int) -> Iterator[Entry]:
    """Entries of a .spacy file.

    A document is handed on as bytes, and the file has a vocabulary of its own: both can be
    dropped when they are read, whatever becomes of the pipeline's vocabulary.
    """
    number = 0
    try:
        doc_bin = DocBin().from_disk(source.path)
        for number, doc in enumerate(doc_bin.get_docs(Vocab()), start=1):
            if number <= begin.line:
                continue
            done = before + source.size * number // len(doc_bin)
            entry = Entry(source.path, number, Position(begin.file, number), done)
            yield _take(entry, doc, max_length)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise _BrokenFile(
            number + 1,
            f"a file named .spacy must be a complete DocBin, was: {error}. Make it again",
        ) from error


def _take(entry: Entry, doc: Doc, max_length: int) -> Entry:
    """The entry with a document, or with the reason why not."""
    name = f"{entry.path} line {entry.line}"
    try:
        _check_text(doc.text, name, max_length)
    except ValueError as error:
        return replace(entry, reason=str(error).removeprefix(f"{name}: "), content=doc.text)
    meta = doc.user_data.get("meta")
    meta = {} if not isinstance(meta, dict) else meta
    fields = {key: value for key, value in meta.items() if key not in ("text", "spans")}
    return replace(
        entry,
        document=doc.to_bytes(),
        fields={"text": doc.text, **fields},
        user_data=dict(doc.user_data),
    )
