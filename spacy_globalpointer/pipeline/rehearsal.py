"""Rehearsal: a copy of the model, made before more is learned, says what must not be forgotten.

A shared encoder belongs to another component, and goes on learning. So the copy gets a copy of it,
made at the same time, and rehearsal updates both the head and the encoder that it shares.
"""

import inspect
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from spacy.language import Language
from spacy.pipeline.tok2vec import Tok2VecListener
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Model, Optimizer
from thinc.types import Floats2d

from ..models import find_listeners
from ..nn import to_score
from ..spans import LabelledSpan
from .labelled import LabelledPipe
from .learning import batch_loss
from .limits import longest_span
from .partial import weigh_labels
from .prediction import predict_spans
from .tables import Tables, plain_torch

# Soft targets below this probability are left out, which means 0: there are too many of them.
LEAST = 0.001


class RehearsingPipe(LabelledPipe):
    """Does not forget what it knew when `nlp.resume_training` was called."""

    _known: Model | None = None
    # Labels that the copy has learned, the first ones. It says nothing about others.
    _n_known = 0

    @property
    def _rehearsal_model(self) -> Model | None:
        """A copy of the model, which nlp.resume_training makes."""
        return self._known

    @_rehearsal_model.setter
    def _rehearsal_model(self, copy: Model | None) -> None:
        known = None if copy is None else with_own_encoder(self._nlp, self.model, copy)
        self._known = known
        self._n_known = len(self.labels) if self._n_learned is None else self._n_learned

    @property
    def _nlp(self) -> Language | None:
        return None if self._stored is None else self._stored.nlp

    def rehearse(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optimizer | None = None,
        losses: dict[str, float] | None = None,
    ) -> dict[str, float]:
        """Learn the spans that the model found when `nlp.resume_training` was called.

        Labels that had not been learned by then, since they were added shortly before or are added
        later, are not rehearsed: they learn nothing here. A shared encoder is updated too.

        RETURNS: losses, with the loss of the batch added under the component's name.
        RAISES (ValueError): a shared encoder of a pipeline that is not known.
        """
        examples = list(examples)
        docs = [example.predicted for example in examples]
        losses = {} if losses is None else losses
        if self._rehearsal_model is None:
            return losses
        n_labels = self._n_known
        gold = what_was_known(self.name, self._rehearsal_model, docs, self.cfg, n_labels)
        weights = weigh_labels(self.name, self.labels, self.cfg)

        @plain_torch()
        def get_loss(rows: list[Floats2d]) -> tuple[float, list[Floats2d]]:
            tables = Tables(self.model, docs, rows)
            longest = longest_span(self.model, self.cfg)
            return batch_loss(tables, gold, self.loss, longest, n_labels, weights)

        # `nlp.rehearse` collects the gradients with a function that takes no lr_scale.
        has_rates = sgd is None or isinstance(sgd, Optimizer)
        has_tokens = any(map(len, docs))
        encoders = find_shared_encoders(self._nlp, self.model) if has_tokens else []
        with running(encoders, self.name, examples, drop):
            self._learn(docs, get_loss, drop, sgd if has_rates else None, losses)
        if sgd is None:
            return losses
        take = sgd if has_rates else _collector(sgd)
        for encoder in encoders:
            encoder.pipe.finish_update(take)
        if has_rates:
            return losses
        self.model.finish_update(take)
        if (scale := self.cfg["lr_scale"]) != 1:
            self._warn_once(
                "rehearse",
                f"'{self.name}': nlp.rehearse ignores lr_scale = {scale}, because it has only one "
                "learning rate. To fix: call "
                f"nlp.get_pipe({self.name!r}).rehearse(examples, sgd=optimizer) instead",
            )
        return losses


def _collector(collect: Callable[..., Any]) -> Any:
    """An optimizer that only collects, gradients of PyTorch too: these are set to 0 afterwards."""
    return lambda key, weights, gradient: collect(key, weights, gradient.copy())


class SharedEncoder(NamedTuple):
    """A component whose encoder another one shares.

    pipe: the component, such as `tok2vec` or `transformer`.
    listeners: the layers of the other one's model that stand for its encoder.
    """

    pipe: Any
    listeners: list[Model]


def find_shared_encoders(nlp: Language | None, model: Model) -> list[SharedEncoder]:
    """The components of a pipeline whose encoder a model shares.

    nlp: the pipeline of the model's component; None if it is not known, which gives none.
    """
    own = set(map(id, model.walk()))
    found = []
    for _, pipe in nlp.components if nlp is not None else ():
        listeners = [node for node in getattr(pipe, "listeners", ()) if id(node) in own]
        if listeners:
            found.append(SharedEncoder(pipe, listeners))
    return found


def with_own_encoder(nlp: Language | None, model: Model, copy: Model) -> Model:
    """Give a copy of a model a copy of the encoder that the model shares, as it is now.

    nlp: as `find_shared_encoders` takes it.
    RETURNS: the copy.
    """
    nodes = dict(zip(map(id, model.walk()), copy.walk(), strict=True))
    for pipe, listeners in find_shared_encoders(nlp, model):
        for listener in listeners:
            encoder = pipe.model.copy()
            # As nlp.replace_listeners does.
            replace = pipe.model.attrs.get("replace_listener")
            if replace is not None and len(inspect.signature(replace).parameters) == 1:
                encoder = replace(encoder)
            elif replace is not None:
                encoder = replace(encoder, listener, pipe)
            copy.replace_node(nodes[id(listener)], encoder)
    return copy


@contextmanager
def running(
    encoders: Sequence[SharedEncoder], name: str, examples: Sequence[Example], drop: float
) -> Iterator[None]:
    """Run shared encoders on a batch, for the listeners of one component and no other.

    nlp.rehearse does not run them, because they have nothing of their own to rehearse.

    name: of the component.
    drop (share): dropout rate.
    """
    for pipe, listeners in encoders:
        others, pipe.listener_map = pipe.listener_map, {name: listeners}
        try:
            pipe.update(examples, drop=drop)
        finally:
            pipe.listener_map = others
    yield
    for listener in (x for encoder in encoders for x in encoder.listeners):
        if isinstance(listener, Tok2VecListener):  # others forget the batch by themselves
            listener._batch_id = listener._outputs = listener._backprop = None


def what_was_known(
    name: str, model: Model, docs: Sequence[Doc], cfg: dict[str, Any], n_labels: int
) -> dict[int, Collection[LabelledSpan]]:
    """Find what to rehearse: the spans that a copy of the model finds.

    name: of the component.
    model: the copy.
    cfg: settings of the component.
    n_labels: that the copy has learned, the first ones.
    RETURNS: the spans of each document, with soft_rehearsal their probabilities too.
    RAISES (ValueError): the encoder is one of a pipeline that is not known.
    """
    if find_listeners(model):
        raise ValueError(
            f"'{name}' can only rehearse with an encoder that can be copied: the copy that it "
            "rehearses from would listen to an encoder that has changed since. The component was "
            "copied or made outside of its pipeline, so the component that it listens to is not "
            "known. To fix: save and load the pipeline before nlp.resume_training, or call "
            f"nlp.replace_listeners(..., {name!r}, ['model.tok2vec']) before it"
        )
    labels = model.attrs["labels"]
    never = [math.inf] * (len(labels) - n_labels)
    if not cfg["soft_rehearsal"]:
        found = predict_spans(model, docs, [0.0] * n_labels + never, cfg)
        return {i: spans.named(labels) for i, spans in enumerate(found.spans)}
    every = {**cfg, "allow_overlap": True, "max_spans": None, "one_per_label": False}
    found = predict_spans(model, docs, [to_score(LEAST)] * n_labels + never, every)
    return {
        i: dict(zip(spans.named(labels), spans.score.tolist(), strict=True))
        for i, spans in enumerate(found.spans)
    }
