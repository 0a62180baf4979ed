"""What a pipeline's config says about a component: only the config stores its settings."""

import weakref
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from spacy.language import Language

from .label_tables import TABLES
from .spelling import find_label


class StoredSettings:
    """The settings that will be saved, to compare with those that a component has.

    They are in the pipeline's config, if the pipeline is known: a component that was copied or
    pickled knows only the settings it was made with.
    """

    def __init__(self, made_with: dict[str, Any], nlp: Language | None = None) -> None:
        """Keep the settings a component was made with.

        made_with: its settings.
        nlp: the pipeline that it was made for.
        """
        self.made_with = deepcopy(made_with)
        self._nlp = None if nlp is None else weakref.ref(nlp)

    @property
    def nlp(self) -> Language | None:
        """The pipeline; None if it is not known."""
        return None if self._nlp is None else self._nlp()

    def __reduce__(self) -> tuple[type["StoredSettings"], tuple[dict[str, Any]]]:
        """A copy knows no pipeline."""
        return StoredSettings, (self.made_with,)

    def read(self, pipe: Any) -> tuple[str, dict[str, Any]]:
        """Read the name of a component and its settings as they will be saved."""
        name, config = self._find(pipe)
        # A variable stands for what the component was made with.
        known = {key: value for key, value in config.items() if not _is_variable(value)}
        return name, {key: known.get(key, old) for key, old in self.made_with.items()}

    def _find(self, pipe: Any) -> tuple[str, dict[str, Any]]:
        """The name of a component in its pipeline, and its block of the pipeline's config."""
        nlp = self.nlp
        if nlp is not None:
            for name, other in nlp.components:
                if other is pipe:
                    return name, nlp.get_pipe_config(name)
        return pipe.name, {}

    def respell_labels(self, pipe: Any) -> None:
        """Correct labels whose `$` were doubled when the config was written and read."""
        for settings in (pipe.cfg, self._find(pipe)[1]):
            for what in TABLES.keys() & settings.keys():
                if not _is_variable(settings[what]):
                    own = [[_respell(text, pipe.labels), x] for text, x in settings[what]]
                    settings[what] = own
            own = settings.get("symmetric", ())
            if own and not _is_variable(own):
                settings["symmetric"] = [_respell(text, pipe.labels) for text in own]
        if own := pipe.cfg.get("symmetric", ()):
            pipe.cfg["symmetric"] = [find_label(text, pipe.labels) or text for text in own]

    def describe_changes(self, pipe: Any) -> str:
        """Say which settings of a component will not be saved.

        RETURNS: empty if all will be.
        """
        name, stored = self.read(pipe)
        now, then = ({**cfg, **_labels(cfg, pipe)} for cfg in (pipe.cfg, stored))
        changed = [key for key in stored if now.get(key) != then[key]]
        if not changed:
            return ""
        cfg = f"nlp.get_pipe({name!r}).cfg"
        values = ", ".join(f"{key} = {_brief(pipe.cfg[key])}" for key in changed)
        says = ", ".join(_brief(stored[key]) for key in changed)
        lines = [f"nlp.get_pipe_config({name!r})[{key!r}] = {cfg}[{key!r}]" for key in changed]
        return (
            f"'{name}' has other settings than the pipeline's config, and only the config is "
            f"saved: {values} will be lost; the config has {says}. To fix, before saving:\n\n"
            + "\n".join(lines)
        )


def _respell(text: str, labels: Sequence[str]) -> str:
    """The label that is meant, if it can be written so."""
    label = find_label(text, labels)
    return label if label and "${" not in label and find_label(label, labels) == label else text


def _labels(cfg: dict[str, Any], pipe: Any) -> dict[str, Any]:
    """Settings that name labels, however these are spelt."""

    def find(text: str) -> str:
        return find_label(text, pipe.labels) or text

    tables = {what: [(find(text), x) for text, x in cfg.get(what, ())] for what in TABLES}
    return {**tables, "symmetric": [find(x) for x in cfg.get("symmetric", ())]}


def _is_variable(value: Any) -> bool:
    return isinstance(value, str) and "${" in value


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]} ..."
