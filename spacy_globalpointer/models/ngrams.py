"""A registered embedding of the characters at the borders of each token."""

from collections.abc import Callable, Iterator
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


@registry.architectures("spacy_globalpointer.CharacterNgramEmbed.v1")
def build_character_ngram_embed(
    width: int, lengths: list[int], rows: list[int]
) -> Model[list[Doc], list[Floats2d]]:
    """Embed the character n-grams that begin or end with each token.

    In a text with spaces they are the prefixes and suffixes of words, which tell a protein from a
    cell where the word itself is rare. In a text without, whose tokens are characters, they are
    what the characters form with their neighbours: words. They are in lower case, end at white
    space, and say whether they reach it. `spacy.MultiHashEmbed.v2` knows one prefix and one suffix
    of a token: use both, side by side in `ConcatenatedEncoders.v1`.

    width (channels): of the vectors, normalized.
    lengths (characters): of the n-grams, white space at their end included.
    rows: of the two tables for each length. Different n-grams may share a row, but hardly all of
        the four that each is hashed to.
    RETURNS: documents -> (l, width).
    RAISES (ValueError): no lengths, a number below 1, lengths and rows that do not match.
    """
    if not lengths or len(lengths) != len(rows) or min(*lengths, *rows, width) < 1:
        raise ValueError(
            "CharacterNgramEmbed needs a width, one or more lengths, and a number of rows for each "
            f"length, all at least 1, was: width = {width}, lengths = {lengths}, rows = {rows}. To "
            "fix: width = 96, lengths = [2,3], rows = [2500,2500]"
        )
    # In the order of `_number_ngrams`: for each length one for the right, one for the left.
    tables: list[Model[Ints2d, Floats2d]] = [
        HashEmbed(nO=width, nV=n_rows, column=column, seed=column, dropout=0.0)
        for column, n_rows in enumerate(n_rows for n_rows in rows for _ in range(2))
    ]
    mixed: Model[Floats2d, Floats2d] = Maxout(
        nO=width, nI=width * len(tables), nP=3, normalize=True, dropout=0.0
    )
    return chain(
        Model("number_ngrams", _forward, attrs={"lengths": list(lengths)}),
        list2ragged(),
        with_array(chain(concatenate(*tables), mixed)),
        ragged2list(),
    )


def _forward(
    model: Model[list[Doc], list[Ints2d]], docs: list[Doc], is_train: bool
) -> tuple[list[Ints2d], Callable]:
    lengths = model.attrs["lengths"]
    numbers = [cast(Ints2d, _number_ngrams(doc, lengths)) for doc in docs]
    return [model.ops.asarray2i(x, dtype="uint64") for x in numbers], lambda d_ids: []


def _number_ngrams(doc: Doc, lengths: list[int]) -> numpy.ndarray:
    """The hashes (l, 2 * lengths) of the n-grams of each token."""
    numbers = []
    for words in _split_at_spaces(doc):
        text, start = f" {''.join(words)} ", 1
        for word in words:
            end = start + len(word)
            for n in lengths:
                numbers.append(get_string_id(text[start : start + n]))
                numbers.append(get_string_id(text[max(0, end - n) : end]))
            start = end
    return numpy.asarray(numbers, dtype="uint64").reshape(len(doc), 2 * len(lengths))


def _split_at_spaces(doc: Doc) -> Iterator[list[str]]:
    """The tokens between white space, in lower case; white space that is a token is by itself."""
    words: list[str] = []
    for token in doc:
        if words and token.is_space:
            yield words
            words = []
        words.append(token.lower_)
        if token.whitespace_ or token.is_space:
            yield words
            words = []
    if words:
        yield words
