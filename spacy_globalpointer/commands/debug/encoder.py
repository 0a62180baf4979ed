"""The transformer that a component gets its vectors from: its windows, its pieces, what it loses.

Nothing is computed by the network: spacy-transformers' own functions cut texts to windows and
pieces here, so that the count is what training will meet.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple, cast

import numpy
from spacy.language import Language
from spacy.tokens import Doc, Span

from ...corpora.messages import shorten
from ...spans import LabelledSpan

STRIDED = "spacy-transformers.strided_spans.v1"
CURATED = "spacy-curated-transformers.WithStridedSpans.v1"
NO_PIECE = "have no word piece"
CUT_OFF = "are cut off"
NO_WINDOW = "are in no window"
CAUSES = (NO_PIECE, CUT_OFF, NO_WINDOW)
MOST_EXAMPLES = 5
# Pieces of a window are fewer by this share of the longest input: the first word of a window may
# have more pieces there than in the middle of a text.
SLACK = 1 / 16


class Window(NamedTuple):
    """Where a transformer's windows lie: width, and stride from one start to the next, in unit.

    unit: "tokens" or "pieces". A token has one piece or more.
    """

    width: int
    stride: int
    unit: str

    def holds(self, start: int, end: int) -> bool:
        """Whether one window holds all tokens of a span; of pieces, whether it can."""
        if self.unit == "pieces":
            return end - start <= self.width
        return end <= start // self.stride * self.stride + self.width


class Pieces(NamedTuple):
    """What a transformer is given of one text."""

    lost: dict[int, str]  # tokens without a vector but for white space, and one of CAUSES
    longest: int  # pieces of the longest window
    width: int | None  # tokens of a window that is nowhere cut off; None if none is


class Encoder:
    """A transformer whose weights are not needed.

    window: None where windows follow sentences or documents.
    section: of the config where its settings are; empty if they are not there.
    model: a TransformerModel of spacy-transformers; None for another one.
    most (pieces): of a window; what is more is cut off.
    positions (pieces): that the model says it has; None if it says nothing.
    problem: why nothing can be counted; empty if it can.
    """

    def __init__(self, window: Window | None, section: str = "", model: Any = None) -> None:
        self.window, self.section, self.model = window, section, model
        self.most, self.positions, self.problem = 0, None, ""

    def count(self, doc: Doc) -> Pieces | None:
        """Count the tokens of a text that get no vector.

        RETURNS: None for an empty text, and from the first problem on.
        """
        if self.model is None or self.problem or not len(doc):
            return None
        try:
            return self._count(doc)
        # Transformers raise many kinds; a span getter may want what the texts do not have yet.
        except Exception as error:
            reason = shorten(" ".join(str(error).split()), 200)
            self.problem = f"{type(error).__name__}: {reason}"
            return None

    @cached_property
    def _tokenizer(self) -> Any:
        tokenizer, config = _load(self.model)
        self.most = int(tokenizer.model_max_length)
        self.positions = getattr(config, "max_position_embeddings", None)
        return tokenizer

    def _count(self, doc: Doc) -> Pieces:
        from spacy_transformers.truncate import truncate_oversize_splits

        (windows,) = self.model.attrs["get_spans"]([doc])
        nothing: Any = numpy.zeros(len(doc), dtype=int)
        longest, n_given, n_kept = 0, nothing, nothing
        if windows:
            wordpieces, given = self._tokenize(windows)
            _, kept = truncate_oversize_splits(wordpieces, given, self.most)
            longest, n_given, n_kept = wordpieces.input_ids.shape[1], given.lengths, kept.lengths
        seen = {token.i for window in windows for token in window}
        lost = {
            token.i: NO_WINDOW if token.i not in seen else CUT_OFF if n_given[token.i] else NO_PIECE
            for token in doc
            if not (n_kept[token.i] or token.is_space)
        }
        return Pieces(lost, longest, self._width(doc) if CUT_OFF in lost.values() else None)

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


class EncoderStatistics:
    """What an encoder is given of all texts of a split."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.n_cut = 0  # gold spans that no window holds
        self.n_tokens = 0  # here and in what follows without white space
        self.lost: Counter[str] = Counter()  # tokens without a vector, by cause
        self.words: list[str] = []  # some of those that have no piece, or their beginning
        self.n_unseen = 0  # gold spans that start or end on a token without a vector
        self.longest = 0  # pieces of the longest window
        # Texts with cut windows, by the window (tokens) that is nowhere cut off.
        self.widths: Counter[int] = Counter()

    def add(self, doc: Doc, spans: Collection[LabelledSpan]) -> None:
        """Count one text.

        spans (tokens): those that can be learned.
        """
        if self.encoder.window is not None:
            self.n_cut += sum(not self.encoder.window.holds(*span.extent) for span in spans)
        pieces = self.encoder.count(doc)
        if pieces is None:
            return
        lost, longest, width = pieces
        self.n_tokens += sum(not token.is_space for token in doc)
        self.lost.update(lost.values())
        words = [doc[i].text[:20] for i, cause in lost.items() if cause == NO_PIECE]
        self.words = list(dict.fromkeys([*self.words, *words]))[:MOST_EXAMPLES]
        self.n_unseen += sum(span.start in lost or span.end - 1 in lost for span in spans)
        self.longest = max(self.longest, longest)
        self.widths.update([] if width is None else [width])

    def to_dict(self) -> dict[str, Any]:
        """The counts of pieces, ready for JSON."""
        return {
            "tokens_without_vector": {cause: self.lost[cause] for cause in CAUSES},
            "spans_without_vector": self.n_unseen,
            "longest_window": self.longest,
        }


def find_encoder(nlp: Language, name: str, sourced: Sequence[str] = ()) -> Encoder | None:
    """The transformer of a component: its own, or that of the component it listens to.

    nlp: its weights need not be there.
    sourced: components whose settings are those of another pipeline, and not in the config.
    RETURNS: None without a transformer.
    """
    components = nlp.config.interpolate()["components"]
    listened = [k for k, pipe in nlp.pipeline if name in getattr(pipe, "listening_components", ())]
    for other in (name, *reversed(listened)):
        for section, block in _blocks(f"components.{other}", components[other]):
            if block.get("@architectures") == CURATED:
                return Encoder(_read_window(block, "pieces"))
            if "get_spans" in block:
                getter = block["get_spans"]
                is_strided = getter.get("@span_getters") == STRIDED
                window = _read_window(getter, "tokens") if is_strided else None
                nodes = cast(Any, nlp.get_pipe(other)).model.walk()
                model = next((node for node in nodes if "get_spans" in node.attrs), None)
                return Encoder(window, "" if other in sourced else section, model)
    return None


def _blocks(section: str, block: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """A block of a config and all blocks in it, by section."""
    yield section, block
    for name, part in block.items():
        if isinstance(part, dict):
            yield from _blocks(f"{section}.{name}", part)


def _read_window(settings: dict[str, Any], unit: str) -> Window:
    return Window(int(settings.get("window", 128)), int(settings.get("stride", 96)), unit)


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
    """What transformers load by a name: from this machine, or else from the hub."""
    from huggingface_hub import model_info

    try:
        return kind.from_pretrained(name, **{**settings, "local_files_only": True})
    except OSError as error:
        try:  # Asked once: transformers try for a minute where there is no network.
            model_info(name, timeout=10)
        except Exception:
            raise error from None
    return kind.from_pretrained(name, **settings)
