"""PubTator: title and abstract, and annotation of them in lines with tabs.

Source: https://www.ncbi.nlm.nih.gov/research/pubtator3/tutorial and the readme of the BioCreative V
CDR corpus.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from ...messages import quote, shorten
from ...relations import Edge
from ..reading import NUMBER
from ..record import Record
from .standoff import Standoff

TITLE, ABSTRACT = "t", "a"
TEXT = re.compile(r"([^|\t]+)\|([ta])\|(.*)")
SPAN = re.compile(
    rf"([^\t]+)\t({NUMBER})\t({NUMBER})\t([^\t]*)\t([^\t]+)(?:\t([^\t]*))?(?:\t(.*))?"
)
RELATION = re.compile(r"([^\t]+)\t([^\t\d][^\t]*)\t([^\t]+)\t([^\t]+)(?:\t([^\t]*))?")
# A span may have several concepts, and none.
CONCEPTS, NO_CONCEPT = re.compile(r"[|;,]"), ("", "-", "-1")
EXPANDED = "Relations of two concepts are read as relations of all mentions of the two"


class Mention(NamedTuple):
    """A span of a document: file and line, and what is in the line."""

    source: str
    start: int
    end: int
    text: str
    label: str
    concepts: str


@dataclass
class Article:
    """A document of a file.

    id: of the document.
    source: the file, and its first line.
    title, abstract: the abstract may be missing.
    relations: file and line, label, and two concepts of each.
    left_out: as in a record.
    """

    id: str
    source: str
    title: str
    abstract: str | None = None
    mentions: list[Mention] = field(default_factory=list)
    relations: list[tuple[str, str, str, str]] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)


def read_pubtator(lines: Iterable[str], name: str) -> Iterator[Record]:
    """Records of a file, one for each document.

    1|t|Ada has a headache.
    1|a|Aspirin causes it.
    1   10  18  headache  Disease   D006261
    1   20  27  Aspirin   Chemical  D001241
    1   CID D001241 D006261

    Offsets are in characters of the title, a line break and the abstract. Relations are between
    concepts: one is read as relations of each mention of the first to each mention of the second,
    which is noted. Identifiers of concepts are left out. If any document has relations, those
    without are annotated with none.

    RAISES (ValueError): another line, a line of another document, a mention that is not at its
        place.
    """
    articles = list(_read_articles(lines, name))
    has_relations = any(article.relations for article in articles)
    for article in articles:
        yield _build(article, has_relations)


def is_pubtator(head: str) -> bool:
    """Whether the first line is a title."""
    return bool(re.match(r"[^|\s]+\|t\|", head))


def _read_articles(lines: Iterable[str], name: str) -> Iterator[Article]:
    article: Article | None = None
    for number, line in enumerate(lines, start=1):
        line, source = line.rstrip("\n"), f"{name} line {number}"
        text = TEXT.fullmatch(line)
        if text and text[2] == TITLE:
            if article is not None:
                yield article
            article = Article(text[1], source, text[3])
        elif line.strip():
            _read_line(line, source, article)
    if article is not None:
        yield article


def _read_line(line: str, source: str, article: Article | None) -> None:
    """Add what is in a line to its document."""
    text, span, relation = (form.fullmatch(line) for form in (TEXT, SPAN, RELATION))
    found = text or span or relation
    if not found:
        raise ValueError(
            f"{source}: a line must be id|t|title, id|a|abstract, a span (id, start, end, mention, "
            "type, concept, with tabs between them) or a relation (id, type, two concepts), was: "
            f"{shorten(line)}. Is the file cut off? Repair or remove the line"
        )
    if article is None or found[1] != article.id:
        own = "no title" if article is None else f"document {quote(article.id)}"
        raise ValueError(
            f"{source}: lines must follow the title of their document, was: {quote(found[1])} "
            f"after {own}. Put the line there"
        )
    if text and article.abstract is None:
        article.abstract = text[3]
    elif text:
        raise ValueError(
            f"{source}: a document must have one abstract, was: a second. Join the two"
        )
    elif span:
        start, end, mention, label, concepts, parts = span.groups()[1:]
        article.mentions.append(
            Mention(source, int(start), int(end), mention, label, concepts or "")
        )
        if parts:
            article.left_out.append(("The parts of a composite mention", source))
    elif relation:
        article.relations.append((source, relation[2], relation[3], relation[4]))
        if relation[5]:
            article.left_out.append(("What is said of a relation beside its type", source))


def _build(article: Article, has_relations: bool) -> Record:
    text = article.title if article.abstract is None else f"{article.title}\n{article.abstract}"
    standoff = Standoff(text, article.source, left_out=article.left_out)
    places: dict[str, list[int]] = {}  # of the mentions of each concept
    for place, own in enumerate(article.mentions):
        standoff.add_span(own.source, [(own.start, own.end)], own.label, own.text)
        if own.concepts not in NO_CONCEPT:
            standoff.left_out.append(("The identifier of a concept", own.source))
        for concept in {own.concepts, *CONCEPTS.split(own.concepts)}.difference(NO_CONCEPT):
            places.setdefault(concept, []).append(place)
    edges: dict[Edge, None] = {}
    for source, label, first, second in article.relations:
        heads, children = places.get(first, []), places.get(second, [])
        if not heads or not children:
            standoff.left_out.append(("A relation of a concept without a mention", source))
        edges.update({Edge(a, b, label): None for a in heads for b in children if a != b})
    record = standoff.build()
    notes = (EXPANDED,) if edges else ()
    return replace(record, relations=tuple(edges) if has_relations else None, notes=notes)
