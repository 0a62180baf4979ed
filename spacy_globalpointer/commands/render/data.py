"""What `spacy global-pointer render` shows: texts, annotated documents, and their gold spans."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.util import is_package

from ...corpora import UNSPACED_LANGUAGES, read_records, record_to_doc
from ...corpora.docbin import read_docbin
from ...corpora.messages import list_some
from ...corpora.sources import Source
from ...corpora.stream import read_entries
from ...spans import LabelledSpan
from ..convert import SUFFIXES, find_sources
from ..labels import list_labels

MOST_REMARKS = 3
TEXTS = re.compile(r"\.txt(\.gz)?$")

# A document and its gold spans (characters); None if it is not annotated.
Document = tuple[Doc, set[LabelledSpan] | None]


def split_inputs(inputs: Sequence[str], text: str | None) -> tuple[str | None, list[Path]]:
    """Tell the pipeline from the data.

    text: to predict, in place of data.
    RETURNS: name of the pipeline, None for none; files of the data: those of a folder are its
        .spacy files if it has some.
    RAISES (ValueError): too many inputs or too few, or no data there.
    """
    what = " ".join(inputs)
    if text is not None and len(inputs) != 1:
        raise ValueError(f"--text needs one pipeline and no data, was: {what}")
    if text is not None and not text.strip():
        raise ValueError(f"--text must be a text, was: {text!r}")
    if text is not None:
        return what, []
    if len(inputs) > 2:
        raise ValueError(f"inputs must be a pipeline and data, or one of them, was: {what}")
    if len(inputs) == 1 and ((Path(what) / "config.cfg").is_file() or is_package(what)):
        raise ValueError(f"a pipeline needs data or --text, was: {what} alone")
    path = Path(inputs[-1])
    files = sorted(path.rglob("*.spacy")) if path.is_dir() else []
    files = files or find_sources(path, re.compile(f"{SUFFIXES.pattern}|{TEXTS.pattern}"))
    return inputs[0] if len(inputs) == 2 else None, files


def read_documents(
    nlp: Language, files: Sequence[Path], spans_key: str, format: str, limit: int
) -> tuple[list[Document], list[str]]:
    """Read the first documents of files; those without tokens are left out, and counted.

    spans_key: of the gold spans in .spacy files.
    format: a name in corpora.FORMATS, "txt" or "auto".
    limit (documents): 0 means all.
    RETURNS: the documents, and what a user should know about them.
    RAISES (ValueError): what cannot be read, or no documents.
    """
    remarks: Counter[str] = Counter()
    documents: list[Document] = []
    notes = []
    n_empty = 0
    read = (_read_file(nlp, file, spans_key, format, remarks) for file in files)
    for doc, gold in chain.from_iterable(read):
        if limit and len(documents) == limit:
            notes.append(f"Only the first {limit} documents are looked at; --limit 0 takes all")
            break
        if len(doc):
            documents.append((doc, gold))
        else:
            n_empty += 1
    if not documents:
        raise ValueError(f"data must hold documents, but there is none in: {list_some(files)}")
    if n_empty:
        notes.append(f"{n_empty} documents without a token are left out")
    notes += [f"{remark} ({n} documents)" for remark, n in remarks.most_common(MOST_REMARKS)]
    return documents, notes


def _read_file(
    nlp: Language, path: Path, spans_key: str, format: str, remarks: Counter[str]
) -> Iterator[Document]:
    """Documents of a file; what its reader remarks is counted."""
    if path.suffix == ".spacy":
        for doc in read_docbin(path, nlp.vocab):
            yield doc, set(in_characters(doc.spans[spans_key])) if spans_key in doc.spans else None
    elif format == "txt" or (format == "auto" and TEXTS.search(path.name)):
        source = Source(path, "txt", path.stat().st_size)
        for entry in read_entries([source], max_length=nlp.max_length):
            if not isinstance(entry.document, str):
                raise ValueError(f"{path} line {entry.line}: {entry.reason}")
            yield nlp.make_doc(entry.document), None
    else:
        joiner = "" if nlp.lang in UNSPACED_LANGUAGES else " "
        for record in read_records(path, format=format, joiner=joiner):
            doc, outcomes, _ = record_to_doc(record, nlp, spans_key=spans_key)
            remarks.update(record.notes)
            gold = None
            if record.spans is not None:
                rows = zip(record.spans, outcomes, strict=True)
                gold = {LabelledSpan(*span) for span, outcome in rows if outcome == "skipped"}
                gold.update(in_characters(doc.spans[spans_key]))
            yield doc, gold


def in_characters(spans: Iterable[Span]) -> list[LabelledSpan]:
    """Where spans are in the text of their document."""
    return [LabelledSpan(span.start_char, span.end_char, span.label_) for span in spans]


def check_gold(
    documents: Sequence[Document], spans_key: str, labels: Sequence[str] | None, required: bool
) -> list[str]:
    """Say what a user should know about the gold spans.

    labels: of the component; None where there is none.
    required: the prediction is only of use with gold spans.
    RAISES (ValueError): there are none, though they are required or there is no component.
    """
    golds = [gold for _, gold in documents if gold is not None]
    notes = []
    if not golds:
        others = sorted({key for doc, _ in documents for key in doc.spans})
        names = list_labels((other, None) for other in others) or "none"
        what = f"{spans_key!r}, but all groups there are: {names}"
        if labels is None or required:
            why = "data for --errors-only" if required else "data without a pipeline"
            other = ", or a pipeline before the data: MODEL DATA" if labels is None else ""
            raise ValueError(
                f"{why} must have gold spans in the group {what}. To fix: --spans-key{other}"
            )
        if others:
            notes.append(f"No gold spans are shown: the data should have the group {what}")
    elif len(golds) < len(documents):
        n = len(documents) - len(golds)
        notes.append(f"{n} of {len(documents)} documents have no span group {spans_key!r}")
    n_of = Counter(span.label for gold in golds for span in gold)
    rows = [(label, n) for label, n in n_of.most_common() if label not in (labels or n_of)]
    if rows:
        notes.append(
            f"Gold spans of labels that the component does not have: {list_labels(rows)}. "
            f"Its labels are: {list_labels((label, None) for label in labels or ())}"
        )
    return notes
