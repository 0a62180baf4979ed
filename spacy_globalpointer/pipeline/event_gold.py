"""Gold events as edges on the predicted tokens, and an account of those that cannot be learned."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from spacy.tokens import Doc
from spacy.training import Example

from ..events import Event, get_events, has_events, spans_of
from ..messages import list_some, quote
from ..models import DocSpans
from ..spans import LabelledEvent, LabelledRelation
from .alignment import labelled_events, labelled_spans
from .event_edges import SAME_EVENT, EventRules, share_triggers, to_edges, to_events
from .pair_gold import ARGUMENT_MISALIGNED, PairReader, TrainingSpans, fits

NO_TRIGGER = "have no trigger (trigger = true)"
TRIGGER = "have a trigger (trigger = false)"
TRIGGER_MISALIGNED = ARGUMENT_MISALIGNED.replace("an argument", "a trigger")
OWN_TRIGGER = "have their own trigger as an argument (allow_self = false)"
NOT_BACK = (
    "do not follow from their edges: all their arguments are in other events with the same "
    "trigger or type, or max_arguments or max_events is too small"
)


class EventReader(PairReader):
    """Finds the edges of events to learn from examples, and keeps an account of what it saw.

    events: how many can be learned.
    types: of gold events.
    nodes: without triggers, what the labels of arguments mean: (type of the event, role).
    """

    def __init__(
        self,
        cfg: dict[str, Any],
        labels: Sequence[str] = (),
        nodes: Mapping[str, tuple[str, str]] | None = None,
    ) -> None:
        """Start an account.

        cfg: settings of the component.
        labels, nodes: what the component knows already.
        """
        has_trigger = cfg["trigger"]
        super().__init__(cfg, lambda label: not has_trigger or label == SAME_EVENT)
        self.has_links = SAME_EVENT in labels
        self.nodes = dict(nodes or {})
        self.types: set[str] = set()
        self.events = 0

    def read(self, example: Example) -> TrainingSpans:
        """Find what to learn from an example, on the predicted tokens.

        RAISES (ValueError): events that point to no span, a role with the name of the link, a label
            with two meanings, texts that differ in more than white space and capitals.
        """
        doc, key = example.predicted, self.cfg["events_key"]
        is_annotated = has_events(example.reference, key)
        if not is_annotated and self.cfg["missing"] == "skip":
            return TrainingSpans(DocSpans(doc, []), None)
        self.documents += is_annotated
        given = get_events(example.reference, key) if is_annotated else []
        for event in given:
            self._check(event)
        kept = [event for event in given if self._is_of_kind(event, doc)]
        moved, known = self._move(
            example, labelled_spans(span for event in kept for span in spans_of(event))
        )
        events = labelled_events(kept, moved)
        self.types.update(event.type for event in events)
        return self._join(doc, known, self._learn(doc, events))

    def account(self, name: str) -> tuple[str, str]:
        """Say which gold events cannot be learned: the reasons in brief, and the message.

        name: of the component.
        """
        return self._account(name, self.events, "events")

    def _check(self, event: Event) -> None:
        for role, span in event.arguments:
            if role == SAME_EVENT:
                raise ValueError(
                    f"a role must not be called {SAME_EVENT!r}, which joins the arguments of an "
                    f"event, but {span.text!r} has it in an event of type {event.type!r}. To fix: "
                    "rename the role"
                )
            if self.cfg["trigger"] or event.trigger is not None:
                continue
            meaning = (event.type, role)
            known = self.nodes.setdefault(span.label_, meaning)
            if known != meaning:
                raise ValueError(
                    "without triggers, the label of a span must mean one role in one type of "
                    f"event, but {span.label_!r} is {_show(known)} and {_show(meaning)}, such as "
                    f"of {span.text!r}. To fix: give spans labels of type and role, such as "
                    f"{'|'.join(meaning)!r}, or set trigger = true if events have triggers"
                )

    def _is_of_kind(self, event: Event, doc: Doc) -> bool:
        """Whether an event has a trigger, or none, as the settings say."""
        if (event.trigger is not None) == self.cfg["trigger"]:
            return True
        self._lose(NO_TRIGGER if self.cfg["trigger"] else TRIGGER, doc)
        return False

    def _learn(self, doc: Doc, events: list[LabelledEvent]) -> set[LabelledRelation]:
        """The edges to learn; of an event that is lost, too, as far as there are any."""
        has_trigger, distinct = self.cfg["trigger"], set(events)
        if has_trigger and share_triggers(distinct):
            # Even if no event has two arguments: without it, those of a trigger are one event.
            self.labels.add(SAME_EVENT)
        needs_links = self.has_links or not has_trigger or SAME_EVENT in self.labels
        back = self._decode(distinct, needs_links)
        gold = set()
        for event in sorted(distinct, key=events.index):
            edges = to_edges([event], has_trigger)
            edges = {x for x in edges if needs_links or x.label != SAME_EVENT}
            faults = {edge: self._find_fault(edge) for edge in sorted(edges)}
            gold |= {edge for edge, fault in faults.items() if not fault}
            fault = _find_misaligned(event) or max(faults.values(), default="")
            fault = fault or ("" if event in back else NOT_BACK)
            if fault:
                self._lose(fault, doc)
            else:
                self.events += 1
        return gold

    def _find_fault(self, edge: LabelledRelation) -> str:
        fault = super()._find_fault(edge)
        return OWN_TRIGGER if fault and edge.head == edge.child else fault

    def _decode(self, events: set[LabelledEvent], has_links: bool) -> set[LabelledEvent]:
        """The events that follow from all edges of some."""
        rules = EventRules(
            frozenset(event.type for event in events),
            None if self.cfg["trigger"] else self.nodes,
            has_links,
            self.cfg["max_arguments"],
            self.cfg["max_events"],
        )
        edges = dict.fromkeys(to_edges(events, self.cfg["trigger"]), 1.0)
        spans = [e.trigger for e in events if e.trigger is not None]
        spans += [span for event in events for _, span in event.arguments]
        return set(to_events(edges, dict.fromkeys(spans, 1.0), rules).scores)


def check_event_labels(
    name: str, labels: Collection[str], gold: Iterable[LabelledRelation]
) -> None:
    """Refuse edges of gold events of labels that the component does not have.

    name, labels: of the component.
    RAISES (ValueError): naming the label and the repair.
    """
    for edge in gold:
        if edge.label not in labels:
            what = (
                f"has no label {SAME_EVENT!r} to tell apart gold events that share a trigger"
                if edge.label == SAME_EVENT
                else f"does not know the label {quote(edge.label)} of an edge of a gold event"
            )
            raise ValueError(
                f"'{name}' {what}. Its labels are: {list_some(labels, 10)}. To fix: call "
                f"nlp.get_pipe({name!r}).add_label({quote(edge.label)}) before training, or "
                "initialize with all labels"
            )


def _find_misaligned(event: LabelledEvent) -> str:
    if event.trigger is not None and not fits(event.trigger):
        return TRIGGER_MISALIGNED
    return "" if all(fits(span) for _, span in event.arguments) else ARGUMENT_MISALIGNED


def _show(meaning: tuple[str, str]) -> str:
    return f"{meaning[1]!r} of {meaning[0]!r}"
