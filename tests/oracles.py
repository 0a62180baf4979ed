"""Slow and obvious: loops over documents, labels and spans, to hold the real code against."""

import math
from itertools import combinations, pairwise

import torch


def span_score(factors, b, c, s, e):
    """Score of one span by the formula, None where no span can be."""
    longest = factors.max_length or factors.length
    if not (s <= e < s + longest and factors.mask[b, s] and factors.mask[b, e]):
        return None
    g = c // (factors.n_labels // factors.n_groups)
    shared = sum(
        float(q) * float(k)
        for q, k in zip(factors.query[b, g, s], factors.key[b, g, e], strict=True)
    )
    return shared + float(factors.start_bias[b, s, c]) + float(factors.end_bias[b, e, c])


def all_scores(factors):
    """{(b, c, s, e): score} of all spans that can be."""
    table = {}
    for b in range(len(factors.mask)):
        for c in range(factors.n_labels):
            for s in range(factors.n_starts):
                for e in range(factors.length):
                    score = span_score(factors, b, c, s, e)
                    if score is not None:
                        table[b, c, s, e] = score
    return table


def zlpr(factors, gold, per):
    """(n, c) loss of the documents, from the sums as the formula writes them."""
    gold = {tuple(row) for row in gold.tolist()}
    document = factors.documents().tolist()
    scale = 2 if per == "start" else 1
    sums = {}  # [negative, positive] of each document, label and, per start, start token
    for b, row in enumerate(document):
        for s, n in enumerate(row):
            for c in range(factors.n_labels):
                sums[n, c, (b, s) if per == "start" else None] = [1.0, 1.0]
    for (b, c, s, e), score in all_scores(factors).items():
        own = sums[document[b][s], c, (b, s) if per == "start" else None]
        if (b, c, s, e) in gold:
            own[1] += math.exp(-scale * score)
        else:
            own[0] += math.exp(scale * score)
    n_documents = 1 + max(map(max, document))
    loss = torch.zeros(n_documents, factors.n_labels, dtype=torch.float64)
    for (n, c, _), (negative, positive) in sums.items():
        loss[n, c] += math.log(negative) + math.log(positive)
    return loss


def decode(factors, cuts, max_spans=None):
    """[(document, label, start, last)] in the order that decode promises."""
    hits = {cell: score for cell, score in all_scores(factors).items() if score >= cuts[cell[1]]}
    kept = []
    for b in range(len(factors.mask)):
        mine = sorted((cell for cell in hits if cell[0] == b), key=lambda cell: -hits[cell])
        kept += mine if max_spans is None else mine[: max_spans[b]]
    return sorted(kept, key=lambda cell: (cell[0], cell[2], -cell[3], cell[1]))


def best_disjoint(intervals, gains):
    """Greatest sum of gains over all sets of intervals (start, last) without a common token."""
    best = 0.0
    for size in range(1, len(intervals) + 1):
        for chosen in combinations(range(len(intervals)), size):
            ordered = sorted(intervals[i] for i in chosen)
            if all(a[1] < b[0] for a, b in pairwise(ordered)):
                best = max(best, sum(gains[i] for i in chosen))
    return best


def rotation_matrix(position, size, base=10000.0):
    """RoPE's block diagonal matrix for one position."""
    matrix = torch.zeros(size, size, dtype=torch.float64)
    for m in range(size // 2):
        angle = position * base ** (-2 * m / size)
        matrix[2 * m, 2 * m] = matrix[2 * m + 1, 2 * m + 1] = math.cos(angle)
        matrix[2 * m, 2 * m + 1] = -math.sin(angle)
        matrix[2 * m + 1, 2 * m] = math.sin(angle)
    return matrix
