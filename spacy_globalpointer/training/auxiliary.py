"""A main task and auxiliary ones on one encoder: theirs must not teach it what harms the main one.

Gradients are compared where they reach the encoder, at its output: so this costs a few products of
gradients, and not one backprop of the encoder for each task. That is the approximation for shared
encoders of Sener and Koltun 2018, "Multi-Task Learning as Multi-Objective Optimization", arXiv
1810.04650, as Su Jianlin describes it in https://kexue.fm/archives/8896.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Literal, get_args

import torch
from spacy.language import Language
from spacy.training import Example
from spacy.util import registry
from thinc.api import torch2xp, xp2torch
from torch import Tensor

from ..nn import PerGradient, opposing_part

Rule = Literal["project", "constrain"]
WHERE = "[initialize.after_init]"


@registry.callbacks("spacy_globalpointer.auxiliary_tasks.v1")
def make_auxiliary_tasks(
    main: str, auxiliary: list[str], rule: Rule = "project", per: PerGradient = "batch"
) -> Callable[[Language], Language]:
    """Keep auxiliary components from turning the encoder that they share against the main one.

    With g_0 the gradient of the main component at the output of the encoder, and g_i that of an
    auxiliary one, the encoder learns from:

    project: g_0 + sum_i (g_i - min(0, <g_i, g_0>) / |g_0|^2 g_0), the projection of PCGrad (Yu et
        al. 2020, arXiv 2001.06782), of the auxiliary gradients alone.
    constrain: g_0 + max(0, -<g_0, g>) / |g|^2 g, with g the sum of the g_i. The auxiliary losses
        are only kept from rising (Su Jianlin, https://kexue.fm/archives/8907).

    Components that are not named, and the weights of each component, learn as ever.

    main: name of the component that counts.
    auxiliary: names of those that serve it.
    per: compare gradients over a "batch", or for each "token" (of a transformer, each word piece).
    RETURNS: a callback for [initialize.after_init]; call it with the pipeline in a script.
    RAISES (ValueError): invalid settings. The callback: components that are not there, do not share
        an encoder, or are frozen; an encoder of spacy-curated-transformers.
    """
    for what, value, known in ("rule", rule, Rule), ("per", per, PerGradient):
        if value not in get_args(known):
            raise ValueError(
                f"{what} of auxiliary tasks must be one of {get_args(known)}, was: {value!r}"
            )
    tasks = Counter([main, *auxiliary])
    if not auxiliary or max(tasks.values()) > 1:
        raise ValueError(
            "auxiliary tasks must be one or more components, each named once, and not the main "
            f"one, {main!r}, was: {auxiliary!r}. To fix: correct the block {WHERE}"
        )
    return partial(_install, main, auxiliary, rule, per)


def _install(
    main: str, auxiliary: Sequence[str], rule: Rule, per: PerGradient, nlp: Language
) -> Language:
    """Stand between the listeners of the encoders and what they call."""
    missing = [name for name in (main, *auxiliary) if name not in nlp.component_names]
    if missing:
        raise ValueError(
            f"auxiliary tasks must be components of the pipeline, was: {missing[0]!r}. Its "
            f"components are: {', '.join(nlp.component_names)}. To fix: correct the block {WHERE}"
        )
    encoders: dict[str, Any] = {
        name: pipe
        for name, pipe in nlp.components
        if main in (mapped := getattr(pipe, "listener_map", {})) and mapped.keys() & set(auxiliary)
    }
    frozen = nlp.config.interpolate()["training"].get("frozen_components", [])
    for name in (main, *encoders):
        if name in frozen:
            raise ValueError(
                "the main task and the encoder that others share with it must be trained, but "
                f"frozen_components has {name!r}. To fix: remove it there, or the block {WHERE}"
            )
    for name in auxiliary:
        if not any(name in pipe.listener_map for pipe in encoders.values()):
            raise ValueError(
                f"auxiliary tasks must share an encoder with the main one, {main!r}, but "
                f"{name!r} does not. To fix: give both the model.tok2vec of a listener, such as "
                "spacy.Tok2VecListener.v1, with the same upstream"
            )
    for name, pipe in encoders.items():
        if not all(hasattr(x, "_backprop") for own in pipe.listener_map.values() for x in own):
            raise ValueError(
                "auxiliary tasks must share an encoder of spaCy or spacy-transformers, whose "
                f"listeners can be watched, was: {name!r}, a {type(pipe).__module__}. To fix: "
                f"use such an encoder, or remove the block {WHERE}"
            )
        pipe.update = AuxiliaryUpdate(pipe, main, auxiliary, rule, per)
    return nlp


class AuxiliaryUpdate:
    """The method `update` of an encoder, which then compares the gradients of its listeners.

    spaCy adds up the gradients of all listeners, and the last listener starts the backprop of the
    encoder. So the gradients of the others are noted as they pass, in whatever order they come, and
    what has to be taken from their sum is taken from that of the last one.
    """

    def __init__(
        self, encoder: Any, main: str, auxiliary: Sequence[str], rule: Rule, per: PerGradient
    ) -> None:
        """Take the place of the encoder's method.

        encoder: a component that others listen to.
        main, auxiliary, rule, per: as for `make_auxiliary_tasks`.
        """
        update = encoder.update
        # Of an earlier initialization.
        self.own: Callable = update.own if isinstance(update, AuxiliaryUpdate) else update
        self.encoder = encoder
        self.main = main
        self.auxiliary = auxiliary
        self.rule = rule
        self.per = per

    def __call__(self, examples: Iterable[Example], **settings: Any) -> Any:
        """Update as the encoder does, and note what its listeners will send."""
        own = [(name, x) for name, xs in self.encoder.listener_map.items() for x in xs]
        before = [listener._backprop for _, listener in own]
        losses = self.own(examples, **settings)
        # A transformer sends nothing if no document has tokens.
        sent = [
            (name, listener)
            for (name, listener), old in zip(own, before, strict=True)
            if listener._backprop is not None and listener._backprop is not old
        ]
        seen: dict[str, Tensor] = {}
        for name, listener in sent[:-1]:
            listener._backprop = partial(self._note, seen, name, listener._backprop)
        for name, listener in sent[-1:]:
            listener._backprop = partial(self._finish, seen, name, listener._backprop)
        return losses

    def _note(
        self, seen: dict[str, Tensor], name: str, backprop: Callable, gradient: Sequence[Any]
    ) -> Any:
        """Remember the gradient of a task, added up over the listeners of its component."""
        if name == self.main or name in self.auxiliary:
            # A copy: a transformer adds the later gradients to the first one.
            flat = torch.cat([xp2torch(x).flatten(0, -2) for x in _arrays(gradient)])
            seen[name] = seen[name] + flat if name in seen else flat
        return backprop(gradient)

    def _finish(
        self, seen: dict[str, Tensor], name: str, backprop: Callable, gradient: Sequence[Any]
    ) -> Any:
        """Correct the sum of the gradients, before the encoder's own backprop."""

        def correct(gradient: Sequence[Any]) -> Any:
            change = self._change(seen)
            if change is not None:
                arrays = _arrays(gradient)
                sizes = [x.size // change.shape[1] for x in arrays]
                for x, own in zip(arrays, change.split(sizes), strict=True):
                    x += torch2xp(own).reshape(x.shape)
            return backprop(gradient)

        return self._note(seen, name, correct, gradient)

    def _change(self, seen: dict[str, Tensor]) -> Tensor | None:
        """What to add to the sum of all gradients; None for nothing."""
        main = seen.get(self.main)
        others = [seen[name] for name in self.auxiliary if name in seen]
        if main is None or not others:
            return None
        if self.rule == "project":
            parts = [opposing_part(own, main, per=self.per) for own in others]
            return -torch.stack(parts).sum(0)
        total = torch.stack(others).sum(0)
        return -total - opposing_part(main, total, per=self.per)


def _arrays(gradient: Sequence[Any]) -> list[Any]:
    """Arrays of vectors: one for each document, of a transformer those of its parts."""
    return [x for own in gradient for x in getattr(own, "tensors", (own,))]
