"""Count what a folder with train, dev and test .jsonl has: sentences, spans, relations, events.

python scripts/count_corpus.py corpus/en
"""

from itertools import combinations, permutations
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import srsly
import typer
from wasabi import msg


class Span(NamedTuple):
    """A labelled stretch of text in characters; `end` is exclusive."""

    start: int
    end: int
    label: str


def overlap(inner: Span, outer: Span) -> str | None:
    """Say how a span lies to another one: doubled (same extent), inside, crossing or None."""
    if inner == outer or inner.end <= outer.start or outer.end <= inner.start:
        return None
    if (inner.start, inner.end) == (outer.start, outer.end):
        return "doubled"
    if outer.start <= inner.start and inner.end <= outer.end:
        return "inside same label" if inner.label == outer.label else "inside"
    if inner.start <= outer.start and outer.end <= inner.end:
        return None
    return "crossing"


def count(records: list[dict[str, Any]]) -> dict[str, int]:
    """Count sentences and spans, and the spans that a flat recogniser cannot find all of."""
    kinds_of_spans = ("spans", "inside", "inside same label", "crossing", "doubled")
    counts = dict.fromkeys(("sentences", "without spans", *kinds_of_spans), 0)
    for record in records:
        spans = [Span(**span) for span in record["spans"]]
        counts["sentences"] += 1
        counts["without spans"] += not spans
        counts["spans"] += len(spans)
        for span in spans:
            kinds = {name for other in spans if (name := overlap(span, other))}
            if "inside same label" in kinds:
                kinds.add("inside")
            for name in kinds:
                counts[name] += 1
    return counts


def count_relations(records: list[dict[str, Any]]) -> dict[str, int]:
    """Count relations, and the pairs of spans of a text that they join and might join.

    Spans might be joined if some relation of the records joins spans of their labels.
    """
    names = ("relations", "from right to left", "nested", "several labels", "joined", "not joined")
    counts = dict.fromkeys(names, 0)
    joinable = set()
    for record in records:
        labels = [span["label"] for span in record["spans"]]
        joinable |= {
            frozenset((labels[r["head"]], labels[r["child"]])) for r in record["relations"]
        }
    for record in records:
        spans = [Span(**span) for span in record["spans"]]
        ends = [frozenset((r["head"], r["child"])) for r in record["relations"]]
        pairs = map(frozenset, combinations(range(len(spans)), 2))
        might = {pair for pair in pairs if frozenset(spans[i].label for i in pair) in joinable}
        counts["relations"] += len(ends)
        counts["from right to left"] += sum(r["head"] > r["child"] for r in record["relations"])
        counts["nested"] += sum(
            any(overlap(spans[i], spans[j]) for i, j in permutations(pair)) for pair in ends
        )
        counts["several labels"] += sum(ends.count(pair) > 1 for pair in set(ends))
        counts["joined"] += len(set(ends))
        counts["not joined"] += len(might - set(ends))
    return counts


def count_events(records: list[dict[str, Any]]) -> dict[str, int]:
    """Count events, and those that are hard to find.

    "shared trigger", "same type": events of a text with another one of that trigger, of that type
    and another trigger. "shared argument": with a span that is an argument of another event.
    "nested": an argument is the trigger of an event. "role twice": of several spans.
    """
    names = ("events", "no argument", "same type", "shared trigger", "shared argument")
    counts = dict.fromkeys((*names, "nested", "role twice"), 0)
    for events in (record["events"] for record in records):
        spans = [{argument["span"] for argument in event["arguments"]} for event in events]
        for i, (event, own) in enumerate(zip(events, spans, strict=True)):
            others = events[:i] + events[i + 1 :]
            alike = [other["trigger"] for other in others if other["type"] == event["type"]]
            roles = [argument["role"] for argument in event["arguments"]]
            counts["events"] += 1
            counts["no argument"] += not own
            counts["same type"] += bool(set(alike) - {event["trigger"]})
            counts["shared trigger"] += event["trigger"] in alike
            counts["shared argument"] += any(own & x for x in spans[:i] + spans[i + 1 :])
            counts["nested"] += bool(own & {other["trigger"] for other in others})
            counts["role twice"] += len(roles) > len(set(roles))
    return counts


def print_counts(counts: dict[str, dict[str, int]]) -> None:
    """Print what was counted of each split."""
    rows = [(split, *row.values()) for split, row in counts.items()]
    header = ("split", *counts["train"])
    msg.table(rows, header=header, divider=True, aligns=["l"] + ["r"] * (len(header) - 1))


def main(
    folder: Annotated[Path, typer.Argument(help="Folder with train, dev and test .jsonl")],
) -> None:
    """Print what is in a corpus that grow_corpus.py has written to FOLDER."""
    splits = ("train", "dev", "test")
    corpus = {split: list(srsly.read_jsonl(folder / f"{split}.jsonl")) for split in splits}
    counters = {"spans": count, "relations": count_relations, "events": count_events}
    for key, count_them in counters.items():
        if all(key in record for records in corpus.values() for record in records):
            print_counts({split: count_them(records) for split, records in corpus.items()})


if __name__ == "__main__":
    typer.run(main)
