"""The one place where .spacy files are read."""

from collections.abc import Iterator
from itertools import chain
from operator import attrgetter
from pathlib import Path

from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from ..messages import shorten


def read_docbin(path: Path, vocab: Vocab) -> Iterator[Doc]:
    """Documents of a .spacy file.

    vocab: the documents' vocabulary.
    RAISES (ValueError): a file that is no complete DocBin. (OSError): one that cannot be opened.
    """
    try:
        for doc in DocBin().from_disk(path).get_docs(vocab):
            _read_all(doc)
            yield doc
    except OSError:
        raise
    except Exception as error:  # zlib, msgpack and numpy have many of their own
        raise ValueError(
            f"a .spacy file must be a complete DocBin, but {path} is not: "
            f"{type(error).__name__}: {shorten(str(error), 400)}. To fix: make it again"
        ) from error


def _read_all(doc: Doc) -> None:
    """Read the words, spans and entities: spaCy only notices there that a file is damaged."""
    for _ in map(attrgetter("text", "label_"), chain(doc.ents, *doc.spans.values())):
        pass
