"""What `spacy global-pointer render` draws, for notebooks and other Python code."""

from collections.abc import Collection, Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from spacy.language import Language
from spacy.tokens import Doc, Span

from ..labels import list_labels
from .data import Document, Keys, in_characters, read_document, read_spans
from .heat_map import MOST_TOKENS, draw_heat_map, score_spans
from .page import Page
from .pipeline import Predictor, read_found

if TYPE_CHECKING:
    from ...pipeline.global_pointer import GlobalPointer


class Picture(str):
    """An HTML page or an SVG picture: a string, to be written to a file, that notebooks show.

    In a notebook it stands in a frame of its own, without scripts, so that neither changes how the
    other looks.
    """

    def _repr_html_(self) -> str:
        fit = "this.style.height=this.contentDocument.documentElement.scrollHeight+'px'"
        return (
            f'<iframe srcdoc="{escape(self)}" sandbox="allow-same-origin" onload="{fit}" '
            'style="width: 100%; height: 12em; border: 0"></iframe>'
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self):,} characters>"


def render(
    docs: Doc | Sequence[Doc],
    gold: Doc | Sequence[Doc] | None = None,
    *,
    spans_key: str | None = "sc",
    relations_key: str | None = "relations",
    events_key: str | None = "events",
    symmetric: Collection[str] = (),
    title: str = "",
) -> Picture:
    """Draw the spans of documents as lines under their text, relations and events as arcs.

    docs: one or more; what is drawn are the groups in them, however they got there.
    gold: the same texts as they should be, to be compared with: wrong and missed spans stand out.
    spans_key: of doc.spans; None for doc.ents.
    relations_key, events_key: of doc.spans; None for none.
    symmetric: labels of relations without direction.
    title: a heading, and counts below it.
    RETURNS: an HTML page, which needs no network, for light and dark.
    RAISES (ValueError): no document, one without tokens, no group of spans, other texts in gold.
        (TypeError): something else than documents.
    """
    docs = _list_docs(docs)
    golds = None if gold is None else _list_docs(gold)
    keys = Keys([spans_key], relations_key, events_key)
    known = _pair(docs, golds, keys)
    page = Page(symmetric=symmetric)
    for number, (doc, own) in enumerate(zip(docs, known, strict=True), start=1):
        found = read_found(doc, keys)
        joined = (found.relations, own.relations), (found.events, own.events)
        page.add(number, doc, found.spans, own.spans, *joined)
    return Picture(page.html(title, page.notes()))


def heat_map(
    doc: Doc | str,
    nlp: Language,
    *,
    component: str | None = None,
    gold: Doc | None = None,
) -> Picture:
    """Draw the scores of all spans of a text: for each label a table of first by last tokens.

    doc: of up to 60 tokens; the pipeline predicts it again.
    nlp: a pipeline with the component.
    component: its name, if there are several.
    gold: the same text with its gold spans, in the group of the component; they get a dot.
    RETURNS: an SVG picture, for light and dark.
    RAISES (ValueError): no such component, or several; too few or too many tokens.
        (TypeError): neither a document nor a text.
    """
    pipe = _find_scorer(nlp, component)
    doc = nlp.make_doc(doc) if isinstance(doc, str) else _list_docs(doc)[0]
    if not 0 < len(doc) <= MOST_TOKENS:
        raise ValueError(
            f"a heat map shows a text of 1 to {MOST_TOKENS} tokens, was: {len(doc)}. To fix: give "
            "one sentence of it, such as doc[:20].as_doc()"
        )
    if gold is not None:
        _check_texts(doc, gold)
    predictor = Predictor(nlp, pipe)
    ((own, _),) = predictor.predict([Document(doc, None)])
    scores, first = score_spans(pipe, own)
    known = () if gold is None else read_spans(gold, pipe.key) or ()
    found = in_characters(own.spans[pipe.key])
    return Picture(draw_heat_map(own, scores, found, known, first))


def _list_docs(docs: Doc | Iterable[Doc]) -> list[Doc]:
    """One or more documents as a list.

    RAISES (TypeError): something else.
    """
    is_one = isinstance(docs, (Doc, Span, str)) or not isinstance(docs, Iterable)
    found: list[Any] = [docs] if is_one else list(docs)
    for doc in found:
        if not isinstance(doc, Doc):
            raise TypeError(
                f"documents must be spaCy's Doc objects, was: {type(doc).__name__}. To fix: "
                "nlp(text) makes one of a text, span.as_doc() of a part of a document"
            )
    return found


def _pair(docs: Sequence[Doc], golds: Sequence[Doc] | None, keys: Keys) -> list[Document]:
    """The gold of each document, without annotation if there are none.

    RAISES (ValueError): documents that cannot be drawn, or not be compared.
    """
    if not docs or not all(len(doc) for doc in docs):
        raise ValueError(
            f"documents must have tokens, was: {len(docs)} documents, of which without: "
            f"{sum(not len(doc) for doc in docs)}. To fix: leave empty ones out"
        )
    for some in filter(None, (docs, golds)):
        _check_groups(some, keys)
    if golds is None:
        return [Document(doc, None) for doc in docs]
    if len(golds) != len(docs):
        raise ValueError(
            f"there must be one gold document for each of the {len(docs)}, was: {len(golds)}. "
            "To fix: give them in the same order"
        )
    for doc, gold in zip(docs, golds, strict=True):
        _check_texts(doc, gold)
    return [read_document(gold, keys) for gold in golds]


def _check_groups(docs: Sequence[Doc], keys: Keys) -> None:
    """Refuse documents of which none has what is to be drawn."""
    names = {*keys.spans, keys.relations, keys.events} - {None}
    if keys.spans[0] is None or any(name in doc.spans for doc in docs for name in names):
        return
    others = sorted({key for doc in docs for key in doc.spans})
    raise ValueError(
        f"documents must have spans in {keys.describe()}, but all groups there are: "
        f"{list_labels((key, None) for key in others) or 'none'}. To fix: spans_key with the name "
        "of one, or None for doc.ents"
    )


def _check_texts(doc: Doc, gold: Doc) -> None:
    if doc.text != gold.text:
        raise ValueError(
            f"a gold document must have the text of its document, which begins {doc.text[:40]!r}, "
            f"was: {gold.text[:40]!r}. To fix: give them in the same order"
        )


def _find_scorer(nlp: Language, name: str | None) -> "GlobalPointer":
    """The component whose scores are drawn."""
    from ...pipeline.global_pointer import GlobalPointer

    pipes = {key: pipe for key, pipe in nlp.pipeline if isinstance(pipe, GlobalPointer)}
    if name in pipes or (name is None and len(pipes) == 1):
        return pipes[name] if name in pipes else next(iter(pipes.values()))
    raise ValueError(
        f"component must be the name of one global_pointer of the pipeline, was: {name}. "
        f"The pipeline has: {', '.join(pipes) or 'none'}"
    )
