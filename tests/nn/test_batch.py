import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spacy_globalpointer.nn import batch, buckets, end_to_end, padded_index
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


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(1, 7), st.integers(1, 20))
def test_end_to_end_has_each_start_token_once_and_all_that_its_spans_reach(lengths, reach, row):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch, "ROW", row)
        token, document, first = end_to_end(lengths, reach)
    n_starts = document.shape[1]
    assert token.shape == (len(document), n_starts + reach - 1)
    text = token[:, :n_starts].flatten()
    assert sorted(text[text >= 0].tolist()) == list(range(sum(lengths)))
    names = [i for i, length in enumerate(lengths) for _ in range(length)]
    for place, name in zip(text.tolist(), document.flatten().tolist(), strict=True):
        assert place < 0 or names[place] == name
    # Each document is in one piece, and each row goes on as the text does, round and round.
    offset = 0
    for start, length in zip(first.tolist(), lengths, strict=True):
        assert text[start : start + length].tolist() == list(range(offset, offset + length))
        offset += length
    for i, places in enumerate(token):
        around = (torch.arange(len(places)) + i * n_starts) % len(text)
        assert places.tolist() == text[around].tolist()


def test_end_to_end_mixes_documents():
    orders = {tuple(end_to_end([1] * 5, 2)[2].tolist()) for _ in range(50)}
    assert len(orders) > 10
