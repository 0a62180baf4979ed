"""Slow and obvious: loops over documents, labels and spans, to hold the real code against."""

import math
from itertools import combinations, pairwise

import torch


def span_score(factors, b, c, s, e):
    """Score of one cell by the formula, None where no cell can be."""
    longest = factors.cells.max_length or factors.length
    if not (factors.mask[b, s] and factors.mask[b, e]):
        return None
    if factors.cells.ordered and not s <= e < s + longest:
        return None
    pair = 0.0 if factors.pair_bias is None else float(factors.pair_bias[b, s, e])
    if pair == -math.inf:
        return None
    if factors.group is None:
        g = c // (factors.n_labels // factors.n_groups)
    else:
        g = int(factors.group[c])
    shared = sum(
        float(q) * float(k)
        for q, k in zip(factors.query[b, g, s], factors.key[b, g, e], strict=True)
    )
    added = 0.0
    if factors.corrections is not None:
        for cell, scores in zip(*factors.corrections, strict=True):
            if cell.tolist() == [b, s, e]:
                added = float(scores[c])
    start, end = float(factors.start_bias[b, s, c]), float(factors.end_bias[b, e, c])
    return shared + start + end + pair + added


def all_scores(factors):
    """{(b, c, s, e): score} of all cells that can be."""
    table = {}
    for b in range(len(factors.mask)):
        for c in range(factors.n_labels):
            for s in range(factors.n_starts):
                for e in range(factors.length):
                    score = span_score(factors, b, c, s, e)
                    if score is not None:
                        table[b, c, s, e] = score
    return table


def zlpr(factors, gold, per, weights=None):
    """(n, c) loss of the documents, from the sums as the formula writes them."""
    pairs = [(1.0, 0.0)] * len(gold) if weights is None else weights.tolist()
    weight_of = dict(zip(map(tuple, gold.tolist()), pairs, strict=True))
    document = factors.documents().tolist()
    scale = 2 if per == "start" else 1
    sums = {}  # [negative, positive] of each document, label and, per start, start token
    for b, row in enumerate(document):
        for s, n in enumerate(row):
            for c in range(factors.n_labels):
                sums[n, c, (b, s) if per == "start" else None] = [1.0, 1.0]
    for (b, c, s, e), score in all_scores(factors).items():
        own = sums[document[b][s], c, (b, s) if per == "start" else None]
        in_positive, in_negative = weight_of.get((b, c, s, e), (0.0, 1.0))
        own[1] += (in_positive * math.exp(-score)) ** scale
        own[0] += (in_negative * math.exp(score)) ** scale
    n_documents = 1 + max(map(max, document))
    loss = torch.zeros(n_documents, factors.n_labels, dtype=torch.float64)
    for (n, c, _), (negative, positive) in sums.items():
        loss[n, c] += math.log(negative) + math.log(positive)
    return loss


def smoothed_targets(factors, gold, label_smoothing, boundary_smoothing, distance):
    """{(b, c, s, e): target} of all cells, from the rule for one gold span after the other."""
    document, cells = factors.documents().flatten().tolist(), all_scores(factors)
    n_starts = factors.n_starts

    def text(b, token):
        place = b * n_starts + token
        return document[place] if place < len(document) else None

    targets = dict.fromkeys(cells, 0.0)
    for b, c, s, e in map(tuple, gold.tolist()):
        left = 1.0
        for near in cells:
            d = abs(near[2] - s) + abs(near[3] - e)
            is_near = near[:2] == (b, c) and 0 < d <= distance
            if is_near and text(b, near[2]) == text(b, near[3]) == text(b, s):
                part = boundary_smoothing / (distance * 4 * d)
                targets[near] += part
                left -= part
        targets[b, c, s, e] += left
    return {cell: (1 - label_smoothing) * min(1.0, t) for cell, t in targets.items()}


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


def expected_f1(factors, gold, likelihood, entropy):
    """(n, c) loss of the documents, from the probabilities and the tokens of all spans."""
    document, width = factors.documents().tolist(), factors.n_starts
    answers = {}
    for b, c, s, e in gold.tolist():
        tokens = set(range(b * width + s, b * width + e + 1))
        answers.setdefault((document[b][s], c), []).append(tokens)
    spans = {}  # (score, tokens) of each document and label
    for (b, c, s, e), score in all_scores(factors).items():
        tokens = set(range(b * width + s, b * width + e + 1))
        spans.setdefault((document[b][s], c), []).append((score, tokens))
    n_documents = 1 + max(map(max, document))
    loss = torch.zeros(n_documents, factors.n_labels, dtype=torch.float64)
    for n in range(n_documents):
        for c in range(factors.n_labels):
            own, gold_spans = spans.get((n, c), []), answers.get((n, c), [])
            weights = [1.0, *(math.exp(2 * score) for score, _ in own)]
            p = [weight / sum(weights) for weight in weights]
            f1 = [0.0 if gold_spans else 1.0]
            for _, tokens in own:
                common = [2 * len(tokens & x) / (len(tokens) + len(x)) for x in gold_spans]
                f1.append(max(common, default=0.0))
            expected = sum(x * y for x, y in zip(p, f1, strict=True))
            exact = sum(x for x, y in zip(p, f1, strict=True) if y == 1)
            loss[n, c] = 1 - expected - likelihood * math.log(exact)
            loss[n, c] += entropy * sum(x * math.log(x) for x in p if x)
    return loss
