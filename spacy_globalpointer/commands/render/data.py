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

from ...corpora import UNSPACED_LANGUAGES, Reading, Record, read_records, record_to_doc
from ...corpora.docbin import read_docbin
from ...corpora.sources import Source
from ...corpora.stream import read_entries
from ...events import get_events, has_events, spans_of
from ...messages import list_some
from ...relations import get_relations, has_relations
from ...spans import LabelledEvent, LabelledRelation, LabelledSpan
from ..convert import SUFFIXES, find_sources

MOST_REMARKS = 3
TEXTS = re.compile(r"\.txt(\.gz)?$")

# Relations (characters) with their scores, None for gold ones.
Related = dict[LabelledRelation, float | None]
# The same of events.
Happened = dict[LabelledEvent, float | None]


class Document(NamedTuple):
    """A document and its gold (characters); None where it has no such group."""

    doc: Doc
    spans: set[LabelledSpan] | None
    relations: Related | None = None
    events: Happened | None = None


class Keys(NamedTuple):
    """Groups of the gold: of spans, None for doc.ents; of relations and events, None for none."""

    spans: Sequence[str | None]
    relations: str | None
    events: str | None = None

    @property
    def of_records(self) -> str:
        """The group of the spans of files that are not .spacy."""
        return next(filter(None, self.spans), "sc")

    def describe(self, what: str = "the group") -> str:
        """The groups of the spans, as messages name them."""
        groups = " or ".join(repr(key) for key in self.spans if key is not None)
        named = [f"{what} {groups}"] if groups else []
        return " or ".join([*named, *(["doc.ents"] if None in self.spans else [])])


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
            yield read_document(doc, keys)
    elif format == "txt" or (format == "auto" and TEXTS.search(path.name)):
        source = Source(path, "txt", path.stat().st_size)
        for entry in read_entries([source], max_length=nlp.max_length):
            if not isinstance(entry.document, str):
                raise ValueError(f"{path} line {entry.line}: {entry.reason}")
            yield Document(nlp.make_doc(entry.document), None)
    else:
        joiner = "" if nlp.lang in UNSPACED_LANGUAGES else " "
        for record in read_records(path, format=format, reading=Reading(joiner)):
            if keys.relations is None:
                record = replace(record, relations=None)
            if keys.events is None:
                record = replace(record, events=None)
            doc, outcomes, *_ = record_to_doc(
                record,
                nlp,
                spans_key=keys.of_records,
                relations_key=keys.relations or "",
                events_key=keys.events or "",
            )
            remarks.update(record.notes)
            gold = None
            if record.spans is not None:
                rows = zip(record.spans, outcomes, strict=True)
                gold = {LabelledSpan(*span) for span, outcome in rows if outcome == "skipped"}
                gold.update(in_characters(doc.spans[keys.of_records]))
            yield Document(doc, gold, *_read_joined(record))


def read_document(doc: Doc, keys: Keys) -> Document:
    """An annotated document with its gold.

    RAISES (ValueError): what cannot be a relation or an event.
    """
    related = None if keys.relations is None else read_relations(doc, keys.relations)
    happened = None if keys.events is None else read_happened(doc, keys.events)
    return Document(doc, read_spans(doc, *keys.spans), related, happened)


def read_spans(doc: Doc, *sources: str | None) -> set[LabelledSpan] | None:
    """Spans (characters) of a document; None if it is not annotated.

    sources: keys of doc.spans; None for doc.ents.
    """
    found: set[LabelledSpan] | None = None
    for key in sources:
        is_there = doc.has_annotation("ENT_IOB") if key is None else key in doc.spans
        if is_there:
            group = doc.ents if key is None else doc.spans[key]
            found = {*(found or ()), *in_characters(group)}
    return found


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


def read_happened(doc: Doc, key: str) -> Happened | None:
    """Events (characters) of a document; None if it is not annotated.

    RAISES (ValueError): what cannot be an event.
    """
    if not has_events(doc, key):
        return None
    events = get_events(doc, key)
    spans = (span for event in events for span in spans_of(event))
    places = iter(in_characters(spans))
    found: Happened = {}
    for event in events:
        trigger = None if event.trigger is None else next(places)
        arguments = frozenset((argument.role, next(places)) for argument in event.arguments)
        found[LabelledEvent(event.type, trigger, arguments)] = event.score
    return found


def _read_joined(record: Record) -> tuple[Related | None, Happened | None]:
    """The relations and events of a record: also those of spans that do not fit the tokens."""
    related: Related | None = None
    happened: Happened | None = None
    spans = [LabelledSpan(*span) for span in record.spans or ()]
    if record.relations is not None:
        rows = ((spans[head], spans[child], label) for head, child, label in record.relations)
        related = {LabelledRelation(*row): None for row in rows}
    if record.events is not None:
        happened = {}
        for kind, trigger, arguments in record.events:
            at = None if trigger is None else spans[trigger]
            own = frozenset((role, spans[place]) for role, place in arguments)
            happened[LabelledEvent(kind, at, own)] = None
    return related, happened


def in_characters(spans: Iterable[Span]) -> list[LabelledSpan]:
    """Where spans are in the text of their document."""
    return [LabelledSpan(span.start_char, span.end_char, span.label_) for span in spans]
