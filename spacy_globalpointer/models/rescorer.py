"""The registered rescorer: a second look at the spans in question.

The scores of a head come from the two ends of a span. The rescorer also reads what lies inside and
just outside, and which other spans are in question there. It does so for few spans, the candidates.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, cast

import torch
from spacy.util import registry
from thinc.api import Linear, Maxout, Model, Ops, torch2xp, xp2torch, zero_init
from thinc.types import Floats2d
from torch import Tensor
from torch.nn.functional import one_hot, pad

from ..nn import KINDS, CandidateRule, Rivals, find_rivals, max_by_kind, max_inside, mean_inside
from .settings import check_sizes
from .torch_step import split_columns, through_torch

# Name of the layer, which tells weights with a rescorer from those without.
RESCORER = "span_rescorer"
# Lengths that are told apart, in tokens; the last one stands for all longer spans.
N_LENGTHS = 16
# What is read of each token or of the inside: both ends, both neighbours, mean, maximum.
N_PARTS = 6
# Scores of the head that are read for each label: of the candidate, and the best of each kind of
# rival.
N_SCORES = 1 + len(KINDS)
# Channels that they are reduced to.
SCORE_SIZE = 64
# A score whose probability is 1 - 1e-7.
SATURATED = 8.0


class RescorerInput(NamedTuple):
    """What a rescorer reads.

    tokens (l, token_size): of each token of a batch.
    start, last (k): rows of tokens, of each candidate; sorted by start, longest first.
    before, after (k): rows of the tokens just outside; l where the text begins or ends.
    scores (k, c): of the head.
    """

    tokens: Floats2d
    start: Tensor
    last: Tensor
    before: Tensor
    after: Tensor
    scores: Floats2d


@registry.architectures("spacy_globalpointer.SpanRescorer.v1")
def build_span_rescorer(
    token_size: int = 64,
    hidden_size: int = 128,
    rival_size: int = 32,
    threshold: float = 0.01,
    per_token: float = 1.0,
) -> Model[RescorerInput, Floats2d]:
    """Correct the scores of the spans in question, by what their two ends do not tell.

    It reads both ends, the tokens just outside, mean and maximum of the tokens inside, and the
    length; the scores of the head for the candidate and, by how they lie (`nn.KINDS`), for its
    rivals, the candidates that share a token with it; and then what it made of the rivals. A new
    rescorer changes nothing: it starts at 0.

    token_size (channels): what is read of a token.
    hidden_size (channels): width of a maxout layer, normalized, that reads all of a candidate.
    rival_size (channels): what is read of a rival.
    threshold (probability): a span is a candidate if its score may reach it for some label.
    per_token: most candidates for each token of a document, best first; 8 more are always allowed.
    RETURNS: candidates -> corrections of their scores (k, c).
    RAISES (ValueError): a setting out of range.
    """
    sizes = {"token_size": token_size, "hidden_size": hidden_size, "rival_size": rival_size}
    check_sizes({f"{name} of the rescorer": size for name, size in sizes.items()})
    refs: dict[str, Model | None] = {
        # Runs with the head, on all tokens, so that a row holds what is read of its token.
        "tokens": Maxout(nO=token_size, nP=3, normalize=True, dropout=0.0),
        "scores": Linear(nO=SCORE_SIZE, init_W=zero_init),
        "hidden": Maxout(
            nO=hidden_size, nI=N_PARTS * token_size + N_LENGTHS + SCORE_SIZE, nP=2, normalize=True
        ),
        "rivals": Linear(nO=rival_size, nI=hidden_size),
        "output_layer": Linear(nI=hidden_size + len(KINDS) * rival_size, init_W=zero_init),
    }
    return Model(
        RESCORER,
        _forward,
        init=_init,
        layers=[layer for layer in refs.values() if layer],
        # nI is the width of what the head reads, nO the number of labels.
        dims={"nO": None, "nI": None},
        attrs={"token_size": token_size, "rule": CandidateRule(threshold, per_token)},
        refs=refs,
    )


def learned_labels(rescorer: Model) -> Tensor:
    """The labels whose scores a rescorer can change: not those that it has not learned yet.

    RETURNS (c): bool.
    """
    output = rescorer.get_ref("output_layer")
    weights, biases = (xp2torch(output.get_param(name)) for name in ("W", "b"))
    return weights.any(1) | biases.bool()


def _forward(
    model: Model[RescorerInput, Floats2d], candidates: RescorerInput, is_train: bool
) -> tuple[Floats2d, Callable[[Floats2d], Floats2d]]:
    """Read the candidates, then their rivals; the head's scores get no gradient.

    RETURNS: corrections (k, c), and a function from their gradient to that of the tokens.
    """
    tokens, start, last, *_, scores = candidates
    ops = model.ops
    if not len(scores):
        return scores, lambda _: ops.alloc2f(*tokens.shape)
    rivals = find_rivals(start, last)
    seen, backprop_seen = through_torch(partial(_describe, candidates), tokens, is_train)
    known, backprop_known = model.get_ref("scores")(_compare(ops, scores, rivals), is_train)
    Z, backprop_Z = model.get_ref("hidden")(ops.xp.hstack([seen, known]), is_train)
    shown, backprop_shown = model.get_ref("rivals")(Z, is_train)
    best, backprop_best = through_torch(
        lambda values: max_by_kind(values, rivals).flatten(1), shown, is_train
    )
    output = model.get_ref("output_layer")
    corrections, backprop_output = output(ops.xp.hstack([Z, best]), is_train)

    def backprop(d_corrections: Floats2d) -> Floats2d:
        dZ, d_best = split_columns(ops, backprop_output(d_corrections), Z.shape[1])
        dZ += backprop_shown(backprop_best(d_best))
        d_seen, d_known = split_columns(ops, backprop_Z(dZ), seen.shape[1])
        backprop_known(d_known)
        return backprop_seen(d_seen)

    return corrections, backprop


def _describe(candidates: RescorerInput, tokens: Tensor) -> Tensor:
    """What is read of each candidate (k, N_PARTS * token_size + N_LENGTHS).

    tokens (l, token_size).
    """
    _, start, last, before, after, _ = candidates
    padded = pad(tokens, (0, 0, 0, 1))
    length = one_hot((last - start).clamp(max=N_LENGTHS - 1), N_LENGTHS).to(tokens)
    ends = padded[torch.stack((start, last, before, after), 1)].flatten(1)
    inside = mean_inside(tokens, start, last), max_inside(tokens, start, last)
    return torch.cat((ends, *inside, length), 1)


def _compare(ops: Ops, scores: Floats2d, rivals: Rivals) -> Floats2d:
    """The scores (k, c) of the candidates and of their rivals, best of each kind.

    RETURNS (k, N_SCORES * c): in [-1, 1]; -1 where there is no rival.
    """
    # Raw scores, as probabilities hardly differ near 0 and 1, but not without end.
    own = xp2torch(ops.xp.clip(scores / SATURATED, -1, 1))
    best = max_by_kind(own + 1, rivals) - 1
    return cast(Floats2d, torch2xp(torch.cat((own, best.flatten(1)), 1)))


def _init(
    model: Model[RescorerInput, Floats2d], X: RescorerInput | None = None, Y: object | None = None
) -> None:
    """Make the weights, for the number of labels and the width that the head has set."""
    model.get_ref("tokens").initialize(X=model.ops.alloc2f(1, model.get_dim("nI")))
    model.get_ref("scores").set_dim("nI", N_SCORES * model.get_dim("nO"))
    model.get_ref("output_layer").set_dim("nO", model.get_dim("nO"))
    for layer in model.layers[1:]:
        layer.initialize()
