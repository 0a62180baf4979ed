"""`spacy global-pointer init-config`: a tuned training config for a language, encoder and data."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from spacy.util import load_config, load_model_from_config
from thinc.api import Config
from typer import Argument, Option
from wasabi.printer import Printer

from ..configs import ENCODERS, find_config
from ..corpora import FORMATS
from .debug.statistics import is_flat
from .debug.survey import Survey, debug_data
from .outputs import check_output, write_text

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
    """
    msg = Printer()
    given = {"spans_key": spans_key, "threshold": threshold, "max_length": max_length}
    settings: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    labels: Sequence[str] = ()
    try:
        check_output(output, "OUTPUT")
        if output.exists() and not force:
            raise ValueError(
                f"OUTPUT must be a new file, was: {output}. Replace it with --force, or name "
                "another one"
            )
        if data:
            survey = debug_data(data, lang=lang, spans_key=spans_key, format=format)
            labels, flat = read_gold(msg, survey, flat, max_length)
        settings |= FLAT if flat else {}
        write_text(make_config(lang, encoder, name, settings, labels), output)
    except (ValueError, OSError, ImportError) as error:
        msg.fail("No config was written", str(error), exits=1)
    msg.good(f"Wrote {output}")
    gpu = "" if encoder == "tok2vec" else " --gpu-id 0"
    print(f"spacy train {output} --paths.train train.spacy --paths.dev dev.spacy{gpu}")


def make_config(
    lang: str = "en",
    encoder: str = "tok2vec",
    name: str | None = None,
    settings: dict[str, Any] | None = None,
    labels: Sequence[str] = (),
) -> str:
    """A complete training config, as it is written.

    RAISES (ValueError): what no config can be made of. (ImportError): a package is missing.
    """
    path = find_config(encoder)
    check_encoder(encoder, name)
    config = load_config(path, interpolate=False)
    config["nlp"]["lang"] = lang
    if name is not None:
        config["paths"]["encoder"] = name
    config["components"]["global_pointer"].update(settings or {})
    key = config["components"]["global_pointer"]["spans_key"]
    if key != "sc":  # which the component's own weights name
        weights = config["training"]["score_weights"]
        own = {score.replace("_sc_", f"_{key}_"): weight for score, weight in weights.items()}
        others = dict.fromkeys([*weights, "spans_sc_per_type", f"spans_{key}_per_type"])
        config["training"]["score_weights"] = own | others
    if labels:
        initialize = config.setdefault("initialize", {}).setdefault("components", {})
        initialize["global_pointer"] = {"labels": list(labels)}
    filled = load_model_from_config(config, auto_fill=True, validate=True).config
    text = write_with_comments(filled, path.read_text(encoding="utf-8"))
    if Config().from_str(text, interpolate=False) != filled:
        raise ValueError(
            f"a config must be able to hold its values, was: spans_key = {key!r}, name = {name!r}. "
            "Choose others, without the signs $ : = ["
        )
    return text


def check_encoder(encoder: str, name: str | None) -> None:
    """Refuse an encoder that cannot be used, as a ValueError or an ImportError."""
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


def read_gold(
    msg: Printer, survey: Survey, flat: bool | None, max_length: int | None
) -> tuple[list[str], bool]:
    """Say what training data has, and what the config makes of it.

    RETURNS: the labels to write, all or none; whether the config is for flat entities.
    """
    for finding in survey.all_findings():
        if finding.level == "error":
            raise ValueError(f"--data must have gold spans, was: {finding.text}")
    (split,) = survey.splits.values()
    (group,) = split.groups.values()
    longest = max(group.all_lengths, default=0)
    has_flat = is_flat(group.relations, group.n_spans)
    msg.info(
        f"{split.n_documents:,} documents, {group.n_spans:,} spans of {len(group.labels):,} "
        f"labels, the longest of {longest:,} tokens; {'flat' if has_flat else 'spans share tokens'}"
    )
    if flat and not has_flat:
        msg.warn("--flat: of spans that share a token, only the most likely ones will be found")
    if max_length is not None and max_length < longest:
        msg.warn(f"--max-length {max_length}: longer gold spans are not learned, and never found")
    unfit = [label for label in sorted(group.labels) if "$" in label]
    if unfit:
        cause = 'In a config "$" begins a variable, so it cannot list: ' + ", ".join(unfit)
        msg.warn("The config lists no labels: training will find them", cause)
    return [] if unfit else sorted(group.labels), has_flat if flat is None else flat


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
