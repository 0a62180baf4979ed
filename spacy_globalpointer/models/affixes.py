"""A registered embedding of the beginnings and endings of words."""

from collections.abc import Callable
from typing import cast

import numpy
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


@registry.architectures("spacy_globalpointer.AffixEmbed.v1")
def build_affix_embed(
    width: int, lengths: list[int], rows: list[int]
) -> Model[list[Doc], list[Floats2d]]:
    """Embed the prefixes and suffixes of each token, in lower case.

    They tell a protein from a cell where the word itself is rare. `spacy.MultiHashEmbed.v2` knows
    one prefix and one suffix: use both, side by side in `ConcatenatedEncoders.v1`.

    width (channels): of the vectors, normalized.
    lengths (characters): of the prefixes, and of the suffixes. One that is longer than its token is
        the whole token.
    rows: of the two tables for each length. Different affixes may share a row, but hardly all of
        the four that each is hashed to.
    RETURNS: documents -> (l, width).
    RAISES (ValueError): no lengths, a number below 1, lengths and rows that do not match.
    """
    if not lengths or len(lengths) != len(rows) or min(*lengths, *rows, width) < 1:
        raise ValueError(
            "AffixEmbed needs a width, one or more lengths, and a number of rows for each length, "
            f"all at least 1, was: width = {width}, lengths = {lengths}, rows = {rows}. To fix: "
            "width = 96, lengths = [2,3], rows = [2500,2500]"
        )
    # In the order of `_number_affixes`: for each length one of prefixes, one of suffixes.
    tables: list[Model[Ints2d, Floats2d]] = [
        HashEmbed(nO=width, nV=n_rows, column=column, seed=column, dropout=0.0)
        for column, n_rows in enumerate(n_rows for n_rows in rows for _ in range(2))
    ]
    mixed: Model[Floats2d, Floats2d] = Maxout(
        nO=width, nI=width * len(tables), nP=3, normalize=True, dropout=0.0
    )
    return chain(
        Model("number_affixes", _forward, attrs={"lengths": list(lengths)}),
        list2ragged(),
        with_array(chain(concatenate(*tables), mixed)),
        ragged2list(),
    )


def _forward(
    model: Model[list[Doc], list[Ints2d]], docs: list[Doc], is_train: bool
) -> tuple[list[Ints2d], Callable]:
    lengths = model.attrs["lengths"]
    numbers = [cast(Ints2d, _number_affixes(doc, lengths)) for doc in docs]
    return [model.ops.asarray2i(x, dtype="uint64") for x in numbers], lambda d_ids: []


def _number_affixes(doc: Doc, lengths: list[int]) -> numpy.ndarray:
    """The hashes (l, 2 * lengths) of the affixes of each token."""
    words = [token.lower_ for token in doc]
    numbers = [
        get_string_id(part) for word in words for n in lengths for part in (word[:n], word[-n:])
    ]
    return numpy.asarray(numbers, dtype="uint64").reshape(len(doc), 2 * len(lengths))
