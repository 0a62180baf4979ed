import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import CELLS

from spacy_globalpointer.nn import PAIRS, SPANS, Cells


@given(CELLS, st.integers(1, 9), st.integers(0, 5), st.sampled_from([1, 2, 4, None]))
def test_blocks_hold_every_cell_once(cells, n_starts, more, size):
    length = n_starts + more
    seen = torch.zeros(n_starts, length, dtype=torch.long)
    for starts, lasts in cells.blocks(3, n_starts, length, size):
        band = cells.band(starts, lasts, torch.zeros(0, dtype=torch.float64))
        shape = starts.stop - starts.start, lasts.stop - lasts.start
        seen[starts, lasts] += band.expand(shape) == 0
    start, last = torch.arange(n_starts)[:, None], torch.arange(length)
    assert seen.tolist() == cells.has(start, last).long().tolist()


def test_spans_are_ordered_and_pairs_are_not():
    start, last = torch.tensor([2, 2, 2, 2]), torch.tensor([0, 2, 4, 5])
    assert SPANS.has(start, last).tolist() == [False, True, True, True]
    assert Cells(max_length=3).has(start, last).tolist() == [False, True, True, False]
    assert PAIRS.has(start, last).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_length": 0}, "max_length must be at least 1 token, was: 0"),
        ({"max_length": 3, "ordered": False}, "pairs in any order have no length.*was: 3"),
    ],
)
def test_cells_that_cannot_be_are_errors(settings, message):
    with pytest.raises(ValueError, match=message):
        Cells(**settings)
