"""What `spacy global-pointer render` shows: texts, annotated documents, and their gold spans."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.util import is_package

from ...corpora import UNSPACED_LANGUAGES, Record, read_records, record_to_doc
from ...corpora.docbin import read_docbin
from ...corpora.messages import list_some
from ...corpora.sources import Source
from ...corpora.stream import read_entries
from ...relations import EDGES, get_relations, has_relations
from ...spans import LabelledRelation, LabelledSpan
from ..convert import SUFFIXES, find_sources
from ..labels import list_labels

MOST_REMARKS = 3
TEXTS = re.compile(r"\.txt(\.gz)?$")

# Relations (characters) with their scores, None for gold ones.
Related = dict[LabelledRelation, float | None]


class Document(NamedTuple):
    """A document and its gold spans and relations (characters); None where it has no such group."""

    doc: Doc
    spans: set[LabelledSpan] | None
    relations: Related | None = None


class Keys(NamedTuple):
    """Groups of the gold: of spans, None for doc.ents; of relations, None to show none."""

    spans: str | None
    relations: str | None

    @property
    def of_records(self) -> str:
        """The group of the spans of files that are not .spacy."""
        return self.spans or "sc"

    def describe(self) -> str:
        """The group of the spans, as messages name it."""
        return "doc.ents" if self.spans is None else f"the group {self.spans!r}"


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
    nlp: Language, files: Sequence[Path], keys: Keys, format: str, limit: int
) -> tuple[list[Document], list[str]]:
    """Read the first documents of files; those without tokens are left out, and counted.

    keys: of the gold in .spacy files.
    format: a name in corpora.FORMATS, "txt" or "auto".
    limit (documents): 0 means all.
    RETURNS: the documents, and what a user should know about them.
    RAISES (ValueError): what cannot be read, or no documents.
    """
    remarks: Counter[str] = Counter()
    documents: list[Document] = []
    notes = []
    n_empty = 0
    read = (_read_file(nlp, file, keys, format, remarks) for file in files)
    for document in chain.from_iterable(read):
        if limit and len(documents) == limit:
            notes.append(f"Only the first {limit} documents are looked at; --limit 0 takes all")
            break
        if len(document.doc):
            documents.append(document)
        else:
            n_empty += 1
    if not documents:
        raise ValueError(f"data must hold documents, but there is none in: {list_some(files)}")
    if n_empty:
        notes.append(f"{n_empty} documents without a token are left out")
    notes += [f"{remark} ({n} documents)" for remark, n in remarks.most_common(MOST_REMARKS)]
    return documents, notes


def _read_file(
    nlp: Language, path: Path, keys: Keys, format: str, remarks: Counter[str]
) -> Iterator[Document]:
    """Documents of a file; what its reader remarks is counted."""
    if path.suffix == ".spacy":
        for doc in read_docbin(path, nlp.vocab):
            related = None if keys.relations is None else read_relations(doc, keys.relations)
            yield Document(doc, read_spans(doc, keys.spans), related)
    elif format == "txt" or (format == "auto" and TEXTS.search(path.name)):
        source = Source(path, "txt", path.stat().st_size)
        for entry in read_entries([source], max_length=nlp.max_length):
            if not isinstance(entry.document, str):
                raise ValueError(f"{path} line {entry.line}: {entry.reason}")
            yield Document(nlp.make_doc(entry.document), None)
    else:
        joiner = "" if nlp.lang in UNSPACED_LANGUAGES else " "
        for record in read_records(path, format=format, joiner=joiner):
            if keys.relations is None:
                record = replace(record, relations=None)
            doc, outcomes, _ = record_to_doc(
                record, nlp, spans_key=keys.of_records, relations_key=keys.relations or ""
            )
            remarks.update(record.notes)
            gold = None
            if record.spans is not None:
                rows = zip(record.spans, outcomes, strict=True)
                gold = {LabelledSpan(*span) for span, outcome in rows if outcome == "skipped"}
                gold.update(in_characters(doc.spans[keys.of_records]))
            yield Document(doc, gold, _read_edges(record))


def read_spans(doc: Doc, key: str | None) -> set[LabelledSpan] | None:
    """Spans (characters) of a document; None if it is not annotated.

    key: of doc.spans; None for doc.ents.
    """
    if key is None:
        return set(in_characters(doc.ents)) if doc.has_annotation("ENT_IOB") else None
    return set(in_characters(doc.spans[key])) if key in doc.spans else None


def read_relations(doc: Doc, key: str) -> Related | None:
    """Relations (characters) of a document; None if it is not annotated.

    RAISES (ValueError): what cannot be a relation.
    """
    if not has_relations(doc, key):
        return None
    relations = get_relations(doc, key)
    ends = in_characters(span for r in relations for span in (r.head, r.child))
    rows = zip(ends[::2], ends[1::2], relations, strict=True)
    return {LabelledRelation(head, child, r.label): r.score for head, child, r in rows}


def _read_edges(record: Record) -> Related | None:
    """The relations of a record: also those of spans that do not fit the tokens."""
    if record.relations is None:
        return None
    spans = [LabelledSpan(*span) for span in record.spans or ()]
    rows = ((spans[head], spans[child], label) for head, child, label in record.relations)
    return {LabelledRelation(*row): None for row in rows}


def in_characters(spans: Iterable[Span]) -> list[LabelledSpan]:
    """Where spans are in the text of their document."""
    return [LabelledSpan(span.start_char, span.end_char, span.label_) for span in spans]


def check_gold(
    documents: Sequence[Document],
    keys: Keys,
    labels: Sequence[str] | None,
    *,
    is_alone: bool,
    required: bool,
) -> list[str]:
    """Say what a user should know about the gold spans.

    labels: of the component that finds spans; None if they are not known.
    is_alone: there is no pipeline.
    required: the prediction is only of use with gold spans or relations.
    RAISES (ValueError): there are none, though they are required or there is no pipeline.
    """
    golds = [document.spans for document in documents if document.spans is not None]
    n_related = sum(document.relations is not None for document in documents)
    notes = []
    if not golds:
        others = sorted({key for document in documents for key in document.doc.spans})
        names = list_labels((other, None) for other in others) or "none"
        what = f"{keys.describe()}, but all groups there are: {names}"
        if (is_alone or required) and not n_related:
            why = "data for --errors-only" if required else "data without a pipeline"
            other = ", or a pipeline before the data: MODEL DATA" if is_alone else ""
            raise ValueError(f"{why} must have gold spans in {what}. To fix: --spans-key{other}")
        if n_related:
            notes.append(f"Only gold spans of relations are shown: the data should have {what}")
        elif others:
            notes.append(f"No gold spans are shown: the data should have {what}")
    elif len(golds) < len(documents):
        n = len(documents) - len(golds)
        group = "doc.ents" if keys.spans is None else f"span group {keys.spans!r}"
        notes.append(f"{n} of {len(documents)} documents have no {group}")
    n_of = Counter(span.label for gold in golds for span in gold)
    rows = [(label, n) for label, n in n_of.most_common() if label not in (labels or n_of)]
    if rows:
        notes.append(
            f"Gold spans of labels that the component does not have: {list_labels(rows)}. "
            f"Its labels are: {list_labels((label, None) for label in labels or ())}"
        )
    return notes


def check_gold_relations(
    documents: Sequence[Document], keys: Keys, labels: Sequence[str] | None, *, is_asked: bool
) -> list[str]:
    """Say what a user should know about the gold relations.

    labels: of the component that finds relations; None if there is none.
    is_asked: the user has named their group.
    RAISES (ValueError): there are none in the group that was named.
    """
    if keys.relations is None:
        return []
    golds = [document.relations for document in documents if document.relations is not None]
    what = f"relations in the group {keys.relations!r}"
    if not golds and is_asked:
        docs = (document.doc for document in documents)
        others = {key for doc in docs for key, group in doc.spans.items() if EDGES in group.attrs}
        names = list_labels((other, None) for other in sorted(others)) or "none"
        raise ValueError(
            f"the data must have {what}, but all groups with relations there are: {names}. "
            "To fix: --relations-key"
        )
    notes = []
    if 0 < len(golds) < len(documents):
        n = len(documents) - len(golds)
        notes.append(f"{n} of {len(documents)} documents have no {what}")
    n_of = Counter(relation.label for gold in golds for relation in gold)
    rows = [(label, n) for label, n in n_of.most_common() if label not in (labels or n_of)]
    if rows:
        notes.append(
            f"Gold relations of labels that the component does not have: {list_labels(rows)}. "
            f"Its labels are: {list_labels((label, None) for label in labels or ())}"
        )
    return notes
