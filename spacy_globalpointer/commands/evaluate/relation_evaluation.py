"""How good predicted relations are: by part, by kind of error, and whether their scores are right.

Strict: a relation is right if its label and both of its spans are, with borders and labels.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence, Set
from typing import Any

from ...pipeline.pair_gold import distance
from ...spans import DISTANCE_NAMES, DISTANCES, Counts, LabelledRelation, LabelledSpan
from .evaluation import describe_calibration
from .judged import Judgement
from .judged_relations import JudgedRelations

# What is wrong with a found relation, and the kinds of missed ones.
LABEL, DIRECTION, SPAN, SPURIOUS = "label", "direction", "span", "spurious"
MISSED, MISSED_SPAN = "missed", "missed span"
# Parts of gold, of which there is only recall.
RECALLED = ("nested", "cross_sentence")


def evaluate_relations(judgement: Judgement, symmetric: Collection[str]) -> dict[str, Any]:
    """Compare what was found with gold, in plain data.

    symmetric: labels of relations without direction.
    RETURNS: "scores" ("strict", "boundary", "text", recall of "nested" and "cross_sentence", and
        "given_spans": strict ones of what is found if the gold spans are given),
        "labels", "distances" (tokens), "errors" by kind, "calibration".
    """
    documents: Any = judgement.documents
    pairs = [(document.gold.keys(), document.found.keys()) for document in documents]
    views = {
        name: Counts.total(document.views[name] for document in documents).scores()
        for name in ("strict", "boundary", "text", *RECALLED)
    }
    recalls = {x: {part: views[x][part] for part in ("r", "right", "missed")} for x in RECALLED}
    given = Counts.total(Counts.compare(d.gold.keys(), d.given) for d in documents)
    labels = count_by(pairs, lambda relation: relation.label)
    distances = count_by(pairs, find_distance)
    kinds = (
        kind for document in documents for _, kind in find_relation_errors(document, symmetric)
    )
    macro_f = sum(float(counts.f) for counts in labels.values()) / max(1, len(labels))
    names = dict(zip(DISTANCES, DISTANCE_NAMES, strict=True))
    return {
        "scores": {
            **views,
            **recalls,
            "strict": {**views["strict"], "macro_f": macro_f},
            "given_spans": given.scores(),
        },
        "labels": {label: counts.scores() for label, counts in labels.items()},
        "distances": {names[least]: counts.scores() for least, counts in distances.items()},
        "errors": dict(sorted(Counter(kinds).items())),
        "calibration": describe_calibration(judgement, "relations"),
    }


def count_by(
    pairs: Iterable[tuple[Set[Any], Set[Any]]],
    part_of: Callable[[Any], Any],
) -> dict[Any, Counts]:
    """Count relations or events by part, in order.

    pairs: gold and found ones of each document.
    """
    kinds: dict[str, Counter[Any]] = {kind: Counter() for kind in Counts._fields}
    for gold, found in pairs:
        kinds["right"].update(map(part_of, gold & found))
        kinds["wrong"].update(map(part_of, found - gold))
        kinds["missed"].update(map(part_of, gold - found))
    parts = sorted({part for counter in kinds.values() for part in counter})
    return {part: Counts(**{kind: kinds[kind][part] for kind in kinds}) for part in parts}


def find_distance(relation: LabelledRelation) -> int:
    """The greatest of DISTANCES that the tokens between the spans of a relation reach."""
    ends = (LabelledSpan(*span.touched, span.label) for span in (relation.head, relation.child))
    between = distance(*ends)
    return max(least for least in DISTANCES if least <= between)


def find_relation_errors(
    document: JudgedRelations, symmetric: Collection[str]
) -> Iterator[tuple[LabelledRelation, str]]:
    """Say what is wrong with the found relations of a document, and which gold ones were missed."""
    gold, found = document.gold.keys(), document.found.keys()
    return name_relation_errors(gold, found, document.found_spans, symmetric)


def name_relation_errors(
    gold: Set[LabelledRelation],
    found: Set[LabelledRelation],
    spans: Set[LabelledSpan],
    symmetric: Collection[str],
) -> Iterator[tuple[LabelledRelation, str]]:
    """Say what is wrong with found relations, and which gold ones were missed.

    spans: that were found, so that relations could join them.
    symmetric: labels of relations in which head and child may change places.
    YIELDS: relations with LABEL (joins the spans of a missed gold relation, with a wrong label),
        DIRECTION (is a missed one turned round), SPAN (has the label of a missed one, and spans
        that overlap those, head with head and child with child), SPURIOUS (all other wrong ones),
        MISSED_SPAN (gold, but one of its spans was not found) and MISSED (other gold ones that were
        not found).
    """
    missed = sorted(gold - found)
    for relation in sorted(found - gold):
        yield relation, _name_wrong(relation, missed, symmetric)
    for relation in missed:
        yield relation, MISSED if {relation.head, relation.child} <= spans else MISSED_SPAN


def _name_wrong(
    relation: LabelledRelation, missed: Sequence[LabelledRelation], symmetric: Collection[str]
) -> str:
    ends = relation.head, relation.child
    kinds = set()
    for other in missed:
        ways = [(other.head, other.child)]
        if {relation.label, other.label} & set(symmetric):
            ways.append((other.child, other.head))
        if relation.label != other.label:
            kinds |= {LABEL} if ends in ways else set()
        elif ends == (other.child, other.head):
            kinds.add(DIRECTION)
        elif any(all(map(_overlap, ends, way)) for way in ways):
            kinds.add(SPAN)
    return next((kind for kind in (LABEL, DIRECTION, SPAN) if kind in kinds), SPURIOUS)


def _overlap(one: LabelledSpan, other: LabelledSpan) -> bool:
    return one.start < other.end and other.start < one.end
