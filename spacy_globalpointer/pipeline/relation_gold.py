"""Gold relations on the predicted tokens, and an account of those that cannot be learned."""

from collections.abc import Collection, Iterable
from typing import Any

from spacy.training import Example

from ..messages import list_some, quote
from ..models import DocSpans
from ..relations import get_relations, has_relations
from ..spans import LabelledRelation
from .alignment import labelled_spans
from .pair_gold import PairReader, TrainingSpans, describe_no_gold
from .spelling import is_named

NO_RELATIONS = describe_no_gold("relations")


class RelationReader(PairReader):
    """Finds the relations to learn from examples, and keeps an account of what it saw.

    relations: how many can be learned.
    """

    def __init__(self, cfg: dict[str, Any]) -> None:
        """Start an account.

        cfg: settings of the component.
        """
        super().__init__(cfg, lambda label: is_named(label, cfg["symmetric"]))
        self.relations = 0

    def read(self, example: Example) -> TrainingSpans:
        """Find what to learn from an example, on the predicted tokens.

        RAISES (ValueError): relations that point to no span, texts that differ in more than white
            space and capitals.
        """
        doc, key = example.predicted, self.cfg["relations_key"]
        is_annotated = has_relations(example.reference, key)
        if not is_annotated and self.cfg["missing"] == "skip":
            return TrainingSpans(DocSpans(doc, []), None)
        self.documents += is_annotated
        given = get_relations(example.reference, key) if is_annotated else []
        ends = labelled_spans(span for r in given for span in (r.head, r.child))
        moved, known = self._move(example, ends)
        gold = set()
        for head, child, relation in zip(moved[::2], moved[1::2], given, strict=True):
            edge = self._turn(LabelledRelation(head, child, relation.label))
            fault = self._find_fault(edge)
            if fault:
                self._lose(fault, doc)
            else:
                gold.add(edge)
        read = self._join(doc, known, gold)
        self.relations += len(read.relations or ())
        return read

    def account(self, name: str) -> tuple[str, str]:
        """Say which gold relations cannot be learned: the reasons in brief, and the message.

        name: of the component.
        """
        return self._account(name, self.relations, "relations")


def check_relation_labels(
    name: str, labels: Collection[str], gold: Iterable[LabelledRelation]
) -> None:
    """Refuse gold relations of labels that the component does not have.

    name, labels: of the component.
    RAISES (ValueError): naming the label and the repair.
    """
    for relation in gold:
        if relation.label not in labels:
            raise ValueError(
                f"'{name}' does not know the label {quote(relation.label)} of a gold relation. "
                f"Its labels are: {list_some(labels, 10)}. To fix: call nlp.get_pipe({name!r})"
                ".add_label(...) before training, or initialize with all labels"
            )
