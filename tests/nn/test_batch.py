import torch
from hypothesis import given
from hypothesis import strategies as st

from spacy_globalpointer.nn import buckets, padded_index
from spacy_globalpointer.nn.batch import FEW_CELLS


@given(st.lists(st.integers(0, 600), max_size=30), st.integers(1, 300_000))
def test_buckets_hold_every_document_within_the_budget(lengths, cells):
    made = list(buckets(lengths, cells=cells))
    assert sorted(i for bucket in made for i in bucket) == [i for i, n in enumerate(lengths) if n]
    for bucket in made:
        longest = max(lengths[i] for i in bucket)
        assert len(bucket) == 1 or len(bucket) * longest**2 <= cells
        even = longest <= 1.15 * min(lengths[i] for i in bucket) + 4
        assert even or len(bucket) * longest**2 <= FEW_CELLS


def test_padded_index_points_at_the_rows_of_each_document():
    index, mask = padded_index([5, 0], [2, 3])
    assert index[mask].tolist() == [5, 6, 0, 1, 2]
    assert index[~mask].tolist() == [5]
    assert mask.tolist() == [[True, True, False], [True, True, True]]
    assert index.dtype == torch.long


def test_tables_of_a_document_share_the_budget():
    assert len(list(buckets([10] * 8, cells=800))) == 1
    assert len(list(buckets([10] * 8, cells=800, tables=4))) == 4
