"""`spacy global-pointer init-config`: a tuned training config for a language, encoder and data."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from spacy.util import load_config, load_model_from_config
from thinc.api import Config
from typer import Argument, Option
from wasabi.printer import Printer

from ..configs import ENCODERS, find_config
from ..corpora import FORMATS
from .debug.survey import find_data
from .outputs import check_output, write_text

# Settings of the component for entities without overlap.
FLAT = {"allow_overlap": False, "annotate_ents": True}
# Kind of encoder -> the package that has it, and our extra that brings it.
NEEDS = {
    "transformer": ("spacy_transformers", "transformers"),
    "curated": ("spacy_curated_transformers", "curated"),
}

Output = Annotated[Path, Argument(help="Config to write (.cfg)")]
Lang = Annotated[str, Option("--lang", "-l", help="Language code of the texts")]
Encoder = Annotated[
    str,
    Option(
        "--encoder",
        "-e",
        help=f"{', '.join(ENCODERS)}: spaCy's own, trained from scratch, or a pretrained one "
        "through spacy-transformers or spacy-curated-transformers",
    ),
]
Name = Annotated[
    str | None,
    Option(help="Hugging Face name or folder of the pretrained encoder; if not set, multilingual"),
]
Data = Annotated[
    list[Path] | None,
    Option(
        "--data",
        "-d",
        help="Training data, for its labels and whether they are flat: .spacy, or what `convert` "
        "reads; can be repeated",
    ),
]
Flat = Annotated[
    bool | None,
    Option("--flat/--nested", help="Entities without overlap, also in doc.ents, or any spans"),
]
SpansKey = Annotated[str, Option("--spans-key", "-k", help="Name of the group in doc.spans")]
Threshold = Annotated[
    float | None, Option(min=0, max=1, help="Lowest probability of a span that is found")
]
MaxLength = Annotated[int | None, Option(min=1, help="Longest span (tokens)")]
Format = Annotated[
    str, Option("--format", "-f", help=f"Format of the data: auto, {', '.join(FORMATS)}")
]
Force = Annotated[bool, Option("--force", "-F", help="Replace a config that is there")]


def init_config_cli(
    output: Output,
    lang: Lang = "en",
    encoder: Encoder = "tok2vec",
    name: Name = None,
    data: Data = None,
    flat: Flat = None,
    spans_key: SpansKey = "sc",
    threshold: Threshold = None,
    max_length: MaxLength = None,
    format: Format = "auto",
    force: Force = False,
) -> None:
    """
    Write a training config: the tuned settings of this package, complete, with their reasons.

    With data it lists their labels, and takes them for flat if hardly any spans
    share a token; --flat and --nested go before that. Without, spans may nest.

    $ spacy global-pointer init-config config.cfg --lang en --data train.spacy
    """
    msg = Printer()
    settings: dict[str, Any] = {"spans_key": spans_key}
    settings |= {} if threshold is None else {"threshold": threshold}
    settings |= {} if max_length is None else {"max_length": max_length}
    try:
        check_output(output, "OUTPUT")
        if output.exists() and not force:
            raise ValueError(
                f"OUTPUT must be a new file, was: {output}. Replace it with --force, or name "
                "another one"
            )
        labels: Sequence[str] = ()
        if data:
            gold = read_gold(data, lang=lang, spans_key=spans_key, format=format)
            labels, flat = list_labels(msg, gold), gold.is_flat if flat is None else flat
            describe_gold(msg, gold, flat, max_length)
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

    lang: spaCy's code of the language.
    encoder: one of ENCODERS.
    name: of the pretrained encoder, or its folder; None for a multilingual one.
    settings: of the component, in place of the tuned ones.
    labels: of the component; none for those that training finds.
    RAISES (ValueError): what no config can be made of. (ImportError): a language or an encoder
        whose package is missing.
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
        config["training"]["score_weights"] = {
            **{score.replace("_sc_", f"_{key}_"): weight for score, weight in weights.items()},
            **dict.fromkeys([*weights, "spans_sc_per_type"]),
            f"spans_{key}_per_type": None,
        }
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
    """Refuse an encoder that cannot be used, before anything is read.

    encoder: one of ENCODERS.
    name: of the pretrained encoder.
    RAISES (ValueError): a name for an encoder from scratch, a missing folder.
        (ImportError): its package is missing.
    """
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


@dataclass
class Gold:
    """What the gold spans of training data say of the config.

    n_documents (texts): that were read.
    labels: all different spans, by label.
    longest (tokens): the longest span that can be learned.
    is_flat: hardly any spans share a token.
    """

    n_documents: int
    labels: Counter[str]
    longest: int
    is_flat: bool


def read_gold(paths: Sequence[Path], *, lang: str, spans_key: str, format: str) -> Gold:
    """Look over training data.

    paths: files, or folders of them.
    lang: spaCy's code of the language, for the tokenizer.
    spans_key: name of the group of spans.
    format: a name in corpora.FORMATS, or "auto".
    RAISES (ValueError): data that cannot be read, or without gold spans.
    """
    # They need torch, so they are imported when a command runs.
    from .debug.case import ERROR
    from .debug.statistics import is_flat
    from .debug.survey import debug_data

    files = [file for path in paths for file in find_data(path)]
    survey = debug_data(
        list(map(str, files)), lang=lang, spans_key=spans_key, format=format, silent=False
    )
    for finding in survey.all_findings():
        if finding.level == ERROR:
            raise ValueError(f"--data must have gold spans, was: {finding.text}")
    (split,) = survey.splits.values()
    group = split.groups[spans_key]
    longest = max(group.all_lengths, default=0)
    flat = is_flat(group.relations, group.n_spans)
    return Gold(split.n_documents, group.labels, longest, flat)


def list_labels(msg: Printer, gold: Gold) -> list[str]:
    """The labels to write: all, unless a config cannot hold one of them."""
    labels = sorted(gold.labels)
    if any("$" in label for label in labels):
        msg.warn(
            "The labels are left to training",
            'In a config "$" begins a variable, so it cannot list: '
            + ", ".join(label for label in labels if "$" in label),
        )
        return []
    return labels


def describe_gold(msg: Printer, gold: Gold, flat: bool, max_length: int | None) -> None:
    """Say what the data has, and what the config makes of it.

    flat: what the config will say.
    max_length (tokens): what the config will say; None for the default.
    """
    msg.info(
        f"{gold.n_documents:,} documents, {gold.labels.total():,} spans of {len(gold.labels):,} "
        f"labels, the longest of {gold.longest:,} tokens; "
        + ("flat" if gold.is_flat else "spans share tokens")
    )
    if flat and not gold.is_flat:
        msg.warn("--flat: of spans that share a token, only the most likely will be found")
    if max_length is not None and max_length < gold.longest:
        msg.warn(f"--max-length {max_length}: longer gold spans are not learned, and never found")


def write_with_comments(config: Config, template: str) -> str:
    """A config as text, with the comments that a template has above the same settings.

    config: what is written.
    template: the text of a config.
    """
    header, comments, section, above = "", {}, "", []
    for line in template.splitlines():
        if line.startswith("#"):
            above.append(line)
        elif not line and above and not header:
            header, above = "\n".join([*above, "", ""]), []
        elif line:
            section = line if line.startswith("[") else section
            comments[section, line.partition(" = ")[0]] = above
            above = []
    lines: list[str] = []
    for line in config.to_str().splitlines():
        section = line if line.startswith("[") else section
        lines += [*comments.get((section, line.partition(" = ")[0]), ()), line]
    return header + "\n".join(lines) + "\n"
