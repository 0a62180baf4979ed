from functools import partial

import pytest
import torch

from spacy_globalpointer.nn import (
    Corrections,
    RowLayout,
    SpanFactors,
    loss_of_negatives,
    zlpr,
    zlpr_dense,
)

# Three documents in two rows of the batch; the second goes on into the second row.
DOCUMENT = torch.tensor([[0, 0, 0, 1, 1], [1, 2, 2, 2, 3]])
CELLS = [
    (0, 1, 0, 2),
    (0, 1, 0, 1),
    (0, 1, 1, 1),
    (0, 2, 1, 1),
    (0, 1, 3, 4),
    (1, 1, 0, 0),
    (1, 0, 4, 5),
    (1, 1, 4, 4),
]


def _expected(scores, per):
    """By the formula, cell by cell."""
    factor = 2 if per == "start" else 1
    sums = {}
    for row, label, start, last in CELLS:
        key = int(DOCUMENT[row, start]), label, (row, start) if per == "start" else None
        sums[key] = sums.get(key, 0) + (factor * scores[row, label, start, last]).exp()
    losses = scores.new_zeros(4, 3)
    for (document, label, _), own in sums.items():
        losses = losses.index_put(
            (torch.tensor([document]), torch.tensor([label])), own.log1p(), accumulate=True
        )
    return losses


@pytest.mark.parametrize("per", ["document", "start"])
@pytest.mark.parametrize("loss", [zlpr, zlpr_dense])
@pytest.mark.parametrize("shared", [True, False])
def test_only_the_given_cells_count(shared, loss, per):
    torch.manual_seed(0)
    layout = RowLayout(4, 3, shared=shared)
    rows = torch.randn(2, 7, layout.width, dtype=torch.float64, requires_grad=True)
    factors = layout.factors(rows, torch.ones(2, 7, dtype=torch.bool), None, DOCUMENT)
    own, added = torch.tensor([[0, 1, 1], [0, 3, 3]]), torch.randn(2, 3, dtype=torch.float64)
    factors = SpanFactors(**{**vars(factors), "corrections": Corrections(own, added)})
    cells = torch.tensor(CELLS)[torch.randperm(len(CELLS))]
    got = loss_of_negatives(factors, cells, partial(loss, per=per))
    wanted = _expected(factors.scores(), per)
    torch.testing.assert_close(got, wanted)
    gradients = [torch.autograd.grad(x.sum(), rows, retain_graph=True)[0] for x in (got, wanted)]
    torch.testing.assert_close(*gradients)
