"""The word pieces that a transformer is given, and the tokens that get no vector from them.

Nothing is computed by the network: spacy-transformers' own functions cut texts to windows and
pieces here, so that the count is what training will meet.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy
from spacy.language import Language
from spacy.tokens import Doc, Span
from thinc.api import Model

NO_PIECE = "have no word piece"
CUT_OFF = "are cut off"
NO_WINDOW = "are in no window"
CAUSES = (NO_PIECE, CUT_OFF, NO_WINDOW)
MOST_EXAMPLES = 5
# Pieces of a window are fewer by this share of the longest input: the first word of a window may
# have more pieces there than in the middle of a text.
SLACK = 1 / 16


class PieceCounts(NamedTuple):
    """What a transformer is given of one text.

    n_tokens: white space is left out here and in what follows.
    lost: cause, one of CAUSES, by token without a vector.
    words: the tokens that have no piece, or their beginning.
    longest (pieces): the longest window.
    width (tokens): a window that is nowhere cut off; None if none is.
    """

    n_tokens: int
    lost: dict[int, str]
    words: list[str]
    longest: int
    width: int | None


@dataclass
class PieceStatistics:
    """What a transformer is given of all texts of a split.

    n_tokens: white space is left out here and in what follows.
    lost (tokens): without a vector, by cause.
    words: some of those that have no piece.
    n_spans: gold spans that start or end on one.
    longest (pieces): the longest window.
    widths: texts with cut windows, by the window (tokens) that is nowhere cut off.
    """

    n_tokens: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    words: list[str] = field(default_factory=list)
    n_spans: int = 0
    longest: int = 0
    widths: Counter[int] = field(default_factory=Counter)

    def add(self, counts: PieceCounts, spans: Iterable[tuple[int, int, str]]) -> None:
        """Count one text.

        spans: start and end (tokens) and label of those that can be learned.
        """
        self.n_tokens += counts.n_tokens
        self.lost.update(counts.lost.values())
        self.words = list(dict.fromkeys([*self.words, *counts.words]))[:MOST_EXAMPLES]
        self.n_spans += sum(
            start in counts.lost or end - 1 in counts.lost for start, end, _ in spans
        )
        self.longest = max(self.longest, counts.longest)
        if counts.width is not None:
            self.widths[counts.width] += 1

    def to_dict(self) -> dict[str, Any]:
        """All counts, as JSON takes them."""
        return {
            "tokens_without_vector": {cause: self.lost[cause] for cause in CAUSES},
            "spans_without_vector": self.n_spans,
            "longest_window": self.longest,
        }


class PieceCounter:
    """Cuts texts to windows and pieces as a transformer of spacy-transformers does.

    name: of the transformer, or its directory.
    section: of the config where the transformer's settings are; empty if they are not there.
    tokenizer_config: of the config.
    most (pieces): of a window; what is more is cut off.
    positions (pieces): that the model says it has; None if it says nothing.
    problem: why nothing can be counted; empty if it can.
    """

    def __init__(self, model: Any, section: str = "") -> None:
        """Load the tokenizer that the model names, but no weights.

        model: a TransformerModel; it may be without its weights.
        """
        self.name = str(model.attrs["name"])
        self.section = section
        self.problem = ""
        self.tokenizer_config: dict[str, Any] = dict(model._init_tokenizer_config)
        self._get_spans = model.attrs["get_spans"]
        try:
            self._tokenizer, config = _load(model)
        except Exception as error:  # transformers raise many kinds
            self.problem = _describe(error)
            return
        self.most = int(self._tokenizer.model_max_length)
        self.positions: int | None = getattr(config, "max_position_embeddings", None)

    def count(self, doc: Doc) -> PieceCounts | None:
        """Count the tokens of a text that get no vector.

        RETURNS: None for an empty text, and from the first problem on.
        """
        if self.problem or not len(doc):
            return None
        try:
            return self._count(doc)
        except Exception as error:  # a span getter may want what the texts do not have yet
            self.problem = _describe(error)
            return None

    def _count(self, doc: Doc) -> PieceCounts:
        from spacy_transformers.truncate import truncate_oversize_splits

        (windows,) = self._get_spans([doc])
        seen = {token.i for window in windows for token in window}
        longest = 0
        n_given: Any = numpy.zeros(len(doc), dtype=int)
        n_kept = n_given
        if windows:
            wordpieces, given = self._tokenize(windows)
            _, kept = truncate_oversize_splits(wordpieces, given, self.most)
            longest, n_given, n_kept = wordpieces.input_ids.shape[1], given.lengths, kept.lengths
        lost = {}
        for token in doc:
            if not (n_kept[token.i] or token.is_space):
                is_cut = CUT_OFF if n_given[token.i] else NO_PIECE
                lost[token.i] = is_cut if token.i in seen else NO_WINDOW
        width = self._width(doc) if CUT_OFF in lost.values() else None
        n_tokens = sum(not token.is_space for token in doc)
        words = [doc[i].text[:20] for i, cause in lost.items() if cause == NO_PIECE]
        return PieceCounts(n_tokens, lost, words, longest, width)

    def _tokenize(self, windows: list[Span]) -> tuple[Any, Any]:
        """Pieces of the windows, and the pieces of each token of the text in all of them."""
        from spacy_transformers.align import get_alignment, get_alignment_via_offset_mapping
        from spacy_transformers.data_classes import WordpieceBatch
        from spacy_transformers.layers.transformer_model import huggingface_tokenize

        encoding = huggingface_tokenize(self._tokenizer, [window.text for window in windows])
        wordpieces = WordpieceBatch.from_batch_encoding(encoding)
        if "offset_mapping" in encoding:
            return wordpieces, get_alignment_via_offset_mapping(windows, encoding["offset_mapping"])
        special = self._tokenizer.all_special_tokens
        return wordpieces, get_alignment(windows, wordpieces.strings, special)

    def _width(self, doc: Doc) -> int:
        """The widest window in tokens whose tokens all get a vector, wherever in a text it is.

        The last token of a window gets one if its first piece is within the longest input.
        """
        _, pieces = self._tokenize([doc[:]])
        before = numpy.concatenate(([0], numpy.cumsum(pieces.lengths)))
        room = self.most - self._tokenizer.num_special_tokens_to_add() - int(self.most * SLACK)
        starts = numpy.arange(len(doc))
        ends = numpy.searchsorted(before[:-1], before[:-1] + max(1, room))
        is_cut = ends < len(doc)
        return int((ends - starts)[is_cut].min()) if is_cut.any() else len(doc)


def find_pieces(nlp: Language, name: str, sourced: Sequence[str]) -> PieceCounter | None:
    """What counts the pieces of a component's encoder.

    nlp: its weights need not be there.
    name: of the component. The encoder is its own, or that of another component.
    sourced: components whose settings are those of another pipeline, and not in the config.
    RETURNS: None without a transformer of spacy-transformers.
    """
    try:
        from spacy_transformers.layers import TransformerListener
    except ImportError:
        return None
    names = {
        node.upstream_name
        for node in _nodes(nlp.get_pipe(name))
        if isinstance(node, TransformerListener)
    }
    before = nlp.pipe_names[: nlp.pipe_names.index(name)]
    listened = [other for other in reversed(before) if names & {other, "*"}]
    for other in (name, *listened):
        for node in _nodes(nlp.get_pipe(other)):
            if "get_spans" in node.attrs:
                section = "" if other in sourced else _find_section(nlp, other)
                return PieceCounter(node, section)
    return None


def _nodes(component: Any) -> Iterable[Model]:
    model = getattr(component, "model", None)
    return model.walk() if isinstance(model, Model) else ()


def _find_section(nlp: Language, name: str) -> str:
    """The block of a component's config that says which windows its transformer has."""
    blocks = [(f"components.{name}", nlp.config["components"][name])]
    for section, block in blocks:
        if "get_spans" in block:
            return section
        blocks += [(f"{section}.{k}", part) for k, part in block.items() if isinstance(part, dict)]
    return ""


def _load(model: Any) -> tuple[Any, Any]:
    """Tokenizer and config of a transformer, from its weights or by its name."""
    from transformers import AutoConfig, AutoTokenizer

    if model.tokenizer is not None:
        tokenizer, config = model.tokenizer, model.transformer.config
    else:
        name = model.attrs["name"]
        tokenizer = _from_pretrained(AutoTokenizer, name, model._init_tokenizer_config)
        config = _from_pretrained(AutoConfig, name, model._init_transformer_config)
    # Or it says that long texts crash the model, from which they are cut off here.
    tokenizer.deprecation_warnings["sequence-length-is-longer-than-the-specified-maximum"] = True
    return tokenizer, config


def _from_pretrained(kind: Any, name: str, settings: dict[str, Any]) -> Any:
    """What transformers load by a name: from this machine, or else from the hub.

    RAISES (OSError): it is not on this machine, and the hub cannot be asked.
    """
    from huggingface_hub import model_info

    try:
        return kind.from_pretrained(name, **{**settings, "local_files_only": True})
    except OSError as error:
        try:  # Asked once: transformers try for a minute where there is no network.
            model_info(name, timeout=10)
        except Exception:
            raise error from None
    return kind.from_pretrained(name, **settings)


def _describe(error: Exception) -> str:
    """The error on one line of a bearable length."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:197] + '...' if len(text) > 200 else text}"
