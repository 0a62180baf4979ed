"""What training data say of relations: their labels, and what a config must allow for them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import spacy

from ..corpora import read_records
from ..corpora.docbin import read_docbin
from ..relations import get_relations, has_relations
from .convert import find_sources

# (head, child, label) of a text; head and child are whatever tells its spans apart.
Triples = set[tuple[tuple, tuple, str]]


@dataclass
class RelationCounts:
    """Counts of the relations of many texts.

    n_texts: texts in which relations are annotated, even none of them.
    labels: how many relations have a label.
    mirrored: how many of these are there in the other direction too.
    n_self: relations from a span to itself.
    """

    n_texts: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    mirrored: Counter[str] = field(default_factory=Counter)
    n_self: int = 0

    def add(self, triples: Triples) -> None:
        """Count the relations of one text."""
        self.n_texts += 1
        for head, child, label in sorted(triples):
            self.labels[label] += 1
            self.n_self += head == child
            self.mirrored[label] += head != child and (child, head, label) in triples

    def seem_symmetric(self) -> list[str]:
        """Labels of which most relations are given in both directions."""
        return sorted(k for k, n in self.mirrored.items() if 2 * n > self.labels[k])


def count_relations(
    paths: Sequence[Path], *, lang: str = "en", key: str = "relations", format: str = "auto"
) -> RelationCounts:
    """Count the relations of data files, or of folders of them.

    lang: of the texts.
    key: of the relations in .spacy files.
    format: of other files.
    RAISES (ValueError): no text has relations, or a file cannot be read.
    """
    counts = RelationCounts()
    for triples in _read_relations(paths, lang, key, format):
        counts.add(triples)
    if not counts.labels:
        what = f"{counts.n_texts:,} texts with relations of which none has one"
        raise ValueError(
            "--data must have gold relations, was: data with "
            + (what if counts.n_texts else f"no relations in any text (doc.spans[{key!r}])")
            + '. To fix: add "relations" to your JSON lines and convert them again, or leave out '
            "--relations"
        )
    return counts


def _read_relations(paths: Iterable[Path], lang: str, key: str, format: str) -> Iterator[Triples]:
    """The relations of each text that is annotated with them."""
    vocab = spacy.blank(lang).vocab
    for path in paths:
        found = sorted(path.rglob("*.spacy")) if path.is_dir() else []
        for file in found or find_sources(path):
            if file.suffix == ".spacy":
                for doc in read_docbin(file, vocab):
                    if has_relations(doc, key):
                        edges = get_relations(doc, key)
                        yield {(_place(r.head), _place(r.child), r.label) for r in edges}
                continue
            for record in read_records(file, format=format):
                if record.relations is not None:
                    spans = record.spans or ()
                    yield {(spans[r.head], spans[r.child], r.label) for r in record.relations}


def _place(span: spacy.tokens.Span) -> tuple[int, int, str]:
    return span.start, span.end, span.label_
