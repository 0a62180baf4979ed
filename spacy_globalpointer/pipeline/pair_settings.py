"""Settings of components that join spans: their rules, and what the pipeline's config must say."""

from collections.abc import Iterable
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc

from ..messages import BY_DEFAULT
from ..models import find_listeners
from .pair_gold import Sources, list_span_sources
from .settings import check_settings, key_of


def check_pair_settings(name: str, what: str, cfg: dict[str, Any]) -> None:
    """Refuse invalid settings.

    name: of the component, for the message.
    what: it finds, "relations" or "events".
    RAISES (ValueError): naming the rule, the value and the repair.
    """
    check_settings(name, cfg)
    spans, key = cfg["spans"], cfg[f"{what}_key"]
    sources = list_span_sources(spans) if isinstance(spans, (str, list, tuple)) else [spans]
    kinds = all(source is None or (isinstance(source, str) and source) for source in sources)
    if not sources or not kinds or len(set(sources)) < len(sources):
        raise ValueError(
            f"'{name}': spans must be a key of doc.spans, null for doc.ents, or a list of such, "
            f'each once, such as ["sc", null], was: {spans!r}. {BY_DEFAULT}'
        )
    if key in sources:
        raise ValueError(
            f"'{name}': {what}_key must differ from spans, because the group of the {what} holds "
            f"their arguments only, but both are: {key!r}. To fix: use the default "
            f'{what}_key = "{what}"'
        )


def check_annotating(name: str, cfg: dict[str, Any], nlp: Language) -> None:
    """Refuse annotating_components that would annotate nothing, as their encoder does not run.

    In training, spaCy lets these components annotate the documents that later ones learn from. A
    listener then reads what its encoder left on the document, and the encoder only leaves it there
    if it annotates, too. Otherwise it reads zeros, and there are no predicted spans.

    RAISES (ValueError): naming the components and the lines of the config.
    """
    listed = _annotating(nlp)
    if cfg["candidates"] == "gold":
        return
    missing = {}
    names = _running(nlp)
    for other in (x for x in listed if x in names):
        for upstream in _upstream(other, nlp):
            if upstream not in listed:
                missing[upstream] = other
    if missing:
        lines = [x for x in names if x in missing or x in listed]
        shown = ", ".join(f'"{x}"' for x in lines)
        raise ValueError(
            f"'{name}' learns from predicted spans, so the encoder of each of the "
            "annotating_components must be one of them too, but "
            + " and ".join(f"{up!r}, which {x!r} listens to," for up, x in missing.items())
            + " is not: without it, nothing would be predicted in training. To fix, in the "
            f"config:\n\n[training]\nannotating_components = [{shown}]\n"
        )


def _annotating(nlp: Language) -> list[str]:
    """The annotating_components of the config."""
    found = nlp.config.interpolate().get("training", {}).get("annotating_components", [])
    return list(found)


def _running(nlp: Language) -> list[str]:
    """Names of the components that run in training.

    spaCy disables the frozen ones while it initializes the others.
    """
    frozen = nlp.config.get("training", {}).get("frozen_components", [])
    return [x for x in nlp.component_names if x in nlp.pipe_names or x in frozen]


def _upstream(name: str, nlp: Language) -> set[str]:
    """Names of the components that a component listens to."""
    model = getattr(nlp.get_pipe(name), "model", None)
    if model is None or not hasattr(model, "walk"):
        return set()
    wanted = set(find_listeners(model))
    names = _running(nlp)
    before = names[: names.index(name)]
    encoders = [x for x in before if hasattr(nlp.get_pipe(x), "add_listener")]
    found = {x for x in encoders if x in wanted}
    return found | set(encoders[-1:] if "*" in wanted else ())


def describe_source(name: str, cfg: dict[str, Any], nlp: Language) -> str:
    """Say that no component writes some of the spans, or that it does not do so in training.

    RETURNS: empty if one does.
    """
    names = _running(nlp)
    before = names[: names.index(name)] if name in names else names
    writers = {
        source: [other for other in before if _writes(other, source, nlp)]
        for source in list_span_sources(cfg["spans"])
    }
    unwritten = [source for source, own in writers.items() if not own]
    if unwritten:
        return (
            f"'{name}' joins the spans in {name_sources(unwritten)}, but no component before it "
            "writes them, so it will find none there. To fix: add such a component before it, or "
            "set spans to what a component writes (null for doc.ents)"
        )
    annotating = _annotating(nlp)
    silent = [source for source, own in writers.items() if not set(own) & set(annotating)]
    if cfg["candidates"] == "gold" or not silent:
        return ""
    needed = [other for source in silent for other in writers[source]]
    own = {*needed, *annotating, *_encoders(needed, nlp)}
    lines = ", ".join(f'"{x}"' for x in before if x in own)
    return (
        f"'{name}' has candidates = {cfg['candidates']!r}, but the component that writes "
        f"{name_sources(silent)} is not one of the annotating_components, so it learns from gold "
        'spans only, and not which predicted ones to leave alone. To fix: candidates = "gold", or '
        f"in the config:\n\n[training]\nannotating_components = [{lines}]\n"
    )


def _encoders(names: Iterable[str], nlp: Language) -> set[str]:
    return {upstream for name in names for upstream in _upstream(name, nlp)}


def _writes(other: str, key: str | None, nlp: Language) -> bool:
    """Whether a component writes doc.spans[key], or doc.ents if key is None."""
    component = nlp.get_pipe(other)
    if key is not None:
        return key_of(component) == key
    if "doc.ents" not in nlp.get_pipe_meta(other).assigns:
        return False
    return bool(getattr(component, "cfg", {}).get("annotate_ents", True))


def describe_pair_weights(name: str, what: str, cfg: dict[str, Any], nlp: Language) -> str:
    """Say that the score weights do not name the component's score.

    what: "relations" or "events".
    RETURNS: empty if they do.
    """
    key = cfg[f"{what}_key"]
    weights = nlp.config.get("training", {}).get("score_weights", {})
    if weights.get(f"{key}_f"):
        return ""
    lines = [f"{key}_f = 1.0", *(f"{key}_{x} = 0.0" for x in "pr"), f"{key}_per_type = null"]
    return (
        f"'{name}' writes {what} to doc.spans[{key!r}], but [training.score_weights] does not "
        f"name {key}_f: the training log would not show its score, and the best model would be "
        "chosen without it. Add to the config:\n\n"
        + "\n".join(["[training.score_weights]", *lines])
        + "\n"
    )


def describe_no_spans(name: str, sources: Sources, doc: Doc) -> str:
    """Say that a document has nothing to join, because no component has looked for spans.

    sources: that the document does not have.
    """
    return (
        f"'{name}' joins the spans in {name_sources(sources)}, but the document "
        f"{doc.text[:60]!r} has none, not even an empty group, so it finds nothing there. To fix: "
        "let a component before it write them, or set spans to what one writes (null for doc.ents)"
    )


def describe_unpredicted(name: str, cfg: dict[str, Any]) -> str:
    """Say that no component has predicted spans in training."""
    return (
        f"'{name}' has candidates = {cfg['candidates']!r}, but no component has left spans in "
        f"{name_sources(cfg['spans'])} on the documents of a training batch, so it learns from "
        "gold spans only, and not which predicted ones to leave alone. To fix: candidates = "
        '"gold", or list the component that writes them, and its encoder, in annotating_components '
        "under [training] (in Python, in the annotates of nlp.update)"
    )


def describe_many_spans(name: str, cfg: dict[str, Any], doc: Doc, n_left_out: int) -> str:
    """Say that a document has more spans than are joined."""
    return (
        f"'{name}' left out {n_left_out} spans in {name_sources(cfg['spans'])} of the document "
        f"{doc.text[:60]!r}, the ones with the lowest scores if they have any: there are too many "
        "to try all pairs. To fix: raise the threshold of the component that writes them, or split "
        "the document"
    )


def describe_new_labels(name: str, labels: Iterable[str]) -> str:
    """Say that spans have labels that were not there in training."""
    shown = ", ".join(map(repr, sorted(labels)[:5]))
    return (
        f"'{name}': spans have labels that no gold span had in training ({shown}). They are read "
        'as spans of an unknown label, and join nothing if type_pairs = "seen". To fix: train '
        "with such spans, or set spans to the group that was annotated"
    )


def name_sources(sources: Sources) -> str:
    """Names of where spans come from, as one writes them in Python."""
    shown = ("doc.ents" if x is None else f"doc.spans[{x!r}]" for x in list_span_sources(sources))
    return " and ".join(shown)
