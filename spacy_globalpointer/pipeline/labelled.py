"""A trainable pipe whose labels live in its model, so that weights and labels stay together.

The same goes for the lengths of spans and texts that it saw in training.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any

from spacy.errors import Errors
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from spacy.vocab import Vocab
from thinc.api import Model, Optimizer, set_dropout_rate
from thinc.types import Floats2d

from ..losses import SpanLoss
from ..models import (
    check_loaded,
    check_new_label,
    explain_mismatch,
    find_text_vectors,
    finish_update,
    resize_output,
)
from .adversarial import learn_moved
from .checksum import add_checksum, check_saved, read_model, save_checksum
from .descriptions import described
from .settings import check_label_list, check_settings
from .stored import StoredSettings
from .threads import start_threads

# In its first updates a new head finds something everywhere, and in its first passes a component
# finds too much to look at, which is not worth a warning.
BEGINNING, FIRST_PASSES = 20, 1000
# Threads that share a component may be the first to use it after new labels.
_growing = RLock()


class LabelledPipe(TrainablePipe):
    """Adds labels at any time, and serializes the model without settings.

    Settings come from the pipeline's config, so that overrides given to spacy.load take effect.
    """

    _stored: StoredSettings | None = None  # set by the factory
    # Labels were added, and the model has not grown yet. It grows when it is used next: once for
    # all new labels, since it is copied each time.
    _must_grow = False
    # So many of the first labels were learned; None for all. The others were added since.
    _n_learned: int | None = None
    _known_labels: tuple[list[str], set[str]] = ([], set())

    def __init__(
        self,
        vocab: Vocab,
        model: Model,
        name: str,
        *,
        loss: SpanLoss,
        scorer: Callable | None,
        cfg: dict[str, Any],
    ) -> None:
        """Make the component.

        cfg: its settings.
        """
        self.vocab = vocab
        self.model = model
        self.name = name
        self.loss = loss
        self.scorer = scorer
        # Read at each call: `spacy find-threshold` replaces it. Not serialized: the config has it.
        self.cfg: dict[str, Any] = cfg
        self._warned: set[str] = set()
        self._n_updates = FIRST_PASSES + 1  # since initialisation; a loaded pipeline is past them
        start_threads()

    @property
    def model(self) -> Model:
        """The model, with room for all labels."""
        if self._must_grow:
            with _growing:
                if self._must_grow:  # no other thread was first
                    self._resize()
                    self._must_grow = False
        return self._model

    @model.setter
    def model(self, model: Model) -> None:
        TrainablePipe.model.__set__(self, model)

    @property
    def _model(self) -> Model:
        """The model as it is: labels that were added last may have no weights yet."""
        return TrainablePipe.model.__get__(self)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, in the order of the model's output."""
        return tuple(self._model.attrs["labels"])

    @property
    def label_data(self) -> list[str]:
        """What `spacy init labels` writes and `initialize` takes."""
        return list(self.labels)

    @property
    def is_resizable(self) -> bool:
        """Labels can be added at any time."""
        return True

    @property
    def label_texts(self) -> dict[str, str]:
        """What a model with type_encoder reads of each label: its description, or its name."""
        vectors = find_text_vectors(self.model)
        texts = [] if vectors is None else vectors.attrs["texts"]
        return dict(zip(self.labels, texts, strict=False))

    def add_label(self, label: str, *, description: str | None = None) -> int:
        """Add a label; after initialisation the model grows, and old labels keep their scores.

        The new label starts with random weights: its spans mean nothing before it is trained. With
        type_encoder it starts with what was learned of other labels. The model grows when it is
        used next, once for all labels that were added.

        description: of the label, for a model with type_encoder; None for its name. Of a label that
            exists, it replaces the former one.
        RETURNS: 0 if the label already exists, otherwise 1.
        RAISES (ValueError): a label that is not a string, is empty or white space, or is not valid
            Unicode; after initialisation, one that the groups of the model have no place for; an
            empty description, or one for a model without type_encoder; a type_encoder that cannot
            be loaded. Nothing has changed then.
        """
        if not isinstance(label, str) or not label.strip():  # a relation cannot be written then
            raise ValueError(f"{Errors.E187} Must be a non-empty string, was: {label!r}")
        model, known = self._model, self._label_set()
        if label in known and description is None:
            return 0
        try:
            self.vocab.strings.add(label)
        except UnicodeEncodeError as error:
            raise ValueError(
                f"'{self.name}': a label must be valid Unicode, was: {label!r}. To fix: remove or "
                "complete the half character"
            ) from error
        with described(self.name, model, label, description):
            if label in known:
                return 0
            if model.has_dim("nI"):
                check_new_label(model, label)
                self._must_grow = True
                if self._n_learned is None:
                    self._n_learned = len(known)
            model.attrs["labels"].append(label)
            known.add(label)
        return 1

    def _add_given(self, labels: Any) -> None:
        """Add the labels that `initialize` was given, if any."""
        check_label_list(self.name, labels)
        for label in labels or ():
            self.add_label(label)

    def _label_set(self) -> set[str]:
        """The labels, to look one up."""
        labels = self._model.attrs["labels"]
        if self._known_labels[0] is not labels or len(self._known_labels[1]) != len(labels):
            self._known_labels = labels, set(labels)
        return self._known_labels[1]

    def use_params(self, params: dict) -> Iterator[None]:
        """Use other weights for a while, such as averages."""
        assert self.model  # which has room for all labels before its weights change places
        yield from super().use_params(params)

    def _learn(
        self,
        docs: list[Doc],
        get_loss: Callable[[list[Floats2d]], tuple[float, list[Floats2d]]],
        drop: float,
        sgd: Optimizer | None,
        losses: dict[str, float] | None,
        batch: list[Any] | None = None,
    ) -> dict[str, float]:
        """Update the model once.

        batch: what the model reads, if it is not the documents.
        get_loss: from rows, the model's output, to the loss and the gradient of the rows.
        RAISES (ValueError): invalid settings.
        """
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        if not any(len(doc) for doc in docs):
            return losses
        self._require_ready()
        check_settings(self.name, self.cfg)  # they may have been changed in Python since
        self._n_updates += 1
        set_dropout_rate(self.model, drop)
        batch = docs if batch is None else batch
        if epsilon := self.cfg.get("adversarial"):
            loss = learn_moved(self.model, batch, get_loss, epsilon)
        else:
            rows, backprop = self.model.begin_update(batch)
            loss, d_rows = get_loss(rows)
            # Even without any gold: the last listener triggers the shared encoder's own backprop.
            backprop(d_rows)
        if sgd:
            self.finish_update(sgd)
        losses[self.name] += loss
        return losses

    def finish_update(self, sgd: Optimizer) -> None:
        """Update the encoder at the optimizer's learning rate, the head at lr_scale times it."""
        finish_update(self.model, sgd, self.cfg["lr_scale"])

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Serialize the model, which holds the labels; settings are in the pipeline's config.

        exclude: names of fields to leave out: "vocab", "model".
        """
        self._warn_of_changes()
        return add_checksum(super().to_bytes(exclude=[*exclude, "cfg"]))

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> "LabelledPipe":
        """Load what to_bytes returned.

        RAISES (ValueError): it was changed since, or belongs to another config.
        """
        model = read_model(self.name, bytes_data)
        with self._loading(lambda: model):
            super().from_bytes(bytes_data, exclude=[*exclude, "cfg"])
        return self._after_loading()

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Save the model, which holds the labels; settings are in the pipeline's config.

        exclude: names of fields to leave out: "vocab", "model".
        """
        self._warn_of_changes()
        super().to_disk(path, exclude=[*exclude, "cfg"])
        save_checksum(Path(path), exclude)

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> "LabelledPipe":
        """Load what to_disk saved.

        RAISES (ValueError): it was changed since, or belongs to another config.
        """
        check_saved(Path(path), exclude)
        with self._loading((Path(path) / "model").read_bytes):
            super().from_disk(path, exclude=[*exclude, "cfg"])
        return self._after_loading()

    @contextmanager
    def _loading(self, read_weights: Callable[[], bytes]) -> Iterator[None]:
        """Let what is loaded replace labels without weights, which the model need not grow for."""
        grows, self._must_grow = self._must_grow, False
        try:
            with explain_mismatch(self._model, read_weights):
                yield
        except BaseException:
            self._must_grow = grows
            raise

    def _after_loading(self) -> "LabelledPipe":
        check_loaded(self.model)
        self._n_learned = None
        for label in self.labels:
            self.vocab.strings.add(label)
        if self._stored:
            self._stored.respell_labels(self)
        return self

    def _warn_of_changes(self) -> None:
        """Warn about settings that were changed in Python and will not be saved."""
        message = self._stored.describe_changes(self) if self._stored else ""
        if message:
            warnings.warn(message, stacklevel=3)

    def _warn_once(self, topic: str, message: str) -> None:
        """Warn, unless there is nothing to say or the topic came up before."""
        if message and topic not in self._warned:
            self._warned.add(topic)
            warnings.warn(message, stacklevel=3)

    def _resize(self) -> None:
        resize_output(self._model, len(self.labels))

    def _require_ready(self) -> None:
        """Refuse to work without labels or weights."""
        self._require_labels()
        if not self.model.has_dim("nI"):
            raise ValueError(Errors.E109.format(name=self.name))
