"""Large corpora in shards that fit into memory, and the documents of each."""

import gzip
import sys
import zlib
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import IO, Any, NamedTuple, cast

from spacy.tokens import Doc
from spacy.vocab import Vocab

from ..label_sets import SPAN_LABELS
from .containers import get_text, parse_object
from .docbin import read_docbin
from .encoding import advise_encoding
from .gold_parts import INDEXED_KEYS, NO_ANSWERS
from .record import Record
from .sources import STDIN, Source
from .writers.form import move_to_meta

# A shard is in memory as a whole, so long documents make it end earlier.
SHARD_BYTES = 4_000_000
# A line of more bytes is skipped unread: it may be a whole file without a line break.
LONGEST_LINE = 2**26


class RawLine(NamedTuple):
    """A line that is not blank, or a document of .spacy.

    number: in its file, from 1.
    content: the bytes, without the line's end; or a serialised Doc.
    fault: why the rest of the file cannot be read; empty if it can.
    """

    number: int
    content: bytes
    fault: str = ""


class Shard(NamedTuple):
    """What is read, annotated and written at once.

    name: file, for messages.
    kind: "txt", "jsonl" or "spacy".
    lines: of one file, in order.
    size (bytes): of the part of the source that was read for it, as far as that is known.
    """

    name: str
    kind: str
    lines: list[RawLine]
    size: int


@dataclass(frozen=True)
class Entry:
    """A line of a shard, and what it holds: a document, or the reason why there is none.

    file, line: where it was; documents of .spacy are counted from 1 as lines are.
    document: the text, or a serialised Doc; None if there is a reason.
    fields: of its JSON object or of doc.user_data["meta"], without annotation. Of a bad line,
        "text" is the line.
    user_data: of the Doc; for a JSON object, its other fields as "meta".
    reason: why it cannot become a document.
    has_spans: whether its JSON object had "spans", which are not in its fields.
    """

    file: str
    line: int
    document: str | bytes | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    user_data: dict[Any, Any] = field(default_factory=dict)
    reason: str | None = None
    has_spans: bool = False

    @property
    def name(self) -> str:
        """File and line, for messages."""
        return f"{self.file} line {self.line}"

    def refuse(self, error: Exception, **fields: Any) -> "Entry":
        """The same without a document, with the reason."""
        reason = str(error).removeprefix(f"{self.name}: ")
        return replace(self, fields=fields, reason=reason)


def read_entries(sources: Sequence[Source], *, max_length: int) -> Iterator[Entry]:
    """Documents of files, in order. Blank lines give none.

    sources: what list_sources returned.
    max_length (characters): longest text.
    YIELDS: documents, and lines that are none, with the reason.
    """
    for shard in split_sources(sources):
        yield from read_shard(shard, max_length=max_length)


def split_sources(sources: Sequence[Source], most: int = 1000) -> Iterator[Shard]:
    """Shards of files, in order: always the same for the same files.

    sources: what list_sources returned.
    most (documents): of a shard, which has fewer where they are long, and at the end of a file.
    """
    for source in sources:
        read = _read_docs if source.kind == "spacy" else _read_lines
        kind, lines, held, start = source.kind, [], 0, 0
        for line, end in read(source):
            if kind == "auto":
                kind = "jsonl" if line.content.lstrip().startswith(b"{") else "txt"
            lines.append(line)
            held += len(line.content)
            if len(lines) == most or held >= SHARD_BYTES:
                yield Shard(str(source.path), kind, lines, end - start)
                lines, held, start = [], 0, end
        if lines:
            yield Shard(str(source.path), kind, lines, max(source.size - start, 0))


def _read_lines(source: Source) -> Iterator[tuple[RawLine, int]]:
    """Lines of a text file or of JSON lines, with the bytes that were read of the file so far."""
    number = offset = 0
    with ExitStack() as stack:
        raw: IO[bytes] = sys.stdin.buffer
        if source.path != STDIN:
            raw = stack.enter_context(source.path.open("rb"))
        is_packed = source.path.suffix == ".gz"
        file = cast(IO[bytes], stack.enter_context(gzip.open(raw))) if is_packed else raw
        try:
            for number, (content, size) in enumerate(_split(file), start=1):
                offset += size
                content = content.removeprefix(BOM_UTF8)  # of any line: files may have been joined
                if content.strip():
                    yield RawLine(number, content), raw.tell() if is_packed else offset
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            reason = f"a file named .gz must be complete gzip data, was: {error}. Fetch it again"
            yield RawLine(number + 1, b"", reason), source.size


def _split(file: IO[bytes]) -> Iterator[tuple[bytes, int]]:
    """Lines without their ends, and their size; of a longer one, one byte more than the longest."""
    while line := file.readline(LONGEST_LINE + 1):
        size, piece = len(line), line
        while len(piece) > LONGEST_LINE and not piece.endswith(b"\n"):
            piece = file.readline(LONGEST_LINE + 1)
            size += len(piece)
        yield line.removesuffix(b"\n").removesuffix(b"\r"), size


def _read_docs(source: Source) -> Iterator[tuple[RawLine, int]]:
    """Documents of a .spacy file, which is in memory as a whole.

    A document is handed on as bytes, and the file has a vocabulary of its own: both can be
    dropped when they are read, whatever becomes of the pipeline's vocabulary.
    """
    try:
        docs = list(read_docbin(source.path, Vocab()))
    except ValueError as error:
        yield RawLine(1, b"", str(error)), source.size
        return
    for number, doc in enumerate(docs, start=1):
        yield RawLine(number, doc.to_bytes()), source.size * number // len(docs)


def read_shard(shard: Shard, *, max_length: int) -> Iterator[Entry]:
    """The documents of a shard.

    max_length (characters): longest text.
    YIELDS: an entry for each line.
    """
    vocab = Vocab()  # of .spacy documents, whose words go with it
    for number, content, fault in shard.lines:
        entry = Entry(shard.name, number)
        if fault:
            yield replace(entry, reason=f"from here on the file cannot be read: {fault}")
        elif shard.kind == "spacy":
            yield _parse_doc(entry, Doc(vocab).from_bytes(content), content, max_length)
        else:
            yield _parse_line(entry, content, shard.kind, max_length)


def _parse_line(entry: Entry, line: bytes, kind: str, max_length: int) -> Entry:
    """The entry with its document, or with the reason why it has none."""
    try:
        if len(line) > LONGEST_LINE:
            line = line[:1000]
            raise ValueError(f"a line must have at most {LONGEST_LINE} bytes, was: more. Cut it")
        content = _decode_line(line)
        row = parse_object(content, entry.name) if kind == "jsonl" else {"text": content}
        text = _check_text(get_text(row, entry.name), entry, max_length)
    except ValueError as error:
        return entry.refuse(error, text=line.decode("utf-8", "backslashreplace"))
    has_spans, row = "spans" in row, _drop_annotation(row)
    meta = {key: value for key, value in row.items() if key != "text"}
    data = {"meta": meta} if meta else {}
    return replace(entry, document=text, fields=row, user_data=data, has_spans=has_spans)


def _parse_doc(entry: Entry, doc: Doc, content: bytes, max_length: int) -> Entry:
    """The entry with its document, or with the reason why it has none."""
    try:
        text = _check_text(doc.text, entry, max_length)
    except ValueError as error:
        return entry.refuse(error, text=doc.text)
    meta = doc.user_data.get("meta")
    meta = meta if isinstance(meta, dict) else {}
    fields, data = {**_drop_annotation(meta), "text": text}, dict(doc.user_data)
    return replace(entry, document=content, fields=fields, user_data=data)


def _drop_annotation(fields: dict[str, Any]) -> dict[str, Any]:
    """The same without annotation, and without what refers to it by its places.

    "tokens" and "relations" are left out in any case: beside other tokens, and the spans that are
    found, they would mean others. What would be taken for events of these, or for an answer to
    them, is in "meta".
    """
    annotation = {"spans", *INDEXED_KEYS} if "spans" in fields else {"relations"}
    annotation |= {"tokens", SPAN_LABELS}
    kept = {key: value for key, value in fields.items() if key not in annotation}
    names = {"events"} | ({"answer"} if kept.get("answer") in NO_ANSWERS else set())
    return move_to_meta(kept, names) if names & set(kept) else kept


def _decode_line(line: bytes) -> str:
    place = line.find(b"\0")  # valid, but of UTF-16: no one writes it into a text
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        place = error.start
    if place >= 0:
        raise ValueError(
            f"a line must be in UTF-8, was: byte {line[place]:#04x} at {place}. "
            f"{advise_encoding(line)}"
        )
    return text


def _check_text(text: str, entry: Entry, max_length: int) -> str:
    """The same text, if spaCy can take it."""
    if len(text) > max_length:
        raise ValueError(
            f"a text must have at most {max_length} characters (nlp.max_length), was: "
            f"{len(text)}. Cut it into documents"
        )
    return Record(text, source=entry.name).text
