"""Large corpora, one document at a time, each with the place where reading goes on after it."""

import gzip
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from spacy.vocab import Vocab

from .containers import get_text, parse_object
from .docbin import read_docbin
from .encoding import advise_encoding
from .gold_parts import INDEXED_KEYS
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


START = Position()


@dataclass(frozen=True)
class Entry:
    """A place in the input, and what is there: a document, or the reason why there is none.

    path, line: where it was; documents of .spacy are counted from 1 as lines are.
    position: where reading goes on after it.
    done (bytes): of all sources, read so far.
    document: the text, or a serialised Doc; None if there is a reason.
    fields: of its JSON object or of doc.user_data["meta"], without annotation. Of a bad line,
        "text" is the line.
    user_data: of the Doc; for a JSON object, its other fields as "meta".
    reason: why it cannot become a document.
    has_spans: whether its JSON object had "spans", which are not in its fields.
    """

    path: Path
    line: int
    position: Position
    done: int
    document: str | bytes | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    user_data: dict[Any, Any] = field(default_factory=dict)
    reason: str | None = None
    has_spans: bool = False

    @property
    def name(self) -> str:
        """File and line, for messages."""
        return f"{self.path} line {self.line}"

    def refuse(self, error: Exception, **fields: Any) -> "Entry":
        """The same without a document, with the reason."""
        reason = str(error).removeprefix(f"{self.name}: ")
        return replace(self, fields=fields, reason=reason)


def read_entries(
    sources: Sequence[Source], start: Position = START, *, max_length: int
) -> Iterator[Entry]:
    """Documents of files, in order. Blank lines give none.

    sources: what list_sources returned.
    start: position of an earlier entry, to go on after it.
    max_length (characters): longest text.
    YIELDS: documents, and lines that are none, with the reason.
    """
    before = 0
    for index, source in enumerate(sources):
        if index >= start.file:
            begin = start if index == start.file else Position(index)
            read = _read_docs if source.kind == "spacy" else _read_lines
            yield from read(source, begin, before, max_length)
        before += source.size


def done_at(sources: Sequence[Source], position: Position) -> int:
    """Bytes of all sources before a position; of a compressed or .spacy file only its start.

    sources: what list_sources returned.
    position: of an entry.
    """
    return sum(source.size for source in sources[: position.file]) + position.offset


def _read_lines(source: Source, begin: Position, before: int, max_length: int) -> Iterator[Entry]:
    """Entries of a text file or of JSON lines."""
    index, number, offset = begin
    kind, is_packed = source.kind, source.path.suffix == ".gz"
    longest = max(LONGEST_LINE, BYTES_PER_CHARACTER * max_length)
    with ExitStack() as stack:
        raw: IO[bytes] = sys.stdin.buffer
        if source.path != STDIN:
            raw = stack.enter_context(source.path.open("rb"))
            raw.seek(offset)
        file = cast(IO[bytes], stack.enter_context(gzip.open(raw))) if is_packed else raw
        try:
            # A compressed file can only be read from its start.
            for line, size in islice(_split(file, longest), number if is_packed else 0, None):
                number, offset = number + 1, offset + size
                if number == 1:
                    line = line.removeprefix(BOM)
                if not line.strip():
                    continue
                if kind == "auto":
                    kind = "jsonl" if line.lstrip().startswith(b"{") else "txt"
                position = Position(index, number, 0 if is_packed else offset)
                done = before + (raw.tell() if is_packed else offset)
                entry = Entry(source.path, number, position, done)
                yield _parse(entry, line, kind, max_length, longest)
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            reason = f"a file named .gz must be complete gzip data, was: {error}. Fetch it again"
            yield _give_up(source, Position(index, number), before, reason)


def _split(file: IO[bytes], longest: int) -> Iterator[tuple[bytes, int]]:
    """Lines without their ends, and their size; one byte more than `longest` of a longer one."""
    while line := file.readline(longest + 1):
        size, piece = len(line), line
        while len(piece) > longest and not piece.endswith(b"\n"):
            piece = file.readline(longest + 1)
            size += len(piece)
        yield line.removesuffix(b"\n").removesuffix(b"\r"), size


def _parse(entry: Entry, line: bytes, kind: str, max_length: int, longest: int) -> Entry:
    """The entry with its document, or with the reason why it has none."""
    try:
        if len(line) > longest:
            line = line[:1000]
            raise ValueError(f"a line must have at most {longest} bytes, was: more. Cut it")
        content = _decode_line(line)
        row = parse_object(content, entry.name) if kind == "jsonl" else {"text": content}
        text = _check_text(get_text(row, entry.name), entry, max_length)
    except ValueError as error:
        return entry.refuse(error, text=line.decode("utf-8", "backslashreplace"))
    has_spans, row = "spans" in row, _drop_annotation(row)
    meta = {key: value for key, value in row.items() if key != "text"}
    data = {"meta": meta} if meta else {}
    return replace(entry, document=text, fields=row, user_data=data, has_spans=has_spans)


def _drop_annotation(fields: dict[str, Any]) -> dict[str, Any]:
    """The same without spans, and without what refers to them by their places.

    "relations" are left out in any case: with the spans that are found they would mean others.
    """
    annotation = {"spans", *INDEXED_KEYS} if "spans" in fields else {"relations"}
    return {key: value for key, value in fields.items() if key not in annotation}


def _decode_line(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"a line must be in UTF-8, was: byte {line[error.start]:#04x} at {error.start}. "
            f"{advise_encoding(line)}"
        ) from error


def _check_text(text: str, entry: Entry, max_length: int) -> str:
    """The same text, if spaCy can take it."""
    if len(text) > max_length:
        raise ValueError(
            f"a text must have at most {max_length} characters (nlp.max_length), was: "
            f"{len(text)}. Cut it into documents"
        )
    return Record(text, source=entry.name).text


def _read_docs(source: Source, begin: Position, before: int, max_length: int) -> Iterator[Entry]:
    """Entries of a .spacy file.

    A document is handed on as bytes, and the file has a vocabulary of its own: both can be
    dropped when they are read, whatever becomes of the pipeline's vocabulary.
    """
    try:
        docs = list(read_docbin(source.path, Vocab()))
    except ValueError as error:
        yield _give_up(source, Position(begin.file), before, str(error))
        return
    for number, doc in enumerate(docs[begin.line :], start=begin.line + 1):
        done = before + source.size * number // len(docs)
        entry = Entry(source.path, number, Position(begin.file, number), done)
        try:
            text = _check_text(doc.text, entry, max_length)
        except ValueError as error:
            yield entry.refuse(error, text=doc.text)
            continue
        meta = doc.user_data.get("meta")
        meta = meta if isinstance(meta, dict) else {}
        fields, data = {**_drop_annotation(meta), "text": text}, dict(doc.user_data)
        yield replace(entry, document=doc.to_bytes(), fields=fields, user_data=data)


def _give_up(source: Source, read: Position, before: int, reason: str) -> Entry:
    """The entry for the rest of a file, which cannot be read now or later."""
    reason = f"from here on the file cannot be read: {reason}"
    end = Position(read.file + 1)
    return Entry(source.path, read.line + 1, end, before + source.size, reason=reason)
