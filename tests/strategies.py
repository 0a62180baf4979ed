"""Random factors and gold, named after their axes (hypothesis)."""

from dataclasses import replace

import torch
from hypothesis import strategies as st

from spacy_globalpointer.nn import PAIRS, Cells, Corrections, SpanFactors

# Groups and labels, or the group of each label.
GROUPS = st.sampled_from([(1, 1), (1, 3), (3, 3), (2, 4), [1, 0], [0, 1, 0], [2, 1, 0, 1], [0, 0]])
CELLS = st.sampled_from([Cells(), Cells(max_length=1), Cells(max_length=3), PAIRS])


def _random_gold(draw, factors):
    cells = [tuple(cell) for cell in factors.allowed().nonzero().tolist()]
    if not cells:
        return torch.empty(0, 4, dtype=torch.long)
    rows = st.tuples(st.sampled_from(cells), st.integers(0, factors.n_labels - 1))
    chosen = draw(st.lists(rows, max_size=8, unique=True))
    gold = [[b, c, s, e] for (b, s, e), c in chosen]
    return torch.tensor(gold, dtype=torch.long).reshape(-1, 4)


@st.composite
def factors_bgcl(draw, scale=2.0, longest=7, dtype=torch.float64):
    """Factors of up to 3 rows: padding, masked tokens, bands, pairs, groups, several documents,
    corrected cells.
    """
    b, length, d = (draw(st.integers(1, most)) for most in (3, longest, 4))
    groups = draw(GROUPS)
    group = torch.tensor(groups) if isinstance(groups, list) else None
    g, c = groups if group is None else (len(set(groups)), len(groups))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))

    def normal(*shape):
        return (torch.randn(*shape, generator=generator, dtype=torch.float64) * scale).to(dtype)

    mask = torch.rand(b, length, generator=generator) < draw(st.sampled_from([0.6, 1.0]))
    mask &= torch.arange(length) < torch.randint(1, length + 1, (b, 1), generator=generator)
    cells = draw(CELLS)
    n_starts = draw(st.sampled_from([length, max(1, length - 2)]))
    query, key = normal(b, g, n_starts, d), normal(b, g, length, d)
    start_bias, end_bias = normal(b, n_starts, c), normal(b, length, c)
    document = None
    if n_starts < length:  # of a document that may go on in the next row
        places = torch.arange(b * n_starts).view(b, n_starts)
        document = places // draw(st.sampled_from([2, n_starts + 1]))
    pair_bias = None
    if draw(st.booleans()):
        pair_bias = normal(b, n_starts, length)
        pair_bias[torch.rand(pair_bias.shape, generator=generator) < 0.1] = -torch.inf
    tensors = query, key, start_bias, end_bias, mask
    factors = SpanFactors(*tensors, cells, document, pair_bias, group=group)
    if not draw(st.booleans()):
        return factors
    corrected = factors.allowed().nonzero()
    chosen = torch.rand(len(corrected), generator=generator) < draw(
        st.sampled_from([0.0, 0.3, 1.0])
    )
    corrected = corrected[chosen]
    return replace(factors, corrections=Corrections(corrected, normal(len(corrected), c)))


@st.composite
def factors_and_gold(draw, **settings):
    """Factors and gold (row of the batch, label, start, last), nested and same-label included."""
    factors = draw(factors_bgcl(**settings))
    return factors, _random_gold(draw, factors)


@st.composite
def weights_of(draw, gold):
    """No weights of gold rows, or soft targets, or those that count several times."""
    kind = draw(st.sampled_from(["none", "soft", "times"]))
    if kind == "none":
        return None
    numbers = st.sampled_from([0.0, 0.1, 0.5, 1.0] if kind == "soft" else [0.0, 0.3, 1.0, 5.0])
    first = draw(st.lists(numbers, min_size=len(gold), max_size=len(gold)))
    pairs = [(x, 1 - x if kind == "soft" else 0.0) for x in first]
    return torch.tensor(pairs, dtype=torch.float64).reshape(-1, 2)
