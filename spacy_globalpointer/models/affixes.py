"""A registered embedding of words that also reads their beginnings and endings."""

from collections.abc import Callable
from typing import Any, cast

import numpy
from spacy.attrs import intify_attr
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


@registry.architectures("spacy_globalpointer.AffixHashEmbed.v1")
def build_affix_hash_embed(
    width: int,
    attrs: list[str | int],
    rows: list[int],
    affix_lengths: list[int],
    affix_rows: list[int],
    include_static_vectors: bool,
) -> Model[list[Doc], list[Floats2d]]:
    """`spacy.MultiHashEmbed.v2` with prefixes and suffixes of several lengths.

    MultiHashEmbed knows a prefix of one letter and a suffix of three. More of them tell a protein
    from a cell where the word itself is rare. They are in lower case, and one that is longer than
    its token is the whole token.

    width (channels): of the tables and of the vectors, which are normalized.
    attrs: attributes of a token, a table for each, as in MultiHashEmbed.
    rows: of the table of each attribute.
    affix_lengths (characters): of the prefixes, and of the suffixes; a table for each.
    affix_rows: of the two tables for each length. Different affixes may share a row, but hardly all
        of the four that each is hashed to.
    include_static_vectors: read the pipeline's word vectors too.
    RETURNS: documents -> (l, width).
    RAISES (ValueError): no attrs, a number below 1, lists that do not match.
    """
    if not attrs or len(attrs) != len(rows) or len(affix_lengths) != len(affix_rows):
        raise ValueError(
            "AffixHashEmbed needs attributes, and rows for each of them and for each length, was: "
            f"attrs = {attrs} with rows = {rows}, affix_lengths = {affix_lengths} with affix_rows "
            f"= {affix_rows}. To fix: make the lists equally long"
        )
    if min(width, *rows, *affix_lengths, *affix_rows) < 1:
        raise ValueError(
            f"all numbers of AffixHashEmbed must be at least 1, was: width = {width}, rows = {rows}"
            f", affix_lengths = {affix_lengths}, affix_rows = {affix_rows}. To fix: raise them"
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
        attrs={"attrs": [intify_attr(a) for a in attrs], "affix_lengths": list(affix_lengths)},
    )
    embedded: Any = chain(read, list2ragged(), with_array(concatenate(*tables)))
    if include_static_vectors:
        embedded = concatenate(embedded, StaticVectors(width, dropout=0.0))
    parts = len(tables) + include_static_vectors
    mixed: Any = Maxout(nO=width, nI=width * parts, nP=3, normalize=True, dropout=0.0)
    return chain(embedded, with_array(mixed), ragged2list())


def _forward(
    model: Model[list[Doc], list[Ints2d]], docs: list[Doc], is_train: bool
) -> tuple[list[Ints2d], Callable]:
    attrs, lengths = model.attrs["attrs"], model.attrs["affix_lengths"]
    numbers = [cast(Ints2d, _number(doc, attrs, lengths)) for doc in docs]
    return [model.ops.asarray2i(x, dtype="uint64") for x in numbers], lambda d_ids: []


def _number(doc: Doc, attrs: list[int | str], lengths: list[int]) -> numpy.ndarray:
    """The attributes of each token, and the hashes of its affixes (l, columns)."""
    words = [token.lower_ for token in doc]
    affixes = [part for word in words for n in lengths for part in (word[:n], word[-n:])]
    hashes = numpy.asarray([get_string_id(affix) for affix in affixes], dtype="uint64")
    known = doc.to_array(attrs).reshape(len(doc), len(attrs))
    return numpy.hstack([known, hashes.reshape(len(doc), 2 * len(lengths))])
