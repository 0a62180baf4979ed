"""Thresholds of events: the edges are scored once, and decoded with each pair of thresholds.

An event is not found or missed by a score of its own: with a lower threshold a trigger has more
arguments, and with other links it has other events. So all pairs of some thresholds are tried, one
of roles and one of links, and what is found is what the component would find with them.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy
from spacy.language import Language
from spacy.training import Example

from ...pipeline.alignment import to_reference
from ...pipeline.event_edges import SAME_EVENT, EventRules, to_events
from ...pipeline.event_prediction import name_edges, raw_scores
from ...spans import Counts, LabelledEvent, LabelledRelation, LabelledSpan
from .candidates import Collected, check_present, explain_floor, predict_each, require_gold
from .event_source import EventSource, FoundEdges
from .floor import Floor
from .thresholds import Curve, Thresholds, part_scores, to_cut

# Thresholds of roles, and of links, that are tried; of more scores, those of even ranks.
MOST_VALUES = 40


class Cluster(NamedTuple):
    """Edges that no other edges of their document have anything to do with.

    document, type (index): whose they are, and of which events.
    edges, links: raw scores of those from a trigger, and of those without direction.
    find: the events of some edges, on the tokens of the reference.
    gold: events of the document.
    """

    document: int
    type: int
    edges: dict[LabelledRelation, float]
    links: dict[LabelledRelation, float]
    find: Callable[[dict[LabelledRelation, float]], set[LabelledEvent]]
    gold: set[LabelledEvent]

    def compare(self, role_cuts: dict[str, float], link_cuts: dict[str, float]) -> tuple[int, int]:
        """How many events are wrong and right, with the cuts of each label."""
        kept = {
            edge: score
            for own, cuts in ((self.edges, role_cuts), (self.links, link_cuts))
            for edge, score in own.items()
            if score >= cuts[edge.label]
        }
        found = self.find(kept)
        right = len(found & self.gold)
        return len(found) - right, right


class EventCandidates(NamedTuple):
    """Events of annotated documents at each pair of thresholds: as `Candidates`.

    labels: of edges.
    parts (t): types of events.
    gold (d documents, t): int64, gold events.
    lowest (probability): no threshold below it was looked at.
    n: edges that reach it.
    clusters: what is decoded on its own.
    values (k, probability): thresholds that were tried, falling from 1.
    grid (2, d, k, k): wrong and right events, with a threshold of roles and one of links.
    """

    labels: list[str]
    parts: list[str]
    gold: numpy.ndarray
    lowest: float
    n: int
    clusters: list[Cluster]
    values: numpy.ndarray
    grid: numpy.ndarray

    def of_documents(self, kept: numpy.ndarray) -> "EventCandidates":
        """Those of the documents where kept (d) is true."""
        return self._replace(gold=self.gold[kept], grid=self.grid[:, kept], clusters=[])

    def curve(self) -> Curve:
        """Count with one threshold for roles and links."""
        wrong, right = self.grid.sum(1).diagonal(axis1=1, axis2=2)
        return Curve(self.values, Counts(right, wrong, self.gold.sum() - right))

    def best_pair(self) -> Thresholds:
        """The thresholds of roles and of links with the greatest F1; of equals the highest."""
        wrong, right = self.grid.sum(1)
        f = Counts(right, wrong, self.gold.sum() - right).f
        role, link = numpy.unravel_index(f.argmax(), f.shape)
        return Thresholds(float(self.values[role]), {SAME_EVENT: float(self.values[link])})

    def count_with(self, chosen: Sequence[Thresholds], fold: numpy.ndarray) -> Counts:
        """Count what the component finds: (d, t).

        chosen: thresholds. fold (d): which of them are those of each document.
        """
        cuts = [dict(zip(self.labels, own.cuts(self.labels), strict=True)) for own in chosen]
        counts = numpy.zeros((2, *self.gold.shape), dtype=numpy.int64)
        for cluster in self.clusters:
            own = cuts[fold[cluster.document]]
            counts[:, cluster.document, cluster.type] += cluster.compare(own, own)
        wrong, right = counts
        return Counts(right, wrong, self.gold - right)


def find_event_candidates(
    nlp: Language, name: str, examples: Iterable[Example], lowest: float
) -> Collected:
    """Predict once, and compare the events that each pair of thresholds finds with gold.

    They are counted as `nlp.evaluate` does: see `find_candidates`.

    name: of the component; later components do not run.
    lowest (probability): what scores below is never an edge.
    RAISES (NoGoldError): no gold. (ValueError): as `find_candidates`.
    """
    pipe: Any = nlp.get_pipe(name)
    present, cuts = check_present(name, pipe, lowest)
    source: Any = EventSource(pipe)
    scored: list[tuple[Example, FoundEdges]] = []
    annotated: list[tuple[Example, FoundEdges, set[LabelledEvent]]] = []
    floors: list[Floor] = []
    for example, found, floor in predict_each(nlp, name, examples, source, cuts):
        scored.append((example, found))
        gold = source.account.read(example)
        if gold is not None:
            floors += [] if floor is None else [floor]
            annotated.append((example, found, gold))
    source.account.require("DEV", " to tune by")
    above = max(floors).score if floors else -numpy.inf
    candidates = _try_all(pipe, annotated, present, lowest, above)
    notes = source.account.notes()
    if floors:
        notes.append(explain_floor(source, candidates, present, max(floors)))
    require_gold(source, candidates.gold, bool(candidates.grid[1].any()))
    tried = len(candidates.values)
    if tried < candidates.n:
        notes.append(
            f"{tried} thresholds of roles and as many of links were tried, not all that tell the "
            f"scores of {candidates.n} edges apart: they are at even ranks of these scores"
        )
    return Collected(candidates, present, scored, source, source.account.unannotated, notes)


def _try_all(
    pipe: Any,
    annotated: Sequence[tuple[Example, FoundEdges, set[LabelledEvent]]],
    present: Thresholds,
    lowest: float,
    above: float,
) -> EventCandidates:
    """Count the events of each pair of thresholds.

    above: raw score above which no edge is missing.
    """
    types: dict[str, int] = {}
    for _, _, gold in annotated:
        for event in sorted(gold, key=lambda event: event.rank):
            types.setdefault(event.type, len(types))
    clusters = [
        cluster
        for document, own in enumerate(annotated)
        for cluster in _find_clusters(pipe.rules, pipe.labels, document, *own, types)
    ]
    values = _choose_values(clusters, present, lowest, above)
    gold_counts = numpy.zeros((len(annotated), len(types)), dtype=numpy.int64)
    for document, (_, _, gold) in enumerate(annotated):
        for event in gold:
            gold_counts[document, types[event.type]] += 1
    grid = numpy.zeros((2, len(annotated), len(values), len(values)), dtype=numpy.int32)
    for cluster in clusters:
        grid[:, cluster.document] += _decode_grid(cluster, pipe.labels, values)
    n = sum(len(cluster.edges) + len(cluster.links) for cluster in clusters)
    least = float(values[-1])
    return EventCandidates(
        list(pipe.labels), list(types), gold_counts, least, n, clusters, values, grid
    )


def _find_clusters(
    rules: EventRules,
    labels: Sequence[str],
    document: int,
    example: Example,
    found: FoundEdges,
    gold: set[LabelledEvent],
    types: dict[str, int],
) -> list[Cluster]:
    """The triggers of a document with their edges, or without triggers its types of events.

    types: of events, with their numbers; grows.
    """
    own = found.spans
    edges = name_edges(own.spans, found.edges, labels)
    scores = raw_scores(own)
    moved = dict(zip(own.spans, to_reference(example, own.spans), strict=True))
    links = {edge: score for edge, score in edges.items() if edge.label == SAME_EVENT}
    from_head: defaultdict[LabelledSpan, dict[LabelledRelation, float]] = defaultdict(dict)
    of_type: defaultdict[str, dict[LabelledRelation, float]] = defaultdict(dict)
    for edge, score in edges.items():
        from_head[edge.head][edge] = score
        of_type[edge.label][edge] = score
    parts: list[tuple[str, dict[LabelledSpan, float], Any, Any]] = []
    if rules.nodes is None:
        for trigger in (span for span in own.spans if span.label in rules.types):
            roles = {e: s for e, s in from_head[trigger].items() if e.label != SAME_EVENT}
            ends = {edge.child for edge in roles}
            inner = {e: s for e, s in links.items() if e.head in ends and e.child in ends}
            parts.append((trigger.label, {trigger: scores[trigger]}, roles, inner))
    else:
        for kind in sorted({kind for kind, _ in rules.nodes.values()}):
            own_labels = {label for label, (other, _) in rules.nodes.items() if other == kind}
            of_kind = {span: s for span, s in scores.items() if span.label in own_labels}
            parts.append((kind, of_kind, {}, of_type[kind]))
    return [
        Cluster(
            document,
            types.setdefault(kind, len(types)),
            roles,
            inner,
            partial(_find_events, spans=spans, rules=rules, moved=moved),
            gold,
        )
        for kind, spans, roles, inner in parts
    ]


def _choose_values(
    clusters: Sequence[Cluster], present: Thresholds, lowest: float, above: float
) -> numpy.ndarray:
    """Thresholds to try for roles and for links, falling from 1.

    above: raw score above which no edge is missing, so that a threshold must be higher.
    """
    values = [1.0, lowest, present.shared, *present.own.values()]
    for kind in ("edges", "links"):
        scores = {score for cluster in clusters for score in getattr(cluster, kind).values()}
        ordered = numpy.array(sorted(scores), dtype=numpy.float32)
        parting = part_scores(ordered[:-1], ordered[1:])
        parting = parting[~numpy.isnan(parting)]
        if len(parting) > MOST_VALUES:
            parting = parting[numpy.linspace(0, len(parting) - 1, MOST_VALUES).round().astype(int)]
        values += parting.tolist()
    distinct = numpy.unique(values)[::-1]
    return distinct[to_cut(distinct) > above]


def _decode_grid(cluster: Cluster, labels: Sequence[str], values: numpy.ndarray) -> numpy.ndarray:
    """Wrong and right events (2, k, k) with a threshold of roles and one of links."""
    cuts = to_cut(values)
    axes = []
    for own in (cluster.edges, cluster.links):
        # Cuts between the same two scores find the same.
        n_below = numpy.searchsorted(numpy.array(sorted(own.values()), dtype=cuts.dtype), cuts)
        _, first, place = numpy.unique(n_below, return_index=True, return_inverse=True)
        axes.append(([dict.fromkeys(labels, cut) for cut in cuts[first].tolist()], place))
    (roles, rows), (links, columns) = axes
    table = numpy.array([[cluster.compare(role, link) for link in links] for role in roles])
    return numpy.moveaxis(table[rows][:, columns], -1, 0)


def _find_events(
    edges: dict[LabelledRelation, float],
    spans: dict[LabelledSpan, float],
    rules: EventRules,
    moved: dict[LabelledSpan, LabelledSpan],
) -> set[LabelledEvent]:
    events = to_events(edges, spans, rules).scores
    return {event.between(map(moved.__getitem__, event.spans)) for event in events}
