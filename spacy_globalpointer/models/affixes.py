"""A registered embedding of words that also reads their beginnings and endings."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, cast

import numpy
from spacy.attrs import IDS, intify_attr
from spacy.ml.staticvectors import StaticVectors
from spacy.strings import get_string_id
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import (
    HashEmbed,
    Maxout,
    Model,
    chain,
    concatenate,
    list2ragged,
    ragged2list,
    with_array,
)
from thinc.types import Floats2d, Ints2d

# Numbers of the attributes that tokens have; 0 is that of none.
ATTRS = {number for number in IDS.values() if number}
# Words whose affixes are remembered: they take 10 MB, and most of a text is words seen before.
N_CACHED = 2**15


@registry.architectures("spacy_globalpointer.AffixHashEmbed.v1")
def build_affix_hash_embed(
    width: int,
    attrs: list[str | int],
    rows: list[int],
    affix_lengths: list[int],
    affix_rows: list[int],
    include_static_vectors: bool,
    across_tokens: bool = False,
) -> Model[list[Doc], list[Floats2d]]:
    """`spacy.MultiHashEmbed.v2` with prefixes and suffixes of several lengths.

    MultiHashEmbed knows a prefix of one letter and a suffix of three. More of them tell a protein
    from a cell where the word itself is rare. They are in lower case, and one that is longer than
    its token is the whole token.

    In text without spaces a token may be a single character, as in Chinese. There `across_tokens`
    makes n-grams of characters of them, those that begin and those that end with each token.

    width (channels): of the tables and of the vectors, which are normalized.
    attrs: attributes of a token, a table for each, as in MultiHashEmbed.
    rows: of the table of each attribute.
    affix_lengths (characters): of the prefixes, and of the suffixes; a table for each.
    affix_rows: of the two tables for each length. Different affixes may share a row, but hardly all
        of the four that each is hashed to.
    include_static_vectors: read the pipeline's word vectors too.
    across_tokens: an affix that is longer than its token goes on in the tokens around it, up to the
        next space.
    RETURNS: documents -> (l, width).
    RAISES (ValueError): no attrs, one that tokens do not have, a number below 1, lists that do not
        match.
    """
    columns = [intify_attr(attr) for attr in attrs]
    unknown = [attr for attr, column in zip(attrs, columns, strict=True) if column not in ATTRS]
    if unknown:
        raise ValueError(
            "attrs of AffixHashEmbed must be attributes of tokens, such as NORM or SHAPE, was: "
            f"{', '.join(map(repr, unknown))}. To fix: take names from spacy.attrs"
        )
    if not attrs or len(attrs) != len(rows) or len(affix_lengths) != len(affix_rows):
        raise ValueError(
            "AffixHashEmbed needs attributes, and rows for each of them and for each length, was: "
            f"attrs = {attrs} with rows = {rows}, affix_lengths = {affix_lengths} with affix_rows "
            f"= {affix_rows}. To fix: make the lists equally long"
        )
    numbers = [width, *rows, *affix_lengths, *affix_rows]
    if any(type(number) is not int or number < 1 for number in numbers):
        raise ValueError(
            "all numbers of AffixHashEmbed must be whole and at least 1, was: width = "
            f"{width!r}, rows = {rows}, affix_lengths = {affix_lengths}, affix_rows = {affix_rows}."
            " To fix: raise them, or remove their quotes"
        )
    # In the order of the columns: for each length one of prefixes, one of suffixes.
    sizes = [*rows, *(n for n in affix_rows for _ in range(2))]
    tables: list[Model[Ints2d, Floats2d]] = [
        HashEmbed(nO=width, nV=n_rows, column=i, seed=i, dropout=0.0)
        for i, n_rows in enumerate(sizes)
    ]
    read: Model[list[Doc], list[Ints2d]] = Model(
        "read_affixes",
        _forward,
        init=_require_vectors if include_static_vectors else None,
        attrs={
            "attrs": columns,
            "affix_lengths": list(affix_lengths),
            "across_tokens": across_tokens,
        },
    )
    embedded: Any = chain(read, list2ragged(), with_array(concatenate(*tables)))
    if include_static_vectors:
        embedded = concatenate(embedded, StaticVectors(width, dropout=0.0))
    parts = len(tables) + include_static_vectors
    mixed: Any = Maxout(nO=width, nI=width * parts, nP=3, normalize=True, dropout=0.0)
    return chain(embedded, with_array(mixed), ragged2list())


def _require_vectors(
    model: Model[list[Doc], list[Ints2d]], X: list[Doc] | None = None, Y: object | None = None
) -> None:
    """Refuse documents without a table of word vectors.

    RAISES (ValueError): the pipeline has none.
    """
    if X and not X[0].vocab.vectors_length:
        raise ValueError(
            "AffixHashEmbed with include_static_vectors = true needs word vectors, was: a pipeline "
            "with none. To fix: name a pipeline that has them as vectors in [initialize], or write "
            "include_static_vectors = false"
        )


def _forward(
    model: Model[list[Doc], list[Ints2d]], docs: list[Doc], is_train: bool
) -> tuple[list[Ints2d], Callable]:
    attrs, lengths = model.attrs["attrs"], tuple(model.attrs["affix_lengths"])
    reach = max(lengths, default=0) if model.attrs["across_tokens"] else 0
    numbers = [cast(Ints2d, _number(doc, attrs, lengths, reach)) for doc in docs]
    return [model.ops.asarray2i(x, dtype="uint64") for x in numbers], lambda d_ids: []


def _number(
    doc: Doc, attrs: list[int | str], lengths: tuple[int, ...], reach: int
) -> numpy.ndarray:
    """The attributes of each token, and the hashes of its affixes (l, columns)."""
    alone = (("", token.lower_, "") for token in doc)
    tokens = _read_in_runs(doc, reach) if reach else alone
    hashes = b"".join([_hash_affixes(*token, lengths) for token in tokens])
    affixes = numpy.frombuffer(hashes, dtype="uint64").reshape(len(doc), 2 * len(lengths))
    known = doc.to_array(attrs).reshape(len(doc), len(attrs))
    return numpy.hstack([known, affixes])


def _read_in_runs(doc: Doc, reach: int) -> Iterator[tuple[str, str, str]]:
    """What stands before a token, itself, and what stands behind it, up to the next space.

    reach (characters): of the token and either side together; a longer token stands alone.
    """
    run: list[str] = []
    for token in doc:
        run.append(token.lower_)
        if token.whitespace_ or token.i + 1 == len(doc):
            text, start = "".join(run), 0
            for word in run:
                end, lack = start + len(word), max(reach - len(word), 0)
                yield text[max(start - lack, 0) : start], word, text[end : end + lack]
                start = end
            run.clear()


@lru_cache(N_CACHED)
def _hash_affixes(before: str, word: str, after: str, lengths: tuple[int, ...]) -> bytes:
    """The hashes of the prefix and of the suffix of each length, as uint64."""
    affixes = [part for n in lengths for part in ((word + after)[:n], (before + word)[-n:])]
    return numpy.array([get_string_id(affix) for affix in affixes], dtype="uint64").tobytes()
