"""`spacy global-pointer init-config`: a tuned training config for a language, encoder and data."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from spacy.util import load_model
from typer import Argument, Option
from wasabi.printer import Printer

from ..configs import ENCODERS, EVENTS, RELATIONS, RELATIONS_OF_NER
from ..corpora import FORMATS
from ..pipeline.spelling import spell_label
from .debug.survey import debug_data
from .gold_settings import read_gold, read_gold_events, read_gold_relations
from .outputs import check_output, write_text
from .training_config import make_config

# Settings of the component for entities without overlap.
FLAT = {"allow_overlap": False, "annotate_ents": True}
# Kind of encoder -> the package that has it, and our extra that installs it.
NEEDS = {
    "transformer": ("spacy_transformers", "transformers"),
    "hybrid": ("spacy_transformers", "transformers"),
    "curated": ("spacy_curated_transformers", "curated"),
}


def init_config_cli(
    output: Annotated[Path, Argument(help="Config to write (.cfg)")],
    lang: Annotated[str, Option("--lang", "-l", help="Language code of the texts")] = "en",
    encoder: Annotated[
        str,
        Option(
            "--encoder",
            "-e",
            help=f"{', '.join(ENCODERS)}: spaCy's own, trained from scratch, or a pretrained one "
            "with spacy-transformers (hybrid: and word features) or spacy-curated-transformers",
        ),
    ] = "tok2vec",
    name: Annotated[
        str | None,
        Option(
            help="Hugging Face name or folder of the pretrained encoder; by default multilingual"
        ),
    ] = None,
    data: Annotated[
        list[Path] | None,
        Option(
            "--data",
            "-d",
            help="Training data, for its labels and whether spans overlap: .spacy, or what "
            "`convert` reads; can be repeated",
        ),
    ] = None,
    flat: Annotated[
        bool | None,
        Option("--flat/--nested", help="Entities without overlap, also in doc.ents; or any spans"),
    ] = None,
    relations: Annotated[
        bool, Option("--relations", "-r", help="Find relations between the spans, too")
    ] = False,
    events: Annotated[
        bool, Option("--events", help="Find events, too: spans are their triggers and arguments")
    ] = False,
    symmetric: Annotated[
        list[str] | None,
        Option(help="Relation without direction, such as married_to; can be repeated"),
    ] = None,
    ner: Annotated[
        str | None,
        Option(
            help="Trained pipeline, by name or folder: relations join the entities of its ner, "
            "which stays as it is"
        ),
    ] = None,
    spans_key: Annotated[
        str, Option("--spans-key", "-k", help="Name of the group in doc.spans")
    ] = "sc",
    threshold: Annotated[
        float | None, Option(min=0, max=1, help="Lowest probability of a predicted span")
    ] = None,
    max_length: Annotated[int | None, Option(min=1, help="Longest span (tokens)")] = None,
    format: Annotated[
        str, Option("--format", "-f", help=f"Format of the data: auto, {', '.join(FORMATS)}")
    ] = "auto",
    force: Annotated[bool, Option("--force", "-F", help="Replace an existing config")] = False,
) -> None:
    """
    Write a training config: the tuned settings of this package, complete and explained.

    With data, the config lists its labels, and is for flat entities if hardly any
    spans share a token, unless --flat or --nested says otherwise. Without data,
    spans may nest.

    $ spacy global-pointer init-config config.cfg --lang en --data train.spacy

    With --relations, spans and relations are learned together.

    $ spacy global-pointer init-config config.cfg --relations --data train.spacy

    With --ner as well, only relations are learned.

    $ spacy global-pointer init-config config.cfg --relations --ner en_core_web_sm

    With --events, triggers, arguments and the events that they make up are learned
    together.

    $ spacy global-pointer init-config config.cfg --events --data train.spacy
    """
    msg = Printer()
    given = {"spans_key": spans_key, "threshold": threshold, "max_length": max_length}
    own: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    settings: dict[str, dict[str, Any]] = {}
    labels: dict[str, Sequence[str]] = {}
    paths = {key: value for key, value in {"encoder": name, "ner": ner}.items() if value}
    try:
        check_output(output, "OUTPUT")
        if output.exists() and not force:
            raise ValueError(
                f"OUTPUT must be a new file, was: {output}. Replace it with --force, or name "
                "another one"
            )
        check_encoder(encoder, name)
        template = choose_config(encoder, relations, events, symmetric, ner)
        if ner is not None:
            check_ner(ner, lang, own, flat)
        if relations:
            spelt = [spell_label(label, [label]) for label in symmetric or ()]
            settings["relation_pointer"] = {"symmetric": spelt}
        if data:
            survey = debug_data(data, lang=lang, spans_key=spans_key, format=format)
            if ner is None:
                labels["global_pointer"], flat = read_gold(msg, survey, flat, max_length)
            if relations:
                labels["relation_pointer"], allowed = read_gold_relations(
                    msg, survey, symmetric or []
                )
                settings["relation_pointer"] |= allowed
            if events:
                labels["event_pointer"], settings["event_pointer"] = read_gold_events(msg, survey)
        if ner is None:
            settings["global_pointer"] = own | (FLAT if flat else {})
        write_text(make_config(lang, template, paths, settings, labels), output)
    except (ValueError, OSError, ImportError) as error:
        msg.fail("No config was written", str(error), exits=1)
    msg.good(f"Wrote {output}")
    gpu = "" if encoder == "tok2vec" else " --gpu-id 0"
    print(f"spacy train {output} --paths.train train.spacy --paths.dev dev.spacy{gpu}")


def choose_config(
    encoder: str, relations: bool, events: bool, symmetric: Sequence[str] | None, ner: str | None
) -> str:
    """The name of the config that options ask for.

    RAISES (ValueError): options that do not go together.
    """
    if relations and events:
        raise ValueError(
            "--relations must not be given with --events, was: both. To fix: write a config for "
            "one of them, and add the component of the other one from a second config"
        )
    for option, value in {"--symmetric": ", ".join(symmetric or ()), "--ner": ner}.items():
        if value and not relations:
            raise ValueError(
                f"{option} must only be given with --relations, was: {value}, without. To fix: add "
                "--relations"
            )
    if ner is not None and encoder != "tok2vec":
        raise ValueError(
            f"--encoder must be tok2vec with --ner, was: {encoder}. To fix: leave out --encoder, "
            "or --ner, so that spans and relations are learned together"
        )
    for option, is_given, configs in (
        ("--relations", relations, RELATIONS),
        ("--events", events, EVENTS),
    ):
        if is_given and encoder not in configs:
            raise ValueError(
                f"--encoder must be one of {', '.join(configs)} with {option}, was: {encoder}. To "
                "fix: choose one of these, and change its encoder in the config"
            )
    if ner is not None:
        return RELATIONS_OF_NER
    return RELATIONS[encoder] if relations else EVENTS[encoder] if events else encoder


def check_ner(ner: str, lang: str, own: Mapping[str, Any], flat: bool | None) -> None:
    """Refuse a pipeline without ner, or of another language, and options for other spans.

    own: settings of a span component.
    RAISES (ValueError): one of these. (OSError): no such pipeline.
    """
    pipeline = load_model(ner)
    if "ner" not in pipeline.component_names:
        has = ", ".join(pipeline.component_names) or "no components"
        raise ValueError(f"--ner must be a pipeline with a component 'ner', was: {ner}, with {has}")
    if pipeline.lang != lang:
        raise ValueError(
            f"--lang must be that of the pipeline of --ner, was: {lang}. To fix: --lang "
            f"{pipeline.lang}"
        )
    values = {**own, "flat": flat}
    if values["spans_key"] == "sc":
        del values["spans_key"]
    for name, value in values.items():
        if value is not None:
            option = "--flat or --nested" if name == "flat" else f"--{name.replace('_', '-')}"
            raise ValueError(
                f"{option} must not be given with --ner, whose entities are taken as they are, "
                f"was: {value}. To fix: leave it out"
            )


def check_encoder(encoder: str, name: str | None) -> None:
    """Refuse an encoder that cannot be used, as a ValueError or an ImportError."""
    if encoder not in ENCODERS:
        raise ValueError(f"encoder must be one of {', '.join(ENCODERS)}, was: {encoder!r}")
    if encoder == "tok2vec" and name is not None:
        raise ValueError(
            f"--name must only be given with a pretrained encoder, was: {name}, with --encoder "
            "tok2vec, which is trained from scratch. To fix: --encoder transformer"
        )
    # Names on the hub have one slash at most.
    is_path = name is not None and (name.startswith((".", "/", "~")) or name.count("/") > 1)
    if name is not None and is_path and not Path(name).exists():
        raise ValueError(f"--name must be a folder that is there, was: {name}, which is missing")
    package, extra = NEEDS.get(encoder, ("spacy", ""))
    if find_spec(package) is None:
        raise ImportError(
            f"--encoder {encoder} needs {package.replace('_', '-')}, which is not installed. "
            f'To fix: pip install "spacy-globalpointer[{extra}]"'
        )
