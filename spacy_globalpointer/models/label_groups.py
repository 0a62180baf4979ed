"""Groups of labels that share an extractor: who belongs to which, and the terms of the labels."""

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any, cast

from thinc.api import Model
from thinc.types import Floats2d

from ..messages import list_some
from ..nn import RowLayout

# A table of [group, [labels]], or the text that ends the name of the group in a label.
GroupRule = list[list[str | list[str]]] | str | None
EXAMPLE = '[["PER", ["PER-actor", "PER-director"]], ["ORG", ["ORG"]]], or a separator such as "-"'


@dataclass(frozen=True)
class LabelGroups:
    """Which labels share an extractor.

    rule: a separator, as "-" in PER-actor: the text before the first one names the group, or all of
        a label without it, so PER is in the group of PER-actor; or a table of groups, as
        [["PER", ["PER-actor", "PER-director"]], ["ORG", ["ORG"]]]; None for one group.
    RAISES (ValueError): a rule of another form, an empty separator, an empty group, a label or a
        group that is named twice.
    """

    rule: GroupRule = None

    def __post_init__(self) -> None:
        if self.rule is None:
            return
        if isinstance(self.rule, str):
            # spaCy doubles each `$` when it writes a config and reads it again.
            if not self.rule or "$" in self.rule:
                raise ValueError(
                    "groups must be null for one group of all labels, a table, or the text that "
                    "ends the group in the name of a label, not empty and without '$', such as "
                    f'"-", was: {self.rule!r}'
                )
        else:
            _check_table(self.rule)

    def of(self, label: str) -> str:
        """The name of the group of a label.

        RAISES (ValueError): a label that is in no group of the table.
        """
        if self.rule is None:
            return ""
        if isinstance(self.rule, str):
            return label.partition(self.rule)[0]
        group = self._table.get(_undouble(label))
        if group is None:
            raise ValueError(
                f"groups must put each label into a group, but names none for: {label!r}. To fix: "
                f"add it to the labels of a group, or a group [{label!r}, [{label!r}]], in "
                "[components.<name>.model]; for a pipeline that was saved, when it is loaded: "
                'spacy.load(path, config={"components.<name>.model.groups": [...]})'
            )
        return group

    def number(self, labels: Sequence[str]) -> list[int] | None:
        """The group of each label, numbered in the order in which the labels need them.

        So further labels at the end leave the numbers of the others as they are.

        RETURNS (c): None for one group.
        RAISES (ValueError): a label that is in no group of the table.
        """
        if self.rule is None:
            return None
        names = [self.of(label) for label in labels]
        number = {name: i for i, name in enumerate(dict.fromkeys(names))}
        return [number[name] for name in names]

    def check(self, name: str, labels: Sequence[str]) -> None:
        """Compare the table with the labels of a component.

        name: of the component, for the message.
        RAISES (ValueError): a label that only one of them has.
        """
        if self.rule is None or isinstance(self.rule, str):
            return
        table, known = self._table, {_undouble(label): label for label in labels}
        missing = [label for text, label in known.items() if text not in table]
        unknown = [text for text in table if text not in known]
        if missing:
            raise ValueError(
                f"'{name}': groups must put each label into a group, but names none for: "
                f"{list_some(missing)}. To fix: add them to [components.{name}.model] groups, "
                f"each to the labels of a group or as a group of its own, [{missing[0]!r}, "
                f"[{missing[0]!r}]]"
            )
        if unknown:
            raise ValueError(
                f"'{name}': groups must name labels of the component, but names: "
                f"{list_some(unknown)}. The labels are: {list_some(labels, 10)}. To fix: take them "
                f"out of [components.{name}.model] groups, or add them to the labels in "
                f"[initialize.components.{name}]"
            )

    @cached_property
    def _table(self) -> dict[str, str]:
        """The group of each label, by its name in a config."""
        table = cast(list[tuple[str, list[str]]], self.rule)
        return {_undouble(label): group for group, labels in table for label in labels}


ONE_GROUP = LabelGroups()


def _check_table(rule: Any) -> None:
    if not isinstance(rule, (list, tuple)) or not rule or not all(map(_is_group, rule)):
        raise ValueError(f"groups must be a list of [group, [labels]], as {EXAMPLE}, was: {rule!r}")
    empty = [group for group, labels in rule if not labels]
    if empty:
        raise ValueError(
            f"each of the groups must have a label, was: none in {empty[0]!r}. To fix: take it out"
        )
    for what, names in (
        ("group", Counter(group for group, _ in rule)),
        ("label", Counter(map(_undouble, chain.from_iterable(labels for _, labels in rule)))),
    ):
        twice = [name for name, count in names.items() if count > 1]
        if twice:
            raise ValueError(
                f"groups must name each {what} once, but has several times: {list_some(twice)}. "
                f"To fix: leave each {what} in one place"
            )


def _is_group(entry: Any) -> bool:
    return (
        isinstance(entry, (list, tuple))
        and len(entry) == 2
        and isinstance(entry[0], str)
        and isinstance(entry[1], (list, tuple))
        and all(isinstance(label, str) and label for label in entry[1])
    )


def _undouble(label: str) -> str:
    """The name of a label, however many `$` a config has made of one."""
    return re.sub(r"\$+", "$", label.replace(r"\u0024", "$"))


def check_new_label(model: Model, label: str) -> None:
    """Check that a label can be added to a model.

    RAISES (ValueError): a label that is in no group of the table.
    """
    model.attrs.get("groups", ONE_GROUP).of(label)


def check_groups(model: Model) -> None:
    """Check that the config of a loaded model puts its labels into the groups of its weights.

    RAISES (ValueError): it does not.
    """
    labels, built = model.attrs["labels"], model.attrs.get("groups", ONE_GROUP).number
    saved = getattr(model.attrs["layout"], "group", None)
    wanted = built(labels)
    if wanted != saved:
        raise ValueError(
            "the config of a model must put its labels into the groups that its weights were "
            f"trained with, groups = {_as_table(labels, saved)}, but has groups = "
            f"{_as_table(labels, wanted)}. To fix: write the groups of the weights, under any "
            "names, into [components.<name>.model] of the config, or train again"
        )


def _as_table(labels: Sequence[str], numbers: Sequence[int] | None) -> str:
    if numbers is None:
        return "null"
    groups: dict[int, list[str]] = {}
    for label, number in zip(labels, numbers, strict=True):
        groups.setdefault(number, []).append(label)
    return json.dumps([[own[0], own] for own in groups.values()], ensure_ascii=False)


def label_terms(
    types: Model[Floats2d, Floats2d], pairs: Floats2d, layout: RowLayout
) -> tuple[Floats2d, Callable[[Floats2d], Floats2d]]:
    """The terms of each label, read from the queries and keys of its group.

    Like the layer `types` on one group, with the same weights: 2C rows, of start and end.

    types: linear, a query and key (and the common ones) -> terms of all labels.
    pairs (l, 2dn): query and key of the common extractor, if there is one, and of each group.
    RETURNS (l, 2C): and the function from their gradient to that of pairs.
    """
    ops, b = types.ops, types.get_param("b")
    W = cast(Floats2d, types.get_param("W"))
    reads = [_reads(group, layout) for group in range(layout.n_groups)]
    rows = [_rows(group, layout) for group in range(layout.n_groups)]
    Xs = [ops.as_contig(pairs[:, columns]) for columns in reads]
    Y = ops.xp.empty((len(pairs), len(W)), dtype=pairs.dtype)
    for X, own in zip(Xs, rows, strict=True):
        Y[:, own] = ops.gemm(X, W[own], trans2=True) + b[own]

    def backprop(dY: Floats2d) -> Floats2d:
        d_pairs, dW = ops.xp.zeros_like(pairs), ops.xp.empty_like(W)
        for X, own, columns in zip(Xs, rows, reads, strict=True):
            d_own = ops.as_contig(dY[:, own])
            dW[own] = ops.gemm(d_own, X, trans1=True)
            d_pairs[:, columns] += ops.gemm(d_own, W[own])
        types.inc_grad("W", dW)
        types.inc_grad("b", dY.sum(axis=0))
        return d_pairs

    return Y, backprop


def _reads(group: int, layout: RowLayout) -> list[int]:
    """The columns of pairs that the labels of a group read."""
    width = 2 * layout.head_size
    first = (group + layout.common_extractor) * width
    return [*range(layout.common_extractor * width), *range(first, first + width)]


def _rows(group: int, layout: RowLayout) -> list[int]:
    """The rows of types that are terms of the labels of a group: of start, then of end."""
    own = [label for label, other in enumerate(layout.group or ()) if other == group]
    return [*own, *(layout.n_labels + label for label in own)]
