"""Fills in one of our training configs and writes it as text, with its reasons."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from spacy.util import get_sourced_components, load_config, load_model_from_config
from thinc.api import Config

from ..configs import find_config
from .inputs import make_blank


def make_config(
    lang: str = "en",
    template: str = "tok2vec",
    paths: Mapping[str, str] = MappingProxyType({}),
    settings: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    labels: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> str:
    """A complete training config, as it is written.

    template: name of one of ours.
    paths: values of its [paths].
    settings, labels: of its components.
    RAISES (ValueError): what no config can be made of. (ImportError): a package is missing.
    """
    path = find_config(template)
    config = load_config(path, interpolate=False)
    config["nlp"]["lang"] = make_blank(lang).lang
    config["paths"].update(paths)
    for component, own in settings.items():
        config["components"][component].update(own)
    key = config["components"].get("global_pointer", {}).get("spans_key", "sc")
    others = [own for name, own in settings.items() if name != "global_pointer"]
    values = {"spans_key": key, **paths, **{k: v for own in others for k, v in own.items()}}
    # Neither can be read back, and what reads it does not say which value it was.
    if any("${" in x or not x.isprintable() for x in values.values() if isinstance(x, str)):
        raise _refusal(values)
    if key != "sc":  # which the component's own weights name
        name_weights(config["training"], key)
    for component, listed in labels.items():
        if listed:
            initialize = config.setdefault("initialize", {}).setdefault("components", {})
            initialize[component] = {"labels": list(listed)}
    filled = load_model_from_config(config, auto_fill=True, validate=True).config
    # As they are written: filled in, they are no longer taken from their pipeline.
    filled["components"].update(get_sourced_components(config))
    text = write_with_comments(filled, path.read_text(encoding="utf-8"))
    if Config().from_str(text, interpolate=False) != filled:
        raise _refusal(values)
    return text


def _refusal(values: Mapping[str, Any]) -> ValueError:
    shown = ", ".join(f"{name} = {value!r}" for name, value in values.items())
    return ValueError(
        f"a config must be able to hold its values, was: {shown}. Choose others, without line "
        "breaks and the signs $ : = ["
    )


def name_weights(training: dict[str, Any], key: str) -> None:
    """Let the score weights of a config name the scores of another group than "sc"."""
    weights = training["score_weights"]
    own = {score.replace("_sc_", f"_{key}_"): weight for score, weight in weights.items()}
    others = [*weights, "spans_sc_per_type", f"spans_{key}_per_type"]
    training["score_weights"] = own | {name: None for name in others if name not in own}


def write_with_comments(config: Config, template: str) -> str:
    """A config as text, with the comments that a template has above the same settings."""
    header, _, rest = template.partition("\n\n")
    comments, section, above = {}, "", []
    for line in rest.splitlines():
        if line.startswith("#"):
            above.append(line)
        elif line:
            section = line if line.startswith("[") else section
            comments[section, line.partition(" = ")[0]], above = above, []
    lines = [header, ""]
    for line in config.to_str().splitlines():
        section = line if line.startswith("[") else section
        lines += [*comments.get((section, line.partition(" = ")[0]), ()), line]
    return "\n".join(lines) + "\n"
