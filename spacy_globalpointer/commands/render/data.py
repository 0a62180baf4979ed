"""What `spacy global-pointer render` shows: texts, annotated documents, and their gold spans."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from spacy.language import Language
from spacy.tokens import Doc, SpanGroup
from spacy.util import is_package

from ...corpora import UNSPACED_LANGUAGES, read_records, record_to_doc
from ...corpora.sources import Source
from ...corpora.stream import read_entries
from ..convert import SUFFIXES, find_sources
from ..labels import list_labels

MOST_REMARKS = 3
TEXTS = re.compile(r"\.txt(\.gz)?$")


class Data(NamedTuple):
    """Documents to show.

    docs: the documents.
    left_out (spans): of each label that a document has in the file, but not as tokens.
    notes: what a user should know about them.
    """

    docs: list[Doc]
    left_out: list[Counter[str]]
    notes: list[str]


def split_inputs(inputs: Sequence[str], text: str | None) -> tuple[str | None, str | None]:
    """Tell the pipeline from the data.

    text: to predict, in place of data.
    RETURNS: name of the pipeline and path of the data, None for what there is not.
    RAISES (ValueError): too many or too few.
    """
    what = " ".join(inputs)
    if text is not None:
        if len(inputs) != 1:
            raise ValueError(f"--text needs one pipeline and no data, was: {what}")
        if not text.strip():
            raise ValueError(f"--text must be a text, was: {text!r}")
        return inputs[0], None
    if len(inputs) > 2:
        raise ValueError(f"inputs must be a pipeline and data, or one of them, was: {what}")
    if len(inputs) == 2:
        return inputs[0], inputs[1]
    if (Path(what) / "config.cfg").is_file() or is_package(what):
        raise ValueError(f"a pipeline needs data or --text, was: {what} alone")
    return None, what


def read_documents(
    nlp: Language, path: Path, *, spans_key: str, format: str = "auto", limit: int = 0
) -> Data:
    """Read the first documents of a file or folder; those without tokens are left out, and told.

    spans_key: of the spans in files that do not say.
    format: a name in corpora.FORMATS, "txt" or "auto".
    limit (documents): 0 means all.
    RAISES (ValueError): what cannot be read, or no documents.
    """
    remarks: Counter[str] = Counter()
    read = (
        pair
        for file in find_files(path)
        for pair in _read_file(nlp, file, spans_key, format, remarks)
    )
    docs: list[Doc] = []
    left_out: list[Counter[str]] = []
    n_empty, is_more = 0, False
    for doc, skipped in read:
        if limit and len(docs) == limit:
            is_more = True
            break
        if len(doc):
            docs.append(doc)
            left_out.append(skipped)
        else:
            n_empty += 1
    if not docs:
        raise ValueError(f"data must hold documents, but there is none in: {path}")
    notes = []
    if is_more:
        notes.append(f"Only the first {limit} documents are looked at; --limit 0 takes all")
    if n_empty:
        notes.append(f"{n_empty} documents without a token are left out")
    labels: Counter[str] = Counter()
    for skipped in left_out:
        labels.update(skipped)
    if labels:
        shown = list_labels(labels.most_common())
        notes.append(f"Spans that do not begin and end where tokens do are not drawn: {shown}")
    notes += [f"{remark} ({n} documents)" for remark, n in remarks.most_common(MOST_REMARKS)]
    return Data(docs, left_out, notes)


def find_files(path: Path) -> list[Path]:
    """The data file, or those in a folder: its .spacy files if it has some.

    RAISES (ValueError): no data there.
    """
    documents = sorted(path.rglob("*.spacy")) if path.is_dir() else []
    return documents or find_sources(path, re.compile(f"{SUFFIXES.pattern}|{TEXTS.pattern}"))


def _read_file(
    nlp: Language, path: Path, spans_key: str, format: str, remarks: Counter[str]
) -> Iterator[tuple[Doc, Counter[str]]]:
    """Documents of a file, with the labels of spans that have no tokens of their own."""
    is_text = format == "txt" or (format == "auto" and TEXTS.search(path.name) is not None)
    if path.suffix == ".spacy" or is_text:
        source = Source(path, "spacy" if path.suffix == ".spacy" else "txt", path.stat().st_size)
        for entry in read_entries([source], max_length=nlp.max_length):
            if entry.document is None:
                raise ValueError(f"{path} line {entry.line}: {entry.reason}")
            if isinstance(entry.document, bytes):
                yield Doc(nlp.vocab).from_bytes(entry.document), Counter()
            else:
                yield nlp.make_doc(entry.document), Counter()
        return
    joiner = "" if nlp.lang in UNSPACED_LANGUAGES else " "
    for record in read_records(path, format=format, joiner=joiner):
        doc, outcomes = record_to_doc(record, nlp, spans_key=spans_key)
        spans = zip(record.spans or (), outcomes, strict=True)
        remarks.update(record.notes)
        yield doc, Counter(label for (_, _, label), outcome in spans if outcome == "skipped")


def take_gold(
    docs: Sequence[Doc],
    spans_key: str,
    labels: Sequence[str] | None = None,
    *,
    required: bool = False,
) -> tuple[list[SpanGroup | None], list[str]]:
    """Find the gold spans.

    labels: of the component; None where there is none.
    required: the prediction will be compared with them.
    RETURNS: the group of each document, None if it has none; and what a user should know.
    RAISES (ValueError): no document has the group, and there is no component, or it is required.
    """
    groups = [doc.spans[spans_key] if spans_key in doc.spans else None for doc in docs]
    n_without = groups.count(None)
    notes = []
    if n_without:
        others = sorted({key for doc in docs for key in doc.spans})
        if n_without == len(docs) and (labels is None or required or others):
            names = list_labels((other, None) for other in others) or "none"
            what = f"{spans_key!r}, but all groups there are: {names}"
            if labels is None or required:
                why = "data for --errors-only" if required else "data without a pipeline"
                other = ", or a pipeline before the data: MODEL DATA" if labels is None else ""
                raise ValueError(
                    f"{why} must have gold spans in the group {what}. To fix: --spans-key{other}"
                )
            notes.append(f"No gold spans are shown: the data should have the group {what}")
        elif n_without < len(docs):
            notes.append(f"{n_without} of {len(docs)} documents have no span group {spans_key!r}")
    if labels is not None:
        unknown = Counter(s.label_ for group in groups if group for s in group)
        rows = [(label, n) for label, n in unknown.most_common() if label not in labels]
        if rows:
            notes.append(
                f"Gold spans of labels that the component does not have: {list_labels(rows)}. "
                f"Its labels are: {list_labels((label, None) for label in labels)}"
            )
    return groups, notes


def tokenize(nlp: Language, doc: Doc) -> Doc:
    """The same text as a pipeline gets it in training and evaluation (spacy.Corpus)."""
    if not doc.has_unknown_spaces:
        return nlp.make_doc(doc.text)
    words, spaces = [token.text for token in doc], [bool(token.whitespace_) for token in doc]
    return Doc(nlp.vocab, words=words, spaces=spaces)
