"""What is done with a shard, in whatever process."""

from collections import Counter
from typing import Any, NamedTuple

import srsly
from spacy.tokens import Doc, DocBin

from ...annotator import Annotator
from ...corpora import dump_json
from ...corpora.forms import least_certain, transform
from ...corpora.stream import Entry, Shard, read_shard


class Done(NamedTuple):
    """A shard that was annotated.

    number: of the shard, from 1; size (bytes): of its input.
    data: to write; rejected: a row for each bad line.
    notes: what the form has no place for, counted.
    """

    number: int
    size: int
    n_docs: int
    n_words: int
    data: bytes
    rejected: list[dict[str, Any]]
    notes: Counter[str]


class Work(NamedTuple):
    """Annotates shards, wherever it is sent.

    to: form of the data: one of CONTAINERS, but for "pairs".
    model: the name of what predicts, for tools.
    uncertain (documents): keep so many, the least certain; 0 for all.
    strict: stop at the first bad line.
    """

    annotator: Annotator
    to: str
    model: str
    uncertain: int
    strict: bool

    def __call__(self, number: int, shard: Shard) -> Done:
        """Annotate a shard. RAISES (ValueError): a bad line if strict, a model of no use."""
        rows: list[bytes] = []
        doc_bin, notes, n_words = DocBin(store_user_data=True), Counter[str](), 0
        entries = list(read_shard(shard, max_length=self.annotator.nlp.max_length))
        bad = {place: entry.reason for place, entry in enumerate(entries) if entry.reason}
        good = [place for place in range(len(entries)) if place not in bad]
        for doc, n in self.annotator.pipe(entries[place].document or "" for place in good):
            try:
                self._add(doc, entries[good[n]], rows, doc_bin)
                n_words += len(doc)
            except ValueError as error:
                bad[good[n]] = str(error)
        for place in sorted(bad) if self.strict else ():
            raise ValueError(
                f"{entries[place].name}: {bad[place]}\nRepair it and start anew with --overwrite, "
                "or go on without --strict to set bad lines aside"
            )
        if self.uncertain:
            rows = least_certain(rows, self.uncertain)
        is_bin = self.to == "spacy"
        parts = [doc_bin.to_bytes()] if is_bin else transform(rows, self.to, self.model, notes)
        rejected = [
            {"file": x.file, "line": x.line, "reason": bad[place], "content": x.fields.get("text")}
            for place, x in enumerate(entries)
            if place in bad
        ]
        n_docs = len(entries) - len(bad)
        return Done(number, shard.size, n_docs, n_words, b"".join(parts), rejected, notes)

    def _add(self, doc: Doc, entry: Entry, rows: list[bytes], doc_bin: DocBin) -> None:
        """Take what was found. RAISES (ValueError): what cannot be written, and why."""
        if doc.text != entry.fields["text"]:
            raise ValueError("the tokenizer must keep the text, was: another. Use another one")
        if self.annotator.soft and entry.has_spans:
            raise ValueError(
                "soft labels must not replace the spans of a line, was: a line with some. To fix: "
                "convert the file to .spacy, where they get a group of their own"
            )
        try:
            if self.to == "spacy":
                srsly.msgpack_dumps(entry.user_data)
                # Without what components leave there, such as arrays of a transformer.
                doc.user_data = entry.user_data
                doc_bin.add(doc)
            else:
                row = {**entry.fields, **self.annotator.describe(doc)}
                line = f"{dump_json(row, ensure_ascii=False)}\n"
                rows.append(line.encode("utf-8", "backslashreplace"))  # half a character
        except (ValueError, TypeError, OverflowError, RecursionError) as error:
            raise ValueError(
                f"its fields must be such as the output can hold, was: {error}. Change them"
            ) from error
