"""The settings of the component: their rules, and the cuts that follow from the thresholds."""

import re
import sys
import warnings
from collections.abc import Sequence
from numbers import Real
from typing import Any, cast

from spacy.language import Language
from thinc.api import Model

from ..messages import BY_DEFAULT, quote
from .label_tables import check_table, own_numbers

# max_length: 1.5 times the longest gold span of the training.
AUTO = "auto"
# Settings that are numbers of at least 1 or null, and the words that some take instead.
NUMBERS = {"max_length", "max_spans", "max_distance", "max_relations"}
WORDS = {"max_length": (AUTO,)}
# More than any text has of anything, and little enough to count with.
LARGEST_COUNT = 2**31 - 1
# Names of groups of doc.spans that a component writes.
KEYS = {"spans_key", "relations_key", "events_key"}
CHOICES = {
    "missing": ("skip", "negative"),
    "candidates": ("both", "gold", "predicted"),
    "type_pairs": ("seen", "any"),
}
# Encoders from scratch are trained at 0.001, pretrained ones at about 0.00005.
LOW_RATE = 0.0001


def is_count(value: Any) -> bool:
    """Whether this is a whole number from 1 to LARGEST_COUNT."""
    return type(value) is int and 1 <= value <= LARGEST_COUNT


def is_probability(value: Any) -> bool:
    """Whether this is a number in [0, 1]. In quotes it is none, nor are a truth value and nan."""
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    return is_number and 0 <= cast(float, value) <= 1


def describe_count(value: Any) -> str:
    """What a value must be that is no count."""
    is_large = type(value) is int and value > LARGEST_COUNT
    return f"a whole number of {f'at most {LARGEST_COUNT}' if is_large else 'at least 1'}"


def check_settings(name: str, cfg: dict[str, Any]) -> None:
    """Refuse invalid settings.

    name: of the component, for the message.
    RAISES (ValueError): naming the rule, the value and the repair.
    """
    _check_thresholds(name, cfg)
    _check_training(name, cfg)
    for what in NUMBERS & cfg.keys():
        value, words = cfg[what], WORDS.get(what, ())
        if value is not None and value not in words and not is_count(value):
            or_words = "".join(f'"{word}", ' for word in words)
            rule = f"{or_words}{describe_count(value)}, or null"
            raise ValueError(f"'{name}': {what} must be {rule}, was: {value!r}. {BY_DEFAULT}")
    for what in KEYS & cfg.keys():
        if not isinstance(cfg[what], str) or not cfg[what]:
            raise ValueError(
                f"'{name}': {what} must be the name of a group of doc.spans, was: {cfg[what]!r}. "
                f"{BY_DEFAULT}"
            )
    for what in CHOICES.keys() & cfg.keys():
        if cfg[what] not in CHOICES[what]:
            raise ValueError(
                f"'{name}': {what} must be one of {CHOICES[what]}, was: {cfg[what]!r}. {BY_DEFAULT}"
            )
    # In quotes, a number passes for one in a config. An integer may be finite and yet no float.
    scale = cfg["lr_scale"]
    if isinstance(scale, str) or not 0 < scale <= sys.float_info.max:
        raise ValueError(
            f"'{name}': lr_scale must be above 0 and finite, was: {scale!r}. To fix: 1.0 for the "
            "rate of the optimizer"
        )


def _check_thresholds(name: str, cfg: dict[str, Any]) -> None:
    # Of pairs first: what is none has no label to name.
    check_table(name, "label_thresholds", cfg["label_thresholds"])
    thresholds = [("threshold", cfg["threshold"])]
    thresholds += [(f"the threshold of label {label!r}", t) for label, t in cfg["label_thresholds"]]
    for what, threshold in thresholds:
        if not is_probability(threshold):
            raise ValueError(
                f"'{name}': {what} must be a probability in [0, 1], was: {threshold!r}. "
                "To fix: 0.5 is usual, a lower one finds more"
            )


def _check_training(name: str, cfg: dict[str, Any]) -> None:
    """Refuse invalid settings of the training, which only some components have."""
    check_table(name, "label_weights", cfg.get("label_weights", ()))
    usual = "1.0 counts as the other labels do"
    numbers = [(f"the weight of label {x!r}", w, usual) for x, w in cfg.get("label_weights", ())]
    numbers.append(("adversarial", cfg.get("adversarial", 0.0), "0.1 is usual, 0.0 for none"))
    for what, number, repair in numbers:
        if isinstance(number, (str, bool)) or not 0 <= number <= sys.float_info.max:
            raise ValueError(
                f"'{name}': {what} must be a number of at least 0, and finite, was: {number!r}. "
                f"To fix: {repair}"
            )
    key = cfg.get("incorrect_spans_key")
    if key is not None and (not isinstance(key, str) or key in ("", cfg["spans_key"])):
        raise ValueError(
            f"'{name}': incorrect_spans_key must be null, or the name of a group other than "
            f"spans_key = {cfg['spans_key']!r}, was: {key!r}. To fix: write the spans that were "
            "rejected into a group of their own, and name it"
        )


def check_label_list(name: str, labels: Any) -> None:
    """Refuse what `initialize` was given as labels if it is no list.

    The letters of a string would each be a label.

    name: of the component, for the message.
    labels: None for those of the examples.
    RAISES (ValueError): naming the rule, the value and the repair.
    """
    if labels is not None and not isinstance(labels, (list, tuple)):
        raise ValueError(
            f"'{name}': labels must be a list of names, or null for those of the data, was: "
            f'{quote(labels)}. To fix: write it as ["ORG", "GPE"]'
        )


def check_model(name: str, model: Model, layout: type, architecture: str) -> None:
    """Refuse a model of another component, which would otherwise only fail in training.

    name: of the component, for the message.
    layout: what the model's rows must have.
    architecture: the default one.
    RAISES (ValueError): naming the rule, the value and the repair.
    """
    if not isinstance(model.attrs.get("layout"), layout):
        shown = model.name if len(model.name) <= 60 else f"{model.name[:60]}..."
        raise ValueError(
            f"'{name}': model must be an architecture of spacy-globalpointer, was: {shown!r}. "
            f"To fix: keep the tok2vec of the block [components.{name}.model] and replace the rest "
            f'by @architectures = "spacy_globalpointer.{architecture}"'
        )


def label_cuts(name: str, labels: Sequence[str], cfg: dict[str, Any]) -> tuple[float, ...]:
    """Lowest raw score of a span for each label.

    RETURNS (c): -inf for threshold 0, inf for 1.
    RAISES (ValueError): invalid settings, a threshold for an unknown label.
    """
    from ..nn import to_score  # torch, for which commands that need no model do not wait

    check_settings(name, cfg)  # tools such as find-threshold assign cfg
    own = own_numbers(name, labels, cfg, "label_thresholds")
    thresholds = {**dict.fromkeys(labels, cfg["threshold"]), **own}
    return tuple(map(to_score, thresholds.values()))


def warn_of_config(name: str, key: str, nlp: Language) -> None:
    """Warn about a config that would make training show 0.00 or scores of another component.

    key: the spans_key of the component.
    """
    for message in (
        describe_weights(name, key, nlp),
        describe_rivals(name, key, nlp),
        describe_rate(name, nlp),
    ):
        if message:
            warnings.warn(message, stacklevel=3)


def describe_weights(name: str, key: str, nlp: Language) -> str:
    """Say that the score weights do not name the component's score.

    key: the spans_key of the component.
    RETURNS: empty if they do.
    """
    weights = nlp.config.get("training", {}).get("score_weights", {})
    if weights.get(f"spans_{key}_f"):
        return ""
    lines = "\n".join(["[training.score_weights]", *weight_lines(key)])
    return (
        f"'{name}' writes doc.spans[{key!r}], but [training.score_weights] does not name "
        f"spans_{key}_f: the training log would not show its score, and the best model would be "
        f"chosen without it. Add to the config:\n\n{lines}\n"
    )


def weight_lines(key: str) -> list[str]:
    """Lines of [training.score_weights] for a spans_key."""
    return [
        f"spans_{key}_f = 1.0",
        *(f"spans_{key}_{part} = 0.0" for part in "pr"),
        f"spans_{key}_per_type = null",
    ]


def key_of(component: Any) -> str | None:
    """Key of doc.spans that a component writes; span_finder has it only among its settings."""
    settings = getattr(component, "cfg", None)
    found = settings.get("spans_key") if isinstance(settings, dict) else None
    return getattr(component, "key", found)


def describe_rivals(name: str, key: str, nlp: Language) -> str:
    """Say that other components write the same group of spans.

    key: of the group that the component writes.
    RETURNS: empty if there are none.
    """
    rivals = [
        other for other, component in nlp.pipeline if other != name and key_of(component) == key
    ]
    if not rivals:
        return ""
    return (
        f"'{name}' and {', '.join(map(repr, rivals))} all write doc.spans[{key!r}]: the later ones "
        "overwrite the spans and the scores of the earlier ones. To fix: give each its own "
        "spans_key, relations_key or events_key"
    )


def describe_rate(name: str, nlp: Language) -> str:
    """Say that the component's own encoder learns at the rate of a pretrained one.

    `spacy init config --gpu --optimize accuracy` sets it, for a transformer that it leaves out.

    RETURNS: empty if it does not.
    """
    config = nlp.config.interpolate()
    tok2vec = config["components"].get(name, {}).get("model", {}).get("tok2vec", {})
    optimizer = config.get("training", {}).get("optimizer", {})
    rate = optimizer.get("learn_rate")
    rate = rate.get("initial_rate") if isinstance(rate, dict) else rate
    rate = rate * optimizer.get("thinc_scale", 1) if isinstance(rate, float) else rate
    is_new = re.match(r"spacy\.(Tok2Vec|HashEmbedCNN)\.", tok2vec.get("@architectures", ""))
    is_pretrained = config.get("initialize", {}).get("init_tok2vec")
    if not is_new or is_pretrained or not isinstance(rate, float) or rate >= LOW_RATE:
        return ""
    return (
        f"'{name}' has its own encoder, trained from scratch, but the learn_rate in "
        f"[training.optimizer] is {rate}, that of a pretrained one: it would hardly learn. To fix: "
        "set learn_rate = 0.001, or use a config from `spacy global-pointer init-config`"
    )
