"""Forms of annotated documents: JSON lines in a file or on standard output, parts of .spacy."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Union

import srsly
from spacy.tokens import Doc, DocBin

from ...corpora import dump_json
from ...corpora.stream import Entry
from .resumable import AppendedFile, part_of, replace_file

# A part of a .spacy folder is in memory as a whole: long documents make it end earlier.
PART_CHARACTERS = 4_000_000


def list_spans(doc: Doc, keys: Sequence[str]) -> list[dict[str, Any]]:
    """The spans of a document as JSON, by start, longest first, then label.

    keys: of doc.spans; several are named in each span.
    RETURNS: "start" and "end" (characters, exclusive), "label", "score" (probability).
    """
    spans = []
    for key in keys:
        group = doc.spans.get(key, ())
        scores = group.attrs.get("scores", ()) if group else ()
        for place, span in enumerate(group):
            row = {"start": span.start_char, "end": span.end_char, "label": span.label_}
            if len(scores) == len(group):  # a later component may have changed the group
                row["score"] = round(float(scores[place]), 6)
            if len(keys) > 1:
                row["key"] = key
            spans.append(row)
    return sorted(spans, key=lambda row: (row["start"], -row["end"], row["label"]))


def write_json(row: dict[str, Any]) -> bytes:
    """A line of JSON, readable where it can be: half a character can only be written in ASCII."""
    try:
        return dump_json(row, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:
        return dump_json(row).encode() + b"\n"


class JsonLines:
    """One JSON object for each document: the fields that it came with, and "spans".

    file: where they go.
    keys: of doc.spans.
    """

    # A run may stop after any batch and still write the same bytes when it goes on.
    ends_anywhere = True

    def __init__(self, file: Union[AppendedFile, "StandardOutput"], keys: Sequence[str]) -> None:
        self.file = file
        self.keys = keys

    def open(self, amount: int) -> None:
        """Go on after so many bytes."""
        self.file.open(amount)

    def check(self, entry: Entry) -> None:
        """Refuse what cannot be written.

        RAISES (ValueError, TypeError): metadata of a .spacy file that is no JSON.
        """
        if isinstance(entry.document, bytes):
            dump_json(entry.fields)

    def is_full(self, n_docs: int, n_characters: int) -> bool:
        """JSON lines have no parts."""
        return False

    def add(self, doc: Doc, entry: Entry) -> None:
        """Write a document."""
        self.file.write(write_json({**entry.fields, "spans": list_spans(doc, self.keys)}))

    def save(self) -> int:
        """Bring all to the disk.

        RETURNS (bytes): the length.
        """
        return self.file.save()

    def close(self) -> None:
        """Let go of the file."""
        self.file.close()


class StandardOutput:
    """Standard output as a file that cannot go on after anything."""

    def open(self, length: int) -> None:
        """Nothing to cut off."""

    def write(self, data: bytes) -> None:
        """Print data."""
        sys.stdout.buffer.write(data)

    def save(self) -> int:
        """Hand all to who reads it."""
        sys.stdout.buffer.flush()
        return 0

    def close(self) -> None:
        """It stays open for others."""


class SpacyParts:
    """A folder of .spacy files, each with so many documents that it fits into memory.

    target: the folder.
    size (documents): of a part.
    """

    # A part is written as a whole, and must have the same documents however often a run stops.
    ends_anywhere = False

    def __init__(self, target: Path, size: int) -> None:
        self.folder = part_of(target)
        self.size = size
        self.n_parts = 0
        self.doc_bin = DocBin(store_user_data=True)

    def open(self, amount: int) -> None:
        """Go on after so many parts, and remove later ones.

        RAISES (ValueError): there are fewer.
        """
        self.folder.mkdir(exist_ok=True)
        kept = {self._name(number) for number in range(1, amount + 1)}
        found = {path.name for path in self.folder.iterdir()}
        if kept - found:
            raise ValueError(
                f"{self.folder} must have the {amount} parts that the last run wrote, was: without "
                f"{min(kept - found)}. Start anew with --overwrite"
            )
        for name in found - kept:
            (self.folder / name).unlink()
        self.n_parts = amount

    def check(self, entry: Entry) -> None:
        """Refuse what cannot be written.

        RAISES (ValueError, TypeError, OverflowError): fields that msgpack does not know.
        """
        srsly.msgpack_dumps(_user_data(entry))

    def is_full(self, n_docs: int, n_characters: int) -> bool:
        """Whether a part ends here."""
        return n_docs >= self.size or n_characters >= PART_CHARACTERS

    def add(self, doc: Doc, entry: Entry) -> None:
        """Put a document into the part."""
        # What components leave there (arrays of a transformer) is not asked for.
        doc.user_data = _user_data(entry)
        self.doc_bin.add(doc)

    def save(self) -> int:
        """Write the part.

        RETURNS (parts): written so far.
        """
        if len(self.doc_bin):
            replace_file(self.folder / self._name(self.n_parts + 1), self.doc_bin.to_bytes())
            self.n_parts += 1
            self.doc_bin = DocBin(store_user_data=True)
        return self.n_parts

    def close(self) -> None:
        """Nothing is open."""

    @staticmethod
    def _name(number: int) -> str:
        return f"{number:06}.spacy"


def _user_data(entry: Entry) -> dict[Any, Any]:
    """The Doc's own user data; of a JSON object its fields, as "meta"."""
    meta = {key: value for key, value in entry.fields.items() if key != "text"}
    if entry.user_data or not meta:
        return entry.user_data
    return {"meta": meta}


Writer = JsonLines | SpacyParts


def is_no_part(name: str) -> bool:
    """Whether a file is something else than a part of a .spacy folder."""
    return not re.fullmatch(r"\d{6,}\.spacy", name)
