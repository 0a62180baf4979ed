"""Relations, as a benchmark trains and scores them."""

from collections.abc import Iterable
from typing import Any

from spacy.tokens import Doc
from spacy.training import Example

from spacy_globalpointer import get_relations
from spacy_globalpointer.pipeline.relation_scorer import score_relations

from .joint import Scores, Task

COMPONENT = "relation_pointer"


def fit_relations(docs: Iterable[Doc]) -> dict[str, Any]:
    """Overrides that follow from the data: self relations."""
    relations = (relation for doc in docs for relation in get_relations(doc))
    has_self = any(relation.head == relation.child for relation in relations)
    return {f"components.{COMPONENT}.allow_self": True} if has_self else {}


def _score(pipe: Any, examples: list[Example]) -> Scores:
    return score_relations(examples, **pipe.cfg)


TASK = Task("relations", COMPONENT, fit_relations, _score)
