import math

import pytest
import strategies  # noqa: F401  loads the profile of the house
import torch
from hypothesis import given
from hypothesis import strategies as st
from memory import Largest

from spacy_globalpointer.nn import (
    PairLayout,
    as_directed,
    decode_pairs,
    decode_pairs_dense,
    pair_cells,
    zlpr,
    zlpr_dense,
)

PER = st.sampled_from(["document", "start"])
CUTS = st.sampled_from([-math.inf, -3.0, 0.0, 0.5, 4.0, math.inf])


class Case:
    """Random rows and terms of pairs, and the score of each pair by the formula."""

    def __init__(self, seed, b, n, c, d):
        generator = torch.Generator().manual_seed(seed)
        random = lambda *shape: torch.rand(*shape, generator=generator)  # noqa: E731
        normal = lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64)  # noqa: E731
        self.b, self.n, self.c, self.d = b, n, c, d
        self.rows, self.other = normal(b, n, 4 * d + 4 * c), normal(b, n, 4 * d + 4 * c)
        self.bias = normal(b, n, n)
        self.bias[random(b, n, n) < 0.2] = -math.inf
        self.mask = torch.arange(n) < 1 + (random(b, 1) * n).long()
        self.symmetric = random(c) < 0.4
        self.types, self.known = (random(b, n) * 3).long(), random(3, c, 3) < 0.6

    def tables(self, rows=None, bias=None):
        """Like SpanPairs: one table for each direction."""
        forward, backward = PairLayout(self.d, self.c).factors(
            self.rows if rows is None else rows, self.mask
        )
        bias = self.bias if bias is None else bias
        return as_directed(forward, backward, bias, self.symmetric)

    def linked(self):
        """Like GPLinker: the same table in both directions, twice."""
        layout = PairLayout(self.d, self.c, of_tokens=True)
        first, last = (
            layout.factors(self.rows, self.mask)[0],
            layout.factors(self.other, self.mask)[1],
        )
        return [as_directed(x, x, self.bias, self.symmetric) for x in (first, last)]

    def score(self, k, c, i, j, rows, table):
        """By the formula, None where there is no pair."""
        d, n_labels = self.d, self.c
        bias = float(self.bias[k, i, j])
        is_off = i > j and bool(self.symmetric[c])
        if not (self.mask[k, i] and self.mask[k, j]) or bias == -math.inf or is_off:
            return None
        head, child = rows[k, i].tolist(), rows[k, j].tolist()
        first = 2 * d * table
        query, key = head[first : first + d], child[first + d : first + 2 * d]
        terms = 4 * d + 2 * n_labels * table
        product = sum(q * x for q, x in zip(query, key, strict=True)) / math.sqrt(d)
        return product + head[terms + c] + child[terms + n_labels + c] + bias

    def all_pairs(self):
        for k in range(self.b):
            for c in range(self.c):
                for i in range(self.n):
                    for j in range(self.n):
                        yield k, c, i, j

    def directed_scores(self):
        found = {x: self.score(*x, self.rows, int(x[2] > x[3])) for x in self.all_pairs()}
        return {pair: score for pair, score in found.items() if score is not None}

    def linked_scores(self):
        """{pair: lower one of both scores}."""
        found = {}
        for pair in self.all_pairs():
            both = self.score(*pair, self.rows, 0), self.score(*pair, self.other, 1)
            if None not in both:
                found[pair] = min(both)
        return found


@st.composite
def cases(draw):
    sizes = [draw(st.integers(1, most)) for most in (3, 5, 3, 3)]
    return Case(draw(st.integers(0, 2**31)), *sizes)


def _gold(draw, case):
    pairs = sorted(case.directed_scores())
    gold = draw(st.lists(st.sampled_from(pairs), max_size=6, unique=True)) if pairs else []
    return gold, pair_cells(torch.tensor(gold, dtype=torch.long).reshape(-1, 4), case.b)


def _loss_by_formula(case, gold, per):
    """(b, c): from the sums over all pairs, as the formula writes them."""
    scale, sums = (2 if per == "start" else 1), {}
    for pair, score in case.directed_scores().items():
        k, c, i, j = pair
        own = sums.setdefault((k, c, (min(i, j), i > j) if per == "start" else None), [1.0, 1.0])
        own[pair in gold] += math.exp(scale * score * (-1 if pair in gold else 1))
    loss = torch.zeros(case.b, case.c, dtype=torch.float64)
    for (k, c, _), (negative, positive) in sums.items():
        loss[k, c] += math.log(negative) + math.log(positive)
    return loss


@given(cases(), st.data(), PER)
def test_loss_and_gradient_of_all_pairs_equal_the_definition(case, data, per):
    gold, rows = _gold(data.draw, case)
    torch.testing.assert_close(
        zlpr(case.tables(), rows, per=per), _loss_by_formula(case, gold, per), rtol=1e-9, atol=1e-9
    )
    gradients = []
    for loss in zlpr, zlpr_dense:
        leaves = [case.rows.clone().requires_grad_(), case.bias.clone().requires_grad_()]
        gradients.append(
            torch.autograd.grad(loss(case.tables(*leaves), rows, per=per).sum(), leaves)
        )
    for fast, wanted in zip(*gradients, strict=True):
        torch.testing.assert_close(fast, wanted, rtol=1e-9, atol=1e-9)


def _found(pairs):
    columns = (pairs.document, pairs.label, pairs.start, pairs.last)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@given(cases(), st.data(), st.booleans(), st.booleans(), st.sampled_from([1, 2, None]))
def test_decoded_pairs_are_those_of_the_definition(case, data, is_linked, is_typed, block):
    cuts = torch.tensor(data.draw(st.lists(CUTS, min_size=case.c, max_size=case.c)))
    tables = case.linked() if is_linked else [case.tables()]
    typed = (case.types, case.known.nonzero()) if is_typed else (None, None)
    scores = case.linked_scores() if is_linked else case.directed_scores()
    wanted = {
        (k, c, i, j): score
        for (k, c, i, j), score in scores.items()
        if score >= cuts[c] and (not is_typed or case.known[case.types[k, i], c, case.types[k, j]])
    }
    in_order = sorted(wanted, key=lambda x: (x[0], x[2], x[3], x[1]))
    for found in (
        decode_pairs(tables, cuts, *typed, block=block),
        decode_pairs_dense(tables, cuts, *typed),
    ):
        assert _found(found) == in_order
        assert found.score.tolist() == pytest.approx([wanted[pair] for pair in in_order])
    most = data.draw(st.lists(st.integers(0, 5), min_size=case.b, max_size=case.b))
    best = []
    for k, n in enumerate(most):
        mine = [pair for pair in wanted if pair[0] == k]
        best += sorted(mine, key=lambda pair: -wanted[pair])[:n]
    kept = decode_pairs(tables, cuts, *typed, max_pairs=most, block=block)
    assert sorted(_found(kept)) == sorted(best)


def test_a_whole_document_needs_no_table_of_all_labels():
    """450 spans x 50 labels: 2 x 450 x 450 pairs at most at once, and not 50 times that."""
    n, c, d = 450, 50, 64
    generator = torch.Generator().manual_seed(0)
    rows = (0.3 * torch.randn(1, n, 4 * d + 4 * c, generator=generator)).requires_grad_()
    bias = torch.zeros(1, n, n).requires_grad_()
    mask = torch.ones(1, n, dtype=torch.bool)
    gold = torch.tensor([[0, i % c, i, i + 1] for i in range(n - 1)])
    with Largest() as largest:
        factors = as_directed(
            *PairLayout(d, c).factors(rows, mask), bias, torch.zeros(c, dtype=torch.bool)
        )
        torch.autograd.grad(zlpr(factors, gold).sum(), [rows, bias])
        decode_pairs([factors], torch.full((c,), 5.0), max_pairs=[10 * n])
    assert largest.numel <= 2 * n * n


@pytest.mark.parametrize("size", [0, -3])
def test_a_head_size_below_one_is_an_error(size):
    with pytest.raises(
        ValueError, match=f"head_size must be a whole number of at least 1, was: {size}"
    ):
        PairLayout(size, 2)
