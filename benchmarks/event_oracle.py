"""What decoding alone loses: exact events from gold edges, by our decoding and the published."""

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from spacy_globalpointer.corpora import Record, read_records
from spacy_globalpointer.pipeline.event_edges import (
    SAME_EVENT,
    EventRules,
    FoundEvents,
    share_triggers,
    to_edges,
    to_events,
)
from spacy_globalpointer.spans import Counts, LabelledEvent, LabelledRelation, LabelledSpan

from .measure import interleave, ready, save, summary
from .published_events import as_published, find_published_events
from .sweep import find_file

# The defaults of event_pointer: most arguments and events of a trigger.
LIMITS = (32, 64)
# A trigger whose arguments are joined at random: how many, and the share of links.
DENSE, DENSITY = 20, 0.8


def measure_oracle(
    output: Path,
    data: Path,
    corpora: Sequence[str],
    *,
    repeats: int = 5,
    seed: int = 0,
    log: Callable[[str], None] = print,
) -> None:
    """Decode the gold edges of corpora, time a dense trigger, and write a report.

    output: JSON file.
    data: has a folder for each corpus, with files named train and dev; both are decoded.
    corpora: names.
    RAISES (ValueError): a corpus without files.
    """
    rows = []
    for corpus in corpora:
        files = [find_file(data / corpus, split) for split in ("train", "dev")]
        texts = [list(read_events(record)) for path in files for record in read_records(path)]
        rows.append({"corpus": corpus, **score_oracle(texts)})
        f1, published = (100 * rows[-1][name]["f"] for name in ("ours", "published"))
        log(f"{corpus}: F1 {f1:.2f}, as published {published:.2f}")
    times = interleave({"dense": ready(make_dense(seed))}, repeats=repeats)
    dense = {"arguments": DENSE, "density": DENSITY, "seconds": summary(times["dense"])}
    settings = {"repeats": repeats, "seed": seed}
    save(output, "oracle", settings, {"corpora": rows, "dense": dense})


def read_events(record: Record) -> Iterator[LabelledEvent]:
    """The events of a record."""
    spans = record.spans or ()
    for kind, trigger, arguments in record.events or ():
        own = frozenset((role, spans[place]) for role, place in arguments)
        yield LabelledEvent(kind, None if trigger is None else spans[trigger], own)


def score_oracle(texts: Sequence[Sequence[LabelledEvent]]) -> dict[str, Any]:
    """Score exact events that are decoded from the edges of gold events with triggers.

    texts: the events of each.
    RETURNS: whether any share a trigger ("has_links"), and the scores of both decodings.
    """
    has_links = any(map(share_triggers, texts))
    ours, published = [], []
    for events in texts:
        edges = {x: 1.0 for x in to_edges(events) if has_links or x.label != SAME_EVENT}
        triggers = {event.trigger for event in events if event.trigger is not None}
        spans = {span for event in events for _, span in event.arguments} | triggers
        types = frozenset(trigger.label for trigger in triggers)
        rules = EventRules(types, None, has_links, *LIMITS)
        found = to_events(edges, dict.fromkeys(spans, 1.0), rules).scores
        gold = set(map(as_published, events))
        ours.append(Counts.compare(gold, set(map(as_published, found))))
        others = find_published_events(edges, triggers, has_links)
        published.append(Counts.compare(gold, others))
    scores = {"ours": ours, "published": published}
    return {
        "has_links": has_links,
        **{name: Counts.total(counts).scores() for name, counts in scores.items()},
    }


def make_dense(seed: int) -> Callable[[], FoundEvents]:
    """A step that decodes one trigger with many arguments, of which most belong together."""
    links = random.Random(seed)
    trigger = LabelledSpan(0, 1, "Event")
    arguments = [LabelledSpan(i, i + 1, "Argument") for i in range(1, DENSE + 1)]
    edges = {LabelledRelation(trigger, span, "role"): 1.0 for span in arguments}
    for pair in combinations(arguments, 2):
        if links.random() < DENSITY:
            edges[LabelledRelation(*pair, SAME_EVENT)] = 1.0
    rules = EventRules(frozenset(["Event"]), None, True, *LIMITS)
    return lambda: to_events(edges, dict.fromkeys([trigger, *arguments], 1.0), rules)
