"""What is done with a shard, in whatever process."""

from contextlib import closing
from typing import Any, NamedTuple

import srsly
from spacy.tokens import Doc, DocBin

from ...annotator import Annotator
from ...corpora import dump_json
from ...corpora.forms import least_certain
from ...corpora.stream import Entry, Shard, read_shard

# Of lists and objects in each other: what one process can just read, another one cannot write.
DEEPEST = 500
CANNOT_HOLD = (ValueError, TypeError, OverflowError, RecursionError)


class Done(NamedTuple):
    """A shard that was annotated.

    number: of the shard, from 1; size (bytes): of its input.
    data: lines of JSON, or a DocBin; rejected: a row for each bad line.
    """

    number: int
    size: int
    n_docs: int
    n_words: int
    data: bytes
    rejected: list[dict[str, Any]]


class Work(NamedTuple):
    """Annotates shards, wherever it is sent.

    is_binary: make a DocBin, not JSON lines.
    uncertain (documents): keep so many, the least certain; 0 for all.
    strict: stop at the first bad line.
    """

    annotator: Annotator
    is_binary: bool
    uncertain: int
    strict: bool

    def __call__(self, number: int, shard: Shard) -> Done:
        """Annotate a shard. RAISES (ValueError): a bad line if strict, a model of no use."""
        entries = list(read_shard(shard, max_length=self.annotator.nlp.max_length))
        # Once, not for each document: srsly looks for entry points, which takes milliseconds.
        data = [entry.user_data for entry in entries]
        doc_bin, is_packable = DocBin(store_user_data=any(data)), _is_packable(data)
        rows, n_words = list[bytes](), 0
        bad = {place: entry.reason for place, entry in enumerate(entries) if entry.reason}
        good = [place for place in range(len(entries)) if place not in bad]
        documents = (entries[place].document or "" for place in good)
        with closing(self.annotator.pipe(documents)) as docs:
            for doc, n in docs:
                try:
                    self._add(doc, entries[good[n]], rows, doc_bin, is_packable)
                    n_words += len(doc)
                except ValueError as error:
                    bad[good[n]] = str(error)
        rejected = []
        for place, reason in sorted(bad.items()):
            if self.strict:
                raise ValueError(
                    f"{entries[place].name}: {reason}\nRepair it and start anew with --overwrite, "
                    "or go on without --strict to set bad lines aside"
                )
            row = {"file": shard.name, "line": entries[place].line, "reason": reason}
            rejected.append({**row, "content": entries[place].fields.get("text")})
        rows = least_certain(rows, self.uncertain) if self.uncertain else rows
        content = doc_bin.to_bytes() if self.is_binary else b"".join(rows)
        return Done(number, shard.size, len(entries) - len(bad), n_words, content, rejected)

    def _add(
        self, doc: Doc, entry: Entry, rows: list[bytes], doc_bin: DocBin, is_packable: bool
    ) -> None:
        """Take what was found. RAISES (ValueError): what cannot be written, and why."""
        if doc.text != entry.fields["text"]:
            raise ValueError("the tokenizer must keep the text, was: another. Use another one")
        if self.annotator.soft and entry.has_spans:
            raise ValueError(
                "soft labels must not replace the spans of a line, was: a line with some. To fix: "
                "convert the file to .spacy, where they get a group of their own"
            )
        try:
            if self.is_binary:
                if not is_packable:
                    srsly.msgpack_dumps(entry.user_data)  # before the bin holds half of a document
                # Without what components leave there, such as arrays of a transformer.
                doc.user_data = entry.user_data
                doc_bin.add(doc)
            else:
                row = {**entry.fields, **self.annotator.describe(doc)}
                line = f"{dump_json(row, ensure_ascii=False)}\n"
                if line.count("[") + line.count("{") > DEEPEST and _is_deep(row):
                    raise ValueError(f"lists or objects more than {DEEPEST} deep")
                rows.append(line.encode("utf-8", "backslashreplace"))  # half a character
        except CANNOT_HOLD as error:
            raise ValueError(
                f"its fields must be such as the output can hold, was: {error}. Change them"
            ) from error


def _is_deep(value: Any) -> bool:
    """Whether there are more than DEEPEST lists and objects in each other."""
    level = [value]
    for _ in range(DEEPEST):
        inner = [x for x in level if isinstance(x, (dict, list))]
        level = [y for x in inner for y in (x.values() if isinstance(x, dict) else x)]
        if not level:
            return False
    return any(isinstance(x, (dict, list)) for x in level)


def _is_packable(data: Any) -> bool:
    """Whether a DocBin can hold some data."""
    try:
        srsly.msgpack_dumps(data)
    except CANNOT_HOLD:
        return False
    return True
