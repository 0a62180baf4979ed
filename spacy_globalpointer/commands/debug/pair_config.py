"""What a training config does to relations or events: their spans, their encoder, their scores."""

from collections.abc import Iterator

from ...pipeline.pair_settings import (
    check_annotating,
    describe_pair_weights,
    describe_source,
    name_sources,
)
from ...pipeline.settings import describe_rivals
from .case import Advice, Finding, PairCase
from .config import Setup, find_drops


def find_in_pair_config(setup: Setup, case: PairCase, limit: int = 0) -> Iterator[Finding]:
    """What the config does to the relations or events of a component, and to its scores."""
    name, cfg, nlp = case.name, case.settings, setup.nlp
    if name in setup.config["training"]["frozen_components"]:
        yield Finding("config", "info", f"'{name}' is frozen: it does not learn")
    try:
        check_annotating(name, cfg, nlp)
    except ValueError as error:
        yield _tell("error", str(error), f"what the {case.what} are learned from, with its encoder")
    source = describe_source(name, cfg, nlp)
    if source:
        is_missing = "no component before it" in source
        yield _tell("error" if is_missing else "warning", source, "what writes the spans")
    else:
        where = name_sources(cfg["spans"])
        yield Finding("config", "good", f"'{name}' joins the spans in {where}")
    rivals = describe_rivals(name, case.key, nlp)
    if rivals:
        yield Finding("config", "warning", rivals)
    yield _find_weights(setup, case)
    if not setup.pipes:
        yield from find_drops(setup, case.key, limit)


def _find_weights(setup: Setup, case: PairCase) -> Finding:
    weights = setup.nlp.config["training"]["score_weights"]
    key = case.wanted_key
    others = {pipe.key for name, pipe in setup.relaters.items() if name != case.name}
    keys = tuple(f"{other}_" for other in {key, *others})
    # Scores have names such as relations_f, and no other component has "boundary_f".
    dead = [
        score
        for score, weight in weights.items()
        if weight is not None and score.startswith(f"{case.what}_") and not score.startswith(keys)
    ]
    removed = tuple(f"{score} = null" for score in dead)
    settings = {**case.settings, f"{case.what}_key": key}
    message = describe_pair_weights(case.name, case.what, settings, setup.nlp)
    if message:
        alive = any(weight for score, weight in weights.items() if score not in dead)
        found = _tell("warning" if alive else "error", message, "scores that the pipeline has")
        lines = (*(found.advice.lines if found.advice else ()), *removed)
        return Finding("config", found.level, found.text, _weigh(lines))
    if dead:
        text = f"[training.score_weights] names scores that nothing has: {', '.join(dead)}"
        return Finding("config", "info", text, _weigh(removed))
    return Finding("config", "good", f"[training.score_weights] names {key}_f")


def _weigh(lines: tuple[str, ...]) -> Advice:
    return Advice("training.score_weights", "scores that the pipeline has, and no others", lines)


def _tell(level: str, message: str, why: str) -> Finding:
    """A message of the component, whose config lines, if it has some, become advice."""
    text, _, rest = message.partition("\n\n[")
    section, _, lines = rest.partition("]\n")
    for opening in (" To fix", " Add to the config"):
        text = text.partition(opening)[0] if rest else text
    advice = Advice(section, why, tuple(lines.split("\n")[:-1])) if rest else None
    return Finding("config", level, text, advice)  # type: ignore[arg-type]
