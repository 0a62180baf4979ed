"""One training step of a head by how many labels share an extractor, from hidden states.

`one` is Efficient GlobalPointer, `each` GlobalPointer; `groups` has an extractor for each group of
labels, and `groups_and_common` one more for all. The loss is the component's default.

python -m benchmarks.head_groups groups.json
"""

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from spacy_globalpointer.losses import build_zlpr
from spacy_globalpointer.nn import RowLayout

from .heads import HEAD_SIZE, HIDDEN, make_head, with_gradients
from .measure import extra_memory, interleave, ready, save, summary

# Documents, tokens, and the labels of each group.
Case = tuple[int, int, tuple[int, ...]]
SIZES = (
    (6, 3, 1),
    # As the coarse types of GENIA.
    (9, 7, 6, 5, 4, 3, 1),
    (40, 20, 12, 10, 6, 5, 3, 2, 1, 1),
    # One group far larger than the others.
    (81, *[1] * 19),
)
CASES: tuple[Case, ...] = tuple((8, length, sizes) for length in (64, 256) for sizes in SIZES)
SYSTEMS = ("one", "groups", "groups_and_common", "each")


def measure_groups(
    output: Path,
    *,
    cases: Sequence[Case] = CASES,
    hidden: int = HIDDEN,
    repeats: int = 5,
    seed: int = 0,
    memory: bool = True,
    log: Callable[[str], None] = print,
) -> None:
    """Count the weights of every system, and time a step at every shape.

    output: JSON file.
    hidden (channels): width of the hidden states.
    repeats: rounds, in each of which all systems take their turn.
    memory: also measure memory, which takes a process for each system and shape.
    log: told of each result.
    """
    results: list[dict[str, Any]] = []
    for case in cases:
        steps = {name: ready(prepare_step(name, case, hidden, seed)) for name in SYSTEMS}
        seconds = interleave(steps, repeats=repeats, least_seconds=0.3)
        for name in SYSTEMS:
            layers = make_layers(name, case[2], hidden)
            result = {
                **dict(zip(("documents", "tokens", "groups"), case, strict=True)),
                "labels": sum(case[2]),
                "system": name,
                "parameters": sum(x.numel() for layer in layers for x in layer.parameters()),
                "seconds": summary(seconds[name]),
            }
            if memory:
                result["mib"] = extra_memory(prepare_step, name, case, hidden, seed)
            log(str(result))
            results.append(result)
    settings = {"hidden": hidden, "head_size": HEAD_SIZE, "seed": seed, "repeats": repeats}
    save(output, "head_groups", settings, {"steps": results})


def make_layout(system: str, sizes: Sequence[int]) -> RowLayout:
    """The layout of the rows of a system.

    sizes (labels): of each group.
    """
    if not system.startswith("groups"):
        return RowLayout(HEAD_SIZE, sum(sizes), shared=system == "one")
    group = [i for i, size in enumerate(sizes) for _ in range(size)]
    common = system == "groups_and_common"
    return RowLayout(HEAD_SIZE, len(group), group=group, common_extractor=common)


def make_layers(system: str, sizes: Sequence[int], hidden: int) -> list[nn.Linear]:
    """The extractors of a system, and the terms of the labels if it has them."""
    layout = make_layout(system, sizes)
    extractor = nn.Linear(hidden, 2 * HEAD_SIZE * layout.n_extractors)
    if not layout.shared:
        return [extractor]
    n_read = 1 + layout.common_extractor
    return [extractor, nn.Linear(2 * HEAD_SIZE * n_read, 2 * layout.n_labels)]


def prepare_step(system: str, case: Case, hidden: int, seed: int) -> Callable[[], Tensor]:
    """Make the step of a system: loss, summed, and gradients of hidden states and weights.

    RETURNS: a function without arguments that returns the loss.
    """
    b, length, sizes = case
    torch.manual_seed(seed)
    states, *_, gold = make_head((b, length, sum(sizes)), hidden, seed)
    layout, layers = make_layout(system, sizes), make_layers(system, sizes, hidden)
    mask, loss = torch.ones(b, length, dtype=torch.bool), build_zlpr()

    def total(states: Tensor) -> Tensor:
        rows = layers[0](states)
        if layout.shared:
            rows = torch.cat((rows, _terms(rows, layers[1], layout)), -1)
        return loss(layout.factors(rows, mask), gold).sum()

    return with_gradients(total, states, *layers)


def _terms(pairs: Tensor, types: nn.Linear, layout: RowLayout) -> Tensor:
    """Start and end term of each label (b, l, 2c), from the extractors that it reads."""
    if layout.group is None:
        return types(pairs)
    first, group = layout.common_extractor, torch.tensor(layout.group).repeat(2)
    blocks = pairs.split(2 * HEAD_SIZE, -1)
    terms, order = [], []
    for i in range(layout.n_groups):
        own = (group == i).nonzero()[:, 0]
        read = torch.cat((*blocks[:first], blocks[first + i]), -1)
        terms.append(nn.functional.linear(read, types.weight[own], types.bias[own]))
        order.append(own)
    return torch.cat(terms, -1)[..., torch.cat(order).argsort()]


def main() -> None:
    """Measure with one thread."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path, help="JSON file")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--no-memory", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    measure = partial(measure_groups, repeats=args.repeats, memory=not args.no_memory)
    measure(args.output)


if __name__ == "__main__":
    main()
