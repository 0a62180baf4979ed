"""Maximal cliques: against networkx, and in bounded time where there are very many."""

import time

import networkx
import pytest
import strategies  # noqa: F401  sets the profile
from hypothesis import given
from hypothesis import strategies as st

from spacy_globalpointer.nn import maximal_cliques


def adjacency_of(graph):
    return [sum(1 << j for j in graph[i]) for i in sorted(graph)]


@st.composite
def graphs(draw):
    n = draw(st.integers(0, 10))
    share, seed = draw(st.sampled_from([0.0, 0.3, 0.7, 0.9, 1.0])), draw(st.integers(0, 2**31))
    return networkx.gnp_random_graph(n, share, seed=seed)


@given(graphs())
def test_equals_networkx(graph):
    found = maximal_cliques(adjacency_of(graph), 10**6)
    assert all(clique == sorted(clique) for clique in found)
    wanted = [tuple(sorted(clique)) for clique in networkx.find_cliques(graph)]
    assert sorted(map(tuple, found)) == sorted(wanted)


@given(graphs(), st.integers(1, 5))
def test_a_limit_takes_the_first(graph, limit):
    adjacency = adjacency_of(graph)
    assert maximal_cliques(adjacency, limit) == maximal_cliques(adjacency, 10**6)[:limit]


@pytest.mark.parametrize(
    ("graph", "n_cliques"),
    [
        (networkx.complete_multipartite_graph(*[2] * 10), 2**10),
        (networkx.complete_graph(20), 1),
        # Moon and Moser: 3^10 cliques, the most that 30 nodes can have
        (networkx.complete_multipartite_graph(*[3] * 10), 3**10),
        (networkx.complete_graph(1500), 1),  # no recursion
    ],
)
def test_dense_graphs_take_no_time(graph, n_cliques):
    adjacency = adjacency_of(graph)
    started = time.process_time()
    found = maximal_cliques(adjacency, 64)
    if len(graph) <= 30:
        assert time.process_time() - started < 0.1
    assert len(found) == min(64, n_cliques)
    for clique in found:
        assert graph.subgraph(clique).number_of_edges() == len(clique) * (len(clique) - 1) / 2
