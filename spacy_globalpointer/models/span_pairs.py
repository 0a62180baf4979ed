"""The registered architecture SpanPairs: spans of documents -> a row of factors for each span.

It reads the spans, and then all pairs of them. `nn.PairLayout` says what a row means: its first
table is that of pairs that lead from a span to a later one, its second that of pairs that lead
back.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, cast
from uuid import uuid4

import numpy
import torch
from spacy.attrs import SENT_START
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Embed, Linear, Maxout, Model, Ops, xp2torch, zero_init
from thinc.types import Floats2d
from torch import Tensor
from torch.nn.functional import one_hot

from ..nn import PairLayout, mean_inside
from .encoders import encode
from .pairs import DocSpans, PairModel, build_pair_model, init_encoder
from .rare import init_rare
from .settings import check_sizes
from .torch_step import split_columns, through_torch

# From each of these distances up to the next, pairs are told apart; in tokens between the spans.
DISTANCES = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 128)
# How spans that share a token lie: same borders, the first around the second, crossing.
SAME, AROUND, CROSSING = range(len(DISTANCES), len(DISTANCES) + 3)
N_PLACES = CROSSING + 1
# Pairs that are read at once. What the gradient needs of each takes about 2 kB.
PAIRS_AT_ONCE = 2**16


@registry.architectures("spacy_globalpointer.SpanPairs.v1")
def build_span_pairs(
    tok2vec: Model[list[Doc], list[Floats2d]],
    head_size: int = 64,
    hidden_size: int = 128,
    span_label_size: int = 32,
    pair_size: int = 32,
    dropout: float = 0.0,
    nO: int | None = None,
) -> PairModel:
    """Score all ordered pairs of the spans of a document, for all labels at once.

    score(i, j, label) = query(i) . key(j) / sqrt(d) + start(i, label) + end(j, label) + pair(i, j)

    with a query, a key and terms for each direction: from a span to a later one, and back. A span
    is read at its first and last token, as the mean of its tokens, and by its label. The term of
    the pair is the same for all labels, so the loss of all pairs needs no labels x n x n scores. It
    reads the tokens between the spans, their distance, how they overlap, and whether a sentence
    ends between them.

    tok2vec: encoder, token vectors (l, D).
    head_size (channels): width d of query and key.
    hidden_size (channels): width of the maxout layer, normalized, that reads a span.
    span_label_size (channels): of the vector of a span's label; labels that were not seen in
        training share one.
    pair_size (channels): what is read of a token between two spans, and width of the maxout layer
        that reads a pair.
    dropout (share): of the token vectors, in training, on top of `training.dropout`.
    nO: number of labels of relations; None until initialization.
    RETURNS: n spans of each document -> rows (n, 4d + 4C + n), the last n columns the terms of the
        pairs.
    RAISES (ValueError): a size below 1, dropout outside [0, 1).
    """
    check_sizes(
        {"hidden_size": hidden_size, "span_label_size": span_label_size, "pair_size": pair_size}
    )
    refs: dict[str, Any] = {
        "tok2vec": tok2vec,
        "span_labels": Embed(nO=span_label_size),
        "hidden": Maxout(nO=hidden_size, nP=3, normalize=True, dropout=0.0),
        "extractor": Linear(nO=4 * head_size, nI=hidden_size),
        "types": Linear(nI=hidden_size, init_b=init_rare),
        "between": Maxout(nO=pair_size, nP=2, normalize=True, dropout=0.0),
        "ends": Linear(nO=2 * pair_size, nI=hidden_size),
        "pair_hidden": Maxout(nO=pair_size, nI=3 * pair_size + N_PLACES + 1, nP=2, normalize=True),
        "pair_output": Linear(nO=2, nI=pair_size, init_W=zero_init),
    }
    layout = PairLayout(head_size, 0)
    return build_pair_model("span_pairs", _forward, _init, refs, layout, dropout, nO)


class _Pairs(NamedTuple):
    """All pairs of the spans of a batch, the first span not later than the second; also itself.

    span (n, 2): rows of the first and of the last token of each span.
    pair (p, 2): numbers of the spans of each pair, document by document.
    gap (p, 2): rows of the first and of the last token between them; has_gap (p, 1): bool, whether
        there are any.
    place (p, 1): how they lie; crosses (p, 1): bool, whether a sentence ends between them.
    """

    span: Tensor
    pair: Tensor
    gap: Tensor
    has_gap: Tensor
    place: Tensor
    crosses: Tensor

    def chunks(self) -> "list[_Pairs]":
        """Not too many pairs at a time, at least one chunk."""
        parts = zip(*(x.split(PAIRS_AT_ONCE) for x in self[1:]), strict=True)
        return [_Pairs(self.span, *part) for part in parts]


def _forward(
    model: PairModel, batch: list[DocSpans], is_train: bool, *, dropout: float
) -> tuple[list[Floats2d], Callable]:
    ops = model.ops
    tokens = encode(model, [doc for doc, _ in batch], is_train, dropout)
    counts = [len(spans) for _, spans in batch]
    if not sum(counts):
        width = model.attrs["layout"].factor_width
        nothing = [ops.alloc2f(0, width) for _ in batch]
        return nothing, lambda _: tokens.backprop(ops.alloc2f(*tokens.vectors.shape))
    pairs = _find_pairs(batch, xp2torch(tokens.vectors).device)
    H, backprop_H = _read_spans(model, batch, tokens.vectors, pairs, is_train)
    Q, backprop_Q = model.get_ref("extractor")(H, is_train)
    T, backprop_T = model.get_ref("types")(H, is_train)
    E, backprop_E = _read_pairs(model, tokens.vectors, H, pairs, is_train)
    flat = ops.xp.hstack([Q, T])

    def backprop(d_rows: list[Floats2d]) -> list[Doc]:
        d_flat = ops.xp.vstack([d[:, : flat.shape[1]] for d in d_rows])
        dQ, dT = split_columns(ops, d_flat, Q.shape[1])
        tables = [d[:, flat.shape[1] :] for d in d_rows]
        dH, dX = backprop_E(ops.xp.vstack([_from_table(ops, table) for table in tables]))
        dX += backprop_H(dH + backprop_Q(dQ) + backprop_T(dT))
        return tokens.backprop(dX * tokens.has_vector)

    rows, first, first_pair = [], 0, 0
    for n in counts:
        n_pairs = n * (n + 1) // 2
        table = _as_table(ops, E[first_pair : first_pair + n_pairs], n)
        rows.append(ops.xp.hstack([flat[first : first + n], table]))
        first, first_pair = first + n, first_pair + n_pairs
    return rows, backprop


def _as_table(ops: Ops, terms: Floats2d, n: int) -> Floats2d:
    """Terms (p, 2) of the pairs of n spans, forward and backward, as a table (n, n)."""
    i, j = ops.xp.triu_indices(n)
    table: Any = ops.alloc2f(n, n)
    table[j, i] = terms[:, 1]
    table[i, j] = terms[:, 0]  # of a span with itself, only this counts
    return cast(Floats2d, table)


def _from_table(ops: Ops, table: Floats2d) -> Floats2d:
    """The gradient of the terms from that of the table."""
    i, j = ops.xp.triu_indices(len(table))
    found: Any = table
    backward = found[j, i]
    backward[i == j] = 0.0
    return cast(Floats2d, ops.xp.stack((found[i, j], backward), axis=1))


def _find_pairs(batch: list[DocSpans], device: torch.device) -> _Pairs:
    spans, pairs, sentences = [], [], []
    first_token = first_span = 0
    for doc, own in batch:
        borders = numpy.array([(s.start, s.end - 1) for s in own], dtype=int).reshape(-1, 2)
        spans.append(borders + first_token)
        pairs.append(numpy.stack(numpy.triu_indices(len(own)), 1) + first_span)
        # Without sentences, no token starts one.
        sentences.append(numpy.cumsum(doc.to_array([SENT_START]).ravel() == 1))
        first_token, first_span = first_token + len(doc), first_span + len(own)
    span, pair, sentence = map(numpy.concatenate, (spans, pairs, sentences))
    (start, last), (other, other_last) = span[pair[:, 0]].T, span[pair[:, 1]].T
    gap = other - last - 1
    place = numpy.searchsorted(DISTANCES, gap, "right") - 1
    place[gap < 0] = CROSSING
    place[(gap < 0) & (other_last <= last)] = AROUND
    place[(start == other) & (last == other_last)] = SAME
    crosses = sentence[start] != sentence[other]
    has_gap = gap > 0
    between = numpy.stack((last + 1, other - 1), 1) * has_gap[:, None]
    columns = span, pair, between, *(x[:, None] for x in (has_gap, place, crosses))
    return _Pairs(*(torch.from_numpy(x).to(device) for x in columns))


def _read_spans(
    model: PairModel, batch: list[DocSpans], X: Floats2d, pairs: _Pairs, is_train: bool
) -> tuple[Floats2d, Callable[[Floats2d], Floats2d]]:
    """From token vectors (l, D) to the vectors of the spans (n, hidden_size)."""
    ops = model.ops
    start, last = pairs.span.unbind(1)
    seen, backprop_seen = through_torch(
        lambda x: torch.cat((x[start], x[last], mean_inside(x, start, last)), 1), X, is_train
    )
    row = {label: i for i, label in enumerate(model.attrs["span_labels"], start=1)}
    labels = ops.asarray1i([row.get(span.label, 0) for _, spans in batch for span in spans])
    known, backprop_known = model.get_ref("span_labels")(labels, is_train)
    H, backprop_H = model.get_ref("hidden")(ops.xp.hstack([seen, known]), is_train)

    def backprop(dH: Floats2d) -> Floats2d:
        d_seen, d_known = split_columns(ops, backprop_H(dH), seen.shape[1])
        backprop_known(d_known)
        return backprop_seen(d_seen)

    return H, backprop


def _read_pairs(
    model: PairModel, X: Floats2d, H: Floats2d, pairs: _Pairs, is_train: bool
) -> tuple[Floats2d, Callable[[Floats2d], tuple[Floats2d, Floats2d]]]:
    """From the vectors of tokens and spans to the terms (p, 2) of the pairs.

    Their number grows with the square of that of the spans: many are read some at a time, and once
    more for the gradient.

    RETURNS: the terms, forward and backward, and a function from their gradient to those of the
        spans and of the tokens.
    """
    ops = model.ops
    B, backprop_B = model.get_ref("between")(X, is_train)
    R, backprop_R = model.get_ref("ends")(H, is_train)
    chunks = pairs.chunks()
    kept = [_read_chunk(model, B, R, chunks[0], is_train)] if len(chunks) == 1 else []
    terms = kept or (_read_chunk(model, B, R, chunk, False) for chunk in chunks)
    E = ops.xp.vstack([own for own, _ in terms])

    def backprop(dE: Floats2d) -> tuple[Floats2d, Floats2d]:
        dB, dR, first = ops.xp.zeros_like(B), ops.xp.zeros_like(R), 0
        for chunk in chunks:
            end = first + len(chunk.pair)
            _, backprop_chunk = kept[0] if kept else _read_chunk(model, B, R, chunk, True)
            d_between, d_ends = backprop_chunk(ops.as_contig(dE[first:end]))
            dB, dR, first = dB + d_between, dR + d_ends, end
        return backprop_R(dR), backprop_B(dB)

    return E, backprop


def _read_chunk(
    model: PairModel, B: Floats2d, R: Floats2d, pairs: _Pairs, is_train: bool
) -> tuple[Floats2d, Callable[[Floats2d], tuple[Floats2d, Floats2d]]]:
    """The terms (p, 2) of some pairs, from what is read of tokens and of spans, and backprop."""
    ops, size = model.ops, B.shape[1]

    def gather_between(b: Tensor) -> Tensor:
        return mean_inside(b, *pairs.gap.unbind(1)) * pairs.has_gap

    def gather_ends(r: Tensor) -> Tensor:
        first, second = pairs.pair.unbind(1)
        place = one_hot(pairs.place[:, 0], N_PLACES)
        ends = r[first, :size], r[second, size:]
        return torch.cat((*ends, place.to(r), pairs.crosses.to(r)), 1)

    between, backprop_between = through_torch(gather_between, B, is_train)
    ends, backprop_ends = through_torch(gather_ends, R, is_train)
    P, backprop_P = model.get_ref("pair_hidden")(ops.xp.hstack([between, ends]), is_train)
    E, backprop_E = model.get_ref("pair_output")(P, is_train)

    def backprop(dE: Floats2d) -> tuple[Floats2d, Floats2d]:
        d_between, d_ends = split_columns(ops, backprop_P(backprop_E(dE)), size)
        return backprop_between(d_between), backprop_ends(d_ends)

    return E, backprop


def _init(model: PairModel, X: list[DocSpans] | None = None, Y: object | None = None) -> None:
    width = init_encoder(model, X)
    labels, size = model.get_ref("span_labels"), model.get_ref("span_labels").get_dim("nO")
    labels.set_dim("nV", 1 + len(model.attrs["span_labels"]), force=True)
    model.get_ref("hidden").initialize(X=model.ops.alloc2f(1, 3 * width + size))
    model.get_ref("between").initialize(X=model.ops.alloc2f(1, width))
    for name in ("span_labels", "extractor", "types", "ends", "pair_hidden", "pair_output"):
        model.get_ref(name).initialize()
    # What was never seen in training changes nothing: sentence borders, for instance, if there is a
    # component that finds them in prediction only.
    maxout, _ = model.get_ref("pair_hidden").layers  # the other one normalizes
    weights: Any = maxout.get_param("W")
    weights[..., -(N_PLACES + 1) :] = 0.0


def resize_span_labels(model: PairModel) -> None:
    """Give each of model.attrs["span_labels"] a vector; labels already there keep theirs.

    model: any architecture of relations; only some read the labels of spans.
    """
    old, size = model.maybe_get_ref("span_labels"), 1 + len(model.attrs["span_labels"])
    # Of that size, no random numbers are drawn: a second `initialize` draws the same weights.
    if old is None or old.get_dim("nV") == size:
        return
    # A new layer, because the optimizer keeps moments of the old shape under the old id.
    new: Model = Embed(nO=old.get_dim("nO"), nV=size)
    new.id, new.ops = uuid4().int, old.ops
    new.initialize()
    known, grown = cast(Floats2d, old.get_param("E")), cast(Floats2d, new.get_param("E"))
    n = min(len(known), len(grown))  # fewer labels, if it is initialized again
    grown[:n] = known[:n]
    model.replace_node(old, new)
