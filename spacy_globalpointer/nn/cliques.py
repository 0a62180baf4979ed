"""Maximal cliques of a small graph: the largest sets of nodes that are all joined."""

from collections.abc import Iterator, Sequence


def maximal_cliques(adjacency: Sequence[int], limit: int) -> list[list[int]]:
    """Find every set of nodes of which each two are adjacent, and that no other node completes.

    Bron-Kerbosch with a pivot (Tomita, Tanaka, Takahashi 2006), on bits. There may be 3^(n/3), so
    the search ends at a limit.

    adjacency (n): bit j of number i is set if nodes i and j are adjacent; symmetric, and no node is
        adjacent to itself.
    limit (cliques): most to find; one more than wanted tells whether there are more.
    RETURNS: the nodes of each, sorted.
    """
    found: list[list[int]] = []
    # A clique as bits, the nodes that complete it, and those that do but were tried before.
    waiting = [(0, (1 << len(adjacency)) - 1, 0)] if adjacency else []
    while waiting and len(found) < limit:
        clique, fit, tried = waiting.pop()
        if not fit:
            if not tried:
                found.append(list(_nodes(clique)))
            continue
        # A clique without the pivot has a node that is not adjacent to it.
        pivot = max(_nodes(fit | tried), key=lambda i: (adjacency[i] & fit).bit_count())
        for i in _nodes(fit & ~adjacency[pivot]):
            waiting.append((clique | 1 << i, fit & adjacency[i], tried & adjacency[i]))
            fit, tried = fit ^ 1 << i, tried | 1 << i
    return found


def _nodes(bits: int) -> Iterator[int]:
    """The places of the bits that are set, the lowest first."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest
