import torch
from hypothesis import given
from hypothesis import strategies as st
from memory import Largest

from spacy_globalpointer.nn import max_inside, mean_inside


@st.composite
def _text_and_spans(draw):
    length = draw(st.integers(1, 40))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    vectors = torch.randn(length, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    borders = st.tuples(st.integers(0, length - 1), st.integers(0, length - 1))
    spans = [sorted(pair) for pair in draw(st.lists(borders, max_size=8))]
    return vectors, torch.tensor(spans, dtype=torch.long).reshape(-1, 2)


@given(_text_and_spans())
def test_mean_and_maximum_with_their_gradients_equal_the_definition(case):
    vectors, spans = case
    start, last = spans.unbind(1)
    for fast, slow in ((mean_inside, torch.mean), (max_inside, torch.amax)):
        parts = [slow(vectors[i : j + 1], 0) for i, j in spans.tolist()]
        expected = torch.stack(parts) if parts else vectors.new_empty(0, 3)
        value = fast(vectors, start, last)
        torch.testing.assert_close(value, expected)
        if parts:
            weight = torch.arange(value.numel(), dtype=torch.float64).view_as(value)
            gradients = (
                torch.autograd.grad((x * weight).sum(), vectors) for x in (value, expected)
            )
            torch.testing.assert_close(*gradients)


def test_a_long_text_loses_no_digits_in_float32():
    vectors = torch.full((100_000, 1), 1000.0)
    vectors[-1] = 0.125
    last = torch.tensor([99_999])
    assert mean_inside(vectors, last, last).item() == 0.125


def test_memory_does_not_grow_with_the_length_of_spans():
    vectors = torch.randn(5_000, 4)
    start = torch.arange(200)
    with Largest() as largest:
        mean_inside(vectors, start, start + 4_000)
        max_inside(vectors, start, start + 4_000)
    assert largest.numel <= 5_001 * 4
