"""Annotated text to measure speed on: generated like published corpora, or read from files."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy
import spacy
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import filter_spans
from spacy.vocab import Vocab

from spacy_globalpointer.corpora import read_records, record_to_doc
from spacy_globalpointer.corpora.docbin import read_docbin
from spacy_globalpointer.label_sets import DECLARED
from spacy_globalpointer.spans import LabelledSpan

KEY = "sc"


class AnnotatedText(NamedTuple):
    """Words and gold spans as plain data, which a process of its own gets without a vocabulary.

    spans (words): start, end, label.
    lost (spans): gold ones that do not fit the words.
    spaces: whether a space follows each word; None for all.
    """

    words: list[str]
    spans: list[tuple[int, int, str]]
    lost: int = 0
    spaces: list[bool] | None = None

    @property
    def gold(self) -> set[LabelledSpan]:
        """The different spans."""
        return {LabelledSpan(*span) for span in self.spans}

    def make_doc(self, vocab: Vocab) -> Doc:
        """Make a new document, without annotation."""
        return Doc(vocab, words=self.words, spaces=self.spaces)

    def make_example(self, vocab: Vocab, labels: Sequence[str] | None = None) -> Example:
        """Make a new example: all spans in doc.spans, the outermost in doc.ents.

        labels: that it declares as those it is annotated with; None for all.
        """
        reference = self.make_doc(vocab)
        spans = [Span(reference, start, end, label=label) for start, end, label in self.spans]
        reference.spans[KEY] = spans
        if labels is not None:
            reference.spans[KEY].attrs[DECLARED] = list(labels)
        reference.set_ents(filter_spans(spans))
        return Example(self.make_doc(vocab), reference)


class Style(NamedTuple):
    """Statistics of a corpus.

    length: mean and standard deviation of the logarithm of the tokens of a sentence.
    spans: of a sentence, on average.
    span_lengths: shares of the spans of 1, 2, 3, ... tokens.
    inside: share of the spans that lie inside another one.
    words: number of different ones; the r-th is used in proportion to (r + flat) ** -slope.
    """

    length: tuple[float, float]
    spans: float
    span_lengths: Sequence[float]
    inside: float
    labels: int
    words: int
    flat: float
    slope: float
    is_chinese: bool


# Counted in the first 8,000 training sentences of GENIA (5 types) and CLUENER, in spaCy's tokens
# and in characters.
STYLES: dict[str, Style] = {
    "genia": Style(
        length=(3.26, 0.445),
        spans=3.06,
        span_lengths=(0.380, 0.226, 0.177, 0.111, 0.045, 0.027, 0.016, 0.007, 0.004, 0.003, 0.004),
        inside=0.098,
        labels=5,
        words=11_461,
        flat=1.0,
        slope=1.05,
        is_chinese=False,
    ),
    "cluener": Style(
        length=(3.56, 0.388),
        spans=2.24,
        span_lengths=(0.001, 0.266, 0.230, 0.171, 0.084, 0.079, 0.047, 0.034, 0.019, 0.017, 0.052),
        inside=0.0,
        labels=10,
        words=3_464,
        flat=20.0,
        slope=1.4,
        is_chinese=True,
    ),
}
# Every second word of a span is one of those that mostly occur in spans of its label.
OWN_WORDS = 0.5


def generate(style: Style, documents: int, seed: int) -> list[AnnotatedText]:
    """Make sentences of random words; those in spans depend on the label.

    RETURNS: the same for the same arguments.
    """
    random = numpy.random.default_rng(seed)
    words = _make_words(style, random)
    chance = (numpy.arange(len(words)) + 1 + style.flat) ** -style.slope
    chance /= chance.sum()
    result = []
    for _ in range(documents):
        length = max(3, round(random.lognormal(*style.length)))
        text = random.choice(len(words), length, p=chance)
        spans = sorted(set(_place_spans(style, length, random)))
        for start, end, label in spans:
            own = random.random(end - start) < OWN_WORDS
            # Words of the same remainder belong to the label.
            text[start:end][own] += label - text[start:end][own] % style.labels
        text %= len(words)
        named = [(start, end, f"LABEL{label}") for start, end, label in spans]
        spaces = [False] * length if style.is_chinese else None
        result.append(AnnotatedText([words[i] for i in text], named, 0, spaces))
    return result


def _make_words(style: Style, random: numpy.random.Generator) -> list[str]:
    if style.is_chinese:
        return [chr(0x4E00 + i) for i in range(style.words)]
    letters = numpy.array(list("abcdefghijklmnopqrstuvwxyz"))
    lengths = random.integers(2, 12, style.words)
    return [f"{''.join(random.choice(letters, n))}{i % 7 or ''}" for i, n in enumerate(lengths)]


def _place_spans(
    style: Style, length: int, random: numpy.random.Generator
) -> Iterator[tuple[int, int, int]]:
    """YIELDS: start, end, label; apart from those that are meant to lie inside another."""
    taken = numpy.zeros(length, dtype=bool)
    shares = numpy.array(style.span_lengths) / sum(style.span_lengths)
    for _ in range(random.poisson(style.spans * (1 - style.inside))):
        size = min(1 + int(random.choice(len(shares), p=shares)), length)
        free = numpy.lib.stride_tricks.sliding_window_view(~taken, size).all(1).nonzero()[0]
        if not len(free):
            continue
        start = int(random.choice(free))
        taken[start : start + size] = True
        yield start, start + size, int(random.integers(style.labels))
        # Only longer spans can hold another, which makes up for the others.
        if size > 1 and random.random() < 1.7 * style.inside:
            yield start + 1, start + size, int(random.integers(style.labels))


def read_corpora(data: Path, lang: str) -> dict[str, list[AnnotatedText]]:
    """Read every file of a folder, or one file: `.spacy` or what `convert` reads.

    lang: whose tokenizer cuts texts into words.
    RETURNS: documents by the name of the file.
    RAISES (ValueError): no files.
    """
    files = sorted(path for path in data.iterdir() if path.is_file()) if data.is_dir() else [data]
    if not files:
        raise ValueError(f"the data folder must hold .spacy or .jsonl files, was empty: {data}")
    nlp = spacy.blank(lang)
    return {path.name.split(".")[0]: list(read_corpus(path, nlp)) for path in files}


def read_corpus(path: Path, nlp: Language) -> Iterator[AnnotatedText]:
    """Read a file, `.spacy` or what `convert` reads, with the tokens of the pipeline."""
    pairs: Iterable[tuple[Doc, list[str]]]
    if path.suffix == ".spacy":
        pairs = ((doc, []) for doc in read_docbin(path, nlp.vocab))
    else:
        pairs = (record_to_doc(record, nlp)[:2] for record in read_records(path))
    for doc, outcomes in pairs:
        spans = sorted({(span.start, span.end, span.label_) for span in doc.spans.get(KEY, [])})
        words, spaces = [token.text for token in doc], [bool(token.whitespace_) for token in doc]
        yield AnnotatedText(words, spans, outcomes.count("skipped"), spaces)
