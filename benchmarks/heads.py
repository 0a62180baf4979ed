"""One training step of a head, factored against dense: loss and gradient from hidden states.

All systems get the same weights, hidden states and gold spans. `global_pointer` is what the
component trains with by default: factored, with sums per start token. The others compute the
published loss, with sums per document: `per_document` (factored), `zlpr_dense` (its definition, on
the table of labels x L x L scores), and bert4torch's EfficientGlobalPointer with its dense and
sparse loss.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from spacy_globalpointer.losses import build_zlpr
from spacy_globalpointer.nn import RowLayout, SpanFactors, zlpr, zlpr_dense

from .measure import extra_memory, interleave, ready, save, summary
from .sparse_loss import LOSS_FORMS, derive_loss

# Documents, tokens, labels.
Shape = tuple[int, int, int]
# From hidden states to the summed loss.
Loss = Callable[[Tensor], Tensor]
SHAPES: tuple[Shape, ...] = (
    (16, 64, 10),
    (16, 128, 10),
    (8, 256, 10),
    (8, 256, 50),
    (4, 512, 10),
    (4, 512, 50),
    (4, 512, 200),
    (1, 2048, 10),
)
HEAD_SIZE = 64
# Width of spaCy's own encoders.
HIDDEN = 96
# Gold spans: one for so many tokens.
TOKENS_PER_GOLD = 8


def measure_heads(
    output: Path,
    *,
    shapes: Sequence[Shape] = SHAPES,
    hidden: int = HIDDEN,
    repeats: int = 5,
    seed: int = 0,
    memory: bool = True,
    log: Callable[[str], None] = print,
) -> None:
    """Time a step of every system at every shape, and its memory in a process of its own.

    output: JSON file.
    shapes: of the batches.
    hidden (channels): width of the hidden states.
    repeats: rounds, in each of which all systems take their turn.
    memory: also measure memory, which takes a process for each system and shape.
    log: told of each shape.
    """
    results: list[dict[str, Any]] = []
    for shape in shapes:
        log("{} documents x {} tokens x {} labels".format(*shape))
        steps = {name: prepare_step(name, shape, hidden, seed) for name in SYSTEMS}
        losses = {name: float(step()) for name, step in steps.items()}
        cases = {name: ready(step) for name, step in steps.items()}
        # Long samples: the first step after a dense one pays for the memory that it has moved.
        seconds = interleave(cases, repeats=repeats, least_seconds=0.5)
        for name in SYSTEMS:
            result = dict(zip(("documents", "tokens", "labels"), shape, strict=True), system=name)
            result.update(seconds=summary(seconds[name]), loss=losses[name])
            if memory:
                result["mib"] = extra_memory(prepare_step, name, shape, hidden, seed)
            results.append(result)
    settings = {"hidden": hidden, "head_size": HEAD_SIZE, "seed": seed, "repeats": repeats}
    report = {"steps": results, "sparse_loss": [derive_loss(form) for form in LOSS_FORMS]}
    save(output, "heads", settings, report)


def prepare_step(system: str, shape: Shape, hidden: int, seed: int) -> Callable[[], Tensor]:
    """Make the step of a system: loss, summed, and gradients of hidden states and weights.

    hidden (channels): width of the hidden states.
    RETURNS: a function without arguments that returns the loss.
    """
    states, extractor, types, gold = make_head(shape, hidden, seed)
    loss = SYSTEMS[system](extractor, types, gold, shape)
    return with_gradients(loss, states, extractor, types)


def make_head(shape: Shape, hidden: int, seed: int) -> tuple[Tensor, nn.Linear, nn.Linear, Tensor]:
    """Hidden states, the two layers of a head, and gold spans.

    RETURNS: states (b, l, hidden), layers, and rows (document, label, start, last).
    """
    b, length, c = shape
    generator = torch.Generator().manual_seed(seed)
    states = torch.randn(b, length, hidden, generator=generator, requires_grad=True)
    extractor, types = nn.Linear(hidden, 2 * HEAD_SIZE), nn.Linear(2 * HEAD_SIZE, 2 * c)
    for weights in (*extractor.parameters(), *types.parameters()):
        nn.init.normal_(weights, std=0.02, generator=generator)
    return states, extractor, types, _gold_spans(shape, generator)


def with_gradients(loss: Loss, states: Tensor, *layers: nn.Linear) -> Callable[[], Tensor]:
    """Make a step: the loss, and the gradients of hidden states and weights."""
    parameters = [states, *(weights for layer in layers for weights in layer.parameters())]

    def step() -> Tensor:
        value = loss(states)
        torch.autograd.grad(value, parameters)
        return value.detach()

    return step


def _gold_spans(shape: Shape, generator: torch.Generator) -> Tensor:
    """Rows (document, label, start, last), without duplicates."""
    b, length, c = shape
    n = max(1, b * length // TOKENS_PER_GOLD)
    draw = partial(torch.randint, size=(n,), generator=generator)
    # The first cell is left free: bert4torch's sparse loss takes it for padding.
    document, label, start = draw(b), draw(c), draw(length).clamp(min=1)
    last = (start + draw(8)).clamp(max=length - 1)
    return torch.stack((document, label, start, last), 1).unique(dim=0)


def factored(
    states: Tensor, extractor: nn.Linear, types: nn.Linear, max_length: int | None = None
) -> SpanFactors:
    """Efficient GlobalPointer on hidden states (b, l, hidden)."""
    pairs = extractor(states)
    rows = torch.cat((pairs, types(pairs)), -1)
    mask = torch.ones(states.shape[:2], dtype=torch.bool)
    return RowLayout(HEAD_SIZE, types.out_features // 2).factors(rows, mask, max_length)


def _ours(
    loss_form: Callable[[SpanFactors, Tensor], Tensor],
    extractor: nn.Linear,
    types: nn.Linear,
    gold: Tensor,
    shape: Shape,
) -> Loss:
    return lambda states: loss_form(factored(states, extractor, types), gold).sum()


def _bert4torch_dense(extractor: nn.Linear, types: nn.Linear, gold: Tensor, shape: Shape) -> Loss:
    from bert4torch.losses import MultilabelCategoricalCrossentropy

    b, length, c = shape
    head, mask = _bert4torch_head(extractor, types), torch.ones(b, length)
    y_true = torch.zeros(b, c, length, length)
    y_true[tuple(gold.T)] = 1.0
    criterion = MultilabelCategoricalCrossentropy()
    # It returns the mean over documents and labels.
    return lambda states: criterion(head(states, mask).flatten(2), y_true.flatten(2)) * (b * c)


def _bert4torch_sparse(extractor: nn.Linear, types: nn.Linear, gold: Tensor, shape: Shape) -> Loss:
    from bert4torch.losses import SparseMultilabelCategoricalCrossentropy

    b, length, c = shape
    head, mask = _bert4torch_head(extractor, types), torch.ones(b, length)
    # Its gold cells are indices into the flat table, padded with 0.
    cells: list[list[list[int]]] = [[[] for _ in range(c)] for _ in range(b)]
    for document, label, start, last in gold.tolist():
        cells[document][label].append(start * length + last)
    most = max(len(row) for rows in cells for row in rows)
    y_true = torch.tensor([[row + [0] * (most - len(row)) for row in rows] for rows in cells])
    criterion = SparseMultilabelCategoricalCrossentropy(mask_zero=True)
    return lambda states: criterion(head(states, mask).flatten(2), y_true).sum()


def _bert4torch_head(extractor: nn.Linear, types: nn.Linear) -> nn.Module:
    from bert4torch.layers import EfficientGlobalPointer

    head = EfficientGlobalPointer(extractor.in_features, types.out_features // 2, HEAD_SIZE)
    head.p_dense, head.q_dense = extractor, types
    with torch.no_grad():
        for weights in types.parameters():
            # It halves the type term, and puts start and end of each label side by side.
            weights.copy_(2 * torch.stack(weights.chunk(2), 1).flatten(0, 1))
    return head


SYSTEMS: dict[str, Callable[[nn.Linear, nn.Linear, Tensor, Shape], Loss]] = {
    "global_pointer": partial(_ours, build_zlpr()),
    "per_document": partial(_ours, zlpr),
    "zlpr_dense": partial(_ours, zlpr_dense),
    "bert4torch_dense": _bert4torch_dense,
    "bert4torch_sparse": _bert4torch_sparse,
}
