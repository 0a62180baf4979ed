"""The transformer that a component gets its vectors from: its windows, its pieces, what it loses.

Nothing is computed by the network: spacy-transformers' own functions cut texts to windows and
pieces here, so that the count is what training will meet.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, cast

import numpy
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.util import dot_to_object, walk_dict

from ...messages import shorten
from ...spans import LabelledSpan

STRIDED = "spacy-transformers.strided_spans.v1"
CURATED = "spacy-curated-transformers.WithStridedSpans.v1"
CONCATENATED = "spacy_globalpointer.ConcatenatedEncoders.v1"
CAUSES = NO_PIECE, CUT_OFF, NO_WINDOW = "have no word piece", "are cut off", "are in no window"
MOST_EXAMPLES = 5
# Pieces of a window are fewer by this share of the longest input: the first word of a window may
# have more pieces there than in the middle of a text.
SLACK = 1 / 16


class Window(NamedTuple):
    """Where a transformer's windows lie."""

    width: int
    stride: int  # from one start to the next
    unit: str  # "tokens" or "pieces", of which a token has one or more

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


@dataclass
class Encoder:
    """A transformer whose weights are not needed."""

    window: Window | None  # None where windows follow sentences or documents
    section: str = ""  # of the config where its settings are; empty if they are not there
    model: Any = None  # a TransformerModel of spacy-transformers; None for another one
    alone: bool = True  # no other encoder beside it, whose vectors every token has
    # Known once a text was counted (pieces): what is more in a window is cut off; what the model
    # says it has; why nothing can be counted.
    most: int = 0
    positions: int | None = None
    problem: str = ""

    def count(self, doc: Doc) -> Pieces | None:
        """Count the pieces of a text; None if it is empty, and from the first problem on."""
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
        before = numpy.cumsum(pieces.lengths) - pieces.lengths
        room = self.most - self._tokenizer.num_special_tokens_to_add() - int(self.most * SLACK)
        ends = numpy.searchsorted(before, before + max(1, room))
        widths = (ends - numpy.arange(len(doc)))[ends < len(doc)]
        return int(widths.min(initial=len(doc)))


@dataclass
class EncoderStatistics:
    """What an encoder is given of all texts of a split; white space is not counted."""

    encoder: Encoder
    n_cut: int = 0  # gold spans that no window holds
    n_tokens: int = 0
    lost: Counter[str] = field(default_factory=Counter)  # tokens without a vector, by cause
    words: list[str] = field(default_factory=list)  # some without a piece, or their beginning
    n_unseen: int = 0  # gold spans that start or end on a token without a vector
    longest: int = 0  # pieces of the longest window
    widths: set[int] = field(default_factory=set)  # as in Pieces

    def add(self, doc: Doc, spans: Collection[LabelledSpan]) -> None:
        """Count one text, and its spans (tokens) that can be learned."""
        if self.encoder.window is not None:
            self.n_cut += sum(not self.encoder.window.holds(*span.extent) for span in spans)
        pieces = self.encoder.count(doc)
        if pieces is None:
            return
        lost = pieces.lost
        self.n_tokens += sum(not token.is_space for token in doc)
        self.lost.update(lost.values())
        words = [doc[i].text[:20] for i, cause in lost.items() if cause == NO_PIECE]
        self.words = list(dict.fromkeys([*self.words, *words]))[:MOST_EXAMPLES]
        self.n_unseen += sum(span.start in lost or span.end - 1 in lost for span in spans)
        self.longest = max(self.longest, pieces.longest)
        if pieces.width is not None:
            self.widths.add(pieces.width)

    def to_dict(self) -> dict[str, Any]:
        return {
            "tokens_without_vector": {cause: self.lost[cause] for cause in CAUSES},
            "spans_without_vector": self.n_unseen,
            "longest_window": self.longest,
        }


def find_encoder(nlp: Language, name: str, sourced: Sequence[str] = ()) -> Encoder | None:
    """The transformer of a component: its own, or that of the component it listens to.

    sourced: components whose settings are those of another pipeline, and not in the config.
    """
    config = nlp.config.interpolate()
    alone = all(value != CONCATENATED for _, value in walk_dict(config["components"][name]))
    listened = [k for k, pipe in nlp.pipeline if name in getattr(pipe, "listening_components", ())]
    for other in (name, *reversed(listened)):
        for path, value in walk_dict(config["components"][other], ["components", other]):
            block = dot_to_object(config, ".".join(path[:-1]))
            if value == CURATED:
                return Encoder(_read_window(block, "pieces"))
            if path[-2:] == ["get_spans", "@span_getters"]:
                window = _read_window(block, "tokens") if value == STRIDED else None
                nodes = cast(Any, nlp.get_pipe(other)).model.walk()
                model = next((node for node in nodes if "get_spans" in node.attrs), None)
                return Encoder(
                    window, "" if other in sourced else ".".join(path[:-2]), model, alone
                )
    return None


def _read_window(settings: dict[str, Any], unit: str) -> Window:
    return Window(int(settings.get("window", 128)), int(settings.get("stride", 96)), unit)


def _load(model: Any) -> tuple[Any, Any]:
    """Tokenizer and config of a transformer, from its weights or by its name."""
    from transformers import AutoConfig, AutoTokenizer

    tokenizer = model.tokenizer
    if tokenizer is not None:
        config = model.transformer.config
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
