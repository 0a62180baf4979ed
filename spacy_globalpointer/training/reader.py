"""A corpus reader that cuts long documents and keeps their spans.

spaCy's own reader cuts with Span.as_doc(), which drops every group of doc.spans, and it skips
documents that are too long and have no sentences.
"""

import warnings
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import Any

import numpy
from spacy.language import Language
from spacy.tokens import Doc, Span, SpanGroup
from spacy.training import Corpus, Example
from spacy.util import registry
from spacy.vocab import Vocab

from ..events import EVENTS, Event, get_events, set_events, spans_of
from ..relations import EDGES, Relation, get_relations, set_relations
from ..spans import LabelledSpan


@registry.readers("spacy_globalpointer.SpanCorpus.v1")
def make_span_corpus(
    path: Path | None,
    max_length: int = 0,
    limit: int = 0,
    shuffle: bool = False,
    augmenter: Callable[..., Any] | None = None,
) -> Callable[[Language], Iterable[Example]]:
    """Reader of .spacy files for `[corpora.train]` and `[corpora.dev]`.

    path: a .spacy file, or a folder of them.
    max_length (tokens): longer documents are cut into pieces that keep all spans; 0 never cuts.
    limit (documents): read at most this many; 0 reads all.
    shuffle: shuffle the documents; only useful with `training.max_epochs = -1`, since otherwise
        training shuffles them.
    augmenter: as in spacy.Corpus.v1.
    RETURNS: a function from the pipeline to examples.
    RAISES (ValueError): no path, a negative number.
    """
    if path is None:
        raise ValueError(
            "path must be a .spacy file or a folder of them, was: None. Set it in [paths] of the "
            "config or on the command line: --paths.train train.spacy --paths.dev dev.spacy"
        )
    return SpanCorpus(
        path, max_length=max_length, limit=limit, shuffle=shuffle, augmenter=augmenter
    )


class SpanCorpus(Corpus):
    """spaCy's Corpus, but long documents are cut by `cut_doc`: no token and no span is lost.

    path: a .spacy file, or a folder of them.
    max_length (tokens): longer documents are cut; 0 never cuts.
    limit (documents): read at most this many; 0 reads all.
    shuffle: shuffle the documents.
    augmenter: as in spacy.Corpus.v1.
    RAISES (ValueError): a negative number.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        max_length: int = 0,
        limit: int = 0,
        shuffle: bool = False,
        augmenter: Callable[..., Any] | None = None,
    ) -> None:
        for name, value in (("max_length", max_length), ("limit", limit)):
            if value < 0:
                raise ValueError(f"{name} must not be negative, was: {value}. 0 means no limit")
        super().__init__(
            path, max_length=max_length, limit=limit, shuffle=shuffle, augmenter=augmenter
        )

    def make_examples(self, nlp: Language, reference_docs: Iterable[Doc]) -> Iterator[Example]:
        """Examples of the pieces of documents.

        nlp: tokenizes the predicted side.
        reference_docs: the annotated documents.
        YIELDS: one example for each piece.
        """
        for reference in reference_docs:
            for piece in cut_doc(reference, self.max_length):
                yield self._make_example(nlp, piece, False)

    def read_docbin(self, vocab: Vocab, locs: Iterable[str | Path]) -> Iterator[Doc]:
        """Documents of .spacy files; `limit` counts over all files together.

        vocab: the documents' vocabulary.
        locs: the files.
        YIELDS: documents that have tokens.
        """
        return islice(super().read_docbin(vocab, locs), self.limit or None)


def cut_doc(doc: Doc, max_length: int) -> list[Doc]:
    """Cut a document into pieces that together have all its tokens and all its spans.

    A piece ends at the last sentence start that fits, or if there is none, after as many tokens as
    fit, but never inside a span of doc.spans or doc.ents: if the spans leave no place to cut, the
    piece is longer than max_length.
    Every piece has every group (an empty one says "no spans here"). Arrays in a group's attrs with
    one row per span, and "scores" of any kind, are split among the pieces. Relations go with their
    spans; those between spans of two pieces are left out, with a warning. Events go with their
    triggers, or without one with their first argument; their arguments in other pieces are left
    out, with a warning. doc.cats describe the whole document and are dropped, as in Span.as_doc.

    doc: an annotated document.
    max_length (tokens): length of a piece; 0 never cuts.
    RETURNS: pieces in order; the document itself if it need not be cut.
    """
    if max_length == 0 or len(doc) <= max_length:
        return [doc]
    borders = find_borders(doc, chain(doc.ents, *doc.spans.values()), max_length)
    pieces = [doc[begin:end].as_doc(copy_user_data=True) for begin, end in pairwise(borders)]
    for piece in pieces:
        piece.has_unknown_spaces = doc.has_unknown_spaces
    for key in doc.spans:
        attrs = doc.spans[key].attrs
        if EDGES in attrs and _relate(get_relations(doc, key), key, pieces, borders):
            _warn_of_cuts(max_length, "head and child of relations", "these", key)
        elif EVENTS in attrs and _share_events(get_events(doc, key), key, pieces, borders):
            _warn_of_cuts(max_length, "spans of events", "arguments", key)
        elif not (EDGES in attrs or EVENTS in attrs):
            _share_out(doc.spans[key], key, pieces, borders)
    return pieces


def _warn_of_cuts(max_length: int, between: str, lost: str, key: str) -> None:
    warnings.warn(
        f"max_length = {max_length} cuts documents between {between} in doc.spans[{key!r}], and "
        f"leaves {lost} out. To fix: a larger max_length, or 0",
        stacklevel=3,
    )


def find_borders(doc: Doc, spans: Iterable[Span | LabelledSpan], max_length: int) -> list[int]:
    """Where `cut_doc` cuts (tokens): the start of each piece, and the end of the document.

    spans (tokens): none is cut.
    max_length (tokens): of a piece.
    """
    allowed = numpy.ones(len(doc) + 1, dtype=bool)
    for span in spans:
        allowed[span.start + 1 : span.end] = False
    starts_sentence = numpy.array([token.is_sent_start is True for token in doc] + [True])
    borders = [0]
    while len(doc) - borders[-1] > max_length:
        begin = borders[-1] + 1
        end = begin + max_length
        for choice in (allowed[begin:end] & starts_sentence[begin:end], allowed[begin:end]):
            if choice.any():
                borders.append(begin + int(choice.nonzero()[0][-1]))
                break
        else:
            borders.append(end + int(allowed[end:].argmax()))
    if borders[-1] < len(doc):
        borders.append(len(doc))
    return borders


def _share_out(group: SpanGroup, key: str, pieces: Sequence[Doc], borders: Sequence[int]) -> None:
    """Give each piece the spans of a group that lie in it."""
    spans = list(group)
    rows: list[list[int]] = [[] for _ in pieces]
    for row, span in enumerate(spans):
        rows[_find_piece(span, borders)].append(row)
    for piece, begin, own in zip(pieces, borders, rows, strict=False):
        attrs = {
            name: numpy.asarray(value)[own] if _is_by_span(name, value, len(spans)) else value
            for name, value in group.attrs.items()
        }
        piece.spans[key] = SpanGroup(
            piece,
            name=group.name,
            attrs=attrs,
            spans=[_move(spans[row], piece, begin) for row in own],
        )


def _is_by_span(name: str, value: Any, n_spans: int) -> bool:
    """Whether a value in the attrs of a group has a row for each span."""
    if isinstance(value, numpy.ndarray):
        return value.ndim > 0 and len(value) == n_spans
    return name == "scores" and isinstance(value, (list, tuple)) and len(value) == n_spans


def _relate(
    relations: Sequence[Relation], key: str, pieces: Sequence[Doc], borders: Sequence[int]
) -> int:
    """Give each piece the relations that lie in it; how many lie in none."""
    rows: list[list[Relation]] = [[] for _ in pieces]
    n_lost = 0
    for relation in relations:
        ends = relation.head, relation.child
        own, other = (_find_piece(x, borders) for x in ends)
        if own == other:
            head, child = (_move(span, pieces[own], borders[own]) for span in ends)
            rows[own].append(relation._replace(head=head, child=child))
        else:
            n_lost += 1
    for piece, row in zip(pieces, rows, strict=True):
        set_relations(piece, row, key)
    return n_lost


def _share_events(
    events: Sequence[Event], key: str, pieces: Sequence[Doc], borders: Sequence[int]
) -> int:
    """Give each piece the events that belong to it; how many lose an argument."""
    rows: list[list[Event]] = [[] for _ in pieces]
    n_cut = 0
    for event in events:
        place = _find_piece(spans_of(event)[0], borders)
        piece, begin = pieces[place], borders[place]
        arguments = tuple(
            x._replace(span=_move(x.span, piece, begin))
            for x in event.arguments
            if _find_piece(x.span, borders) == place
        )
        n_cut += len(arguments) < len(event.arguments)
        trigger = None if event.trigger is None else _move(event.trigger, piece, begin)
        rows[place].append(event._replace(trigger=trigger, arguments=arguments))
    for piece, row in zip(pieces, rows, strict=True):
        set_events(piece, row, key)
    return n_cut


def _find_piece(span: Span, borders: Sequence[int]) -> int:
    """The number of the piece that a span lies in, even one without a token at the very end."""
    return bisect_right(borders, span.start, hi=len(borders) - 1) - 1


def _move(span: Span, piece: Doc, begin: int) -> Span:
    """The same span in a piece that starts at token `begin`."""
    return Span(
        piece,
        span.start - begin,
        span.end - begin,
        label=span.label,
        kb_id=span.kb_id,
        span_id=span.id,
    )
