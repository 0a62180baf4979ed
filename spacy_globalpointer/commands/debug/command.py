"""`spacy global-pointer debug`: what is wrong with annotated data, before it is trained with."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from click import NoSuchOption
from spacy.cli._util import import_code, parse_config_overrides, show_validation_error
from typer import Argument, Option
from wasabi.printer import Printer

from ...corpora import FORMATS
from ..convert import find_sources
from ..outputs import check_output, write_json
from .report import print_survey

# These modules need torch, so they are imported when the command runs.
if TYPE_CHECKING:
    from .survey import Survey

# Config overrides, such as --paths.train, are no options that are known here.
CONTEXT = {"allow_extra_args": True, "ignore_unknown_options": True}
# Options of data files only, and their defaults.
DATA_OPTIONS: dict[str, Any] = {
    "--dev": None,
    "--lang": "en",
    "--spans-key": "sc",
    "--format": "auto",
}

Inputs = Annotated[
    list[str],
    Argument(
        metavar="CONFIG|DATA...",
        help="A training config (.cfg) and overrides such as --paths.train train.spacy; or "
        "data files: .spacy, or what `spacy global-pointer convert` reads",
    ),
]
Dev = Annotated[
    list[Path] | None, Option(help="Data file with the documents to score; can be repeated")
]
Lang = Annotated[str, Option("--lang", "-l", help="Language code, for the tokenizer of data files")]
Key = Annotated[
    str, Option("--spans-key", "-k", help="Name of the group in doc.spans of data files")
]
Format = Annotated[
    str, Option("--format", "-f", help=f"Format of data files: auto, {', '.join(FORMATS)}")
]
Code = Annotated[
    Path | None,
    Option("--code", "-c", help="Python file with registered functions of the config"),
]
Output = Annotated[
    Path | None, Option("--output", "-o", help="JSON file for all counts and findings")
]
Low = Annotated[int, Option(help="Fewer examples of a label are a low number", min=1)]
Limit = Annotated[
    int, Option("--limit", "-n", help="Documents to read of each split; 0: all", min=0)
]


def debug_cli(
    inputs: Inputs,
    dev: Dev = None,
    lang: Lang = "en",
    spans_key: Key = "sc",
    format: Format = "auto",
    code: Code = None,
    output: Output = None,
    low: Low = 50,
    limit: Limit = 0,
) -> None:
    """
    Look over annotated data: labels, nesting, lengths, spans off the token borders, leakage.

    Ends with config lines to paste. The exit code is 1 if there are errors: what
    cannot be read, and what makes training fail or score 0.00. Warnings and
    advice alone give 0.

    $ spacy global-pointer debug config.cfg --paths.train train.spacy --paths.dev dev.spacy

    $ spacy global-pointer debug train.jsonl --dev dev.jsonl --lang en
    """
    msg = Printer()
    import_code(code)
    counts: Any = {"low": low, "limit": limit, "silent": False}
    try:
        if output is not None:
            check_output(output, "--output")
        if is_config(inputs[0]):
            check_options(
                {"--dev": dev, "--lang": lang, "--spans-key": spans_key, "--format": format}
            )
            with show_validation_error(inputs[0]):
                survey = debug_config(inputs[0], parse_config_overrides(inputs[1:]), **counts)
        else:
            options: Any = {"lang": lang, "spans_key": spans_key, "format": format}
            survey = debug_data(inputs, dev or (), **options, **counts)
        n_errors = print_survey(msg, survey)
        if output is not None:
            write_json(survey.to_dict(), output)
            msg.good(f"Wrote {output}")
    except (ValueError, OSError, ImportError, NoSuchOption) as error:
        msg.fail("Debugging stopped", str(error), exits=1)
    if n_errors:
        raise typer.Exit(1)


def is_config(name: str) -> bool:
    """Whether an argument is a training config; "-" reads one from standard input."""
    return name == "-" or name.endswith(".cfg")


def check_options(options: dict[str, Any]) -> None:
    """Refuse options of data files beside a config, which would do nothing.

    options: their values, by name.
    RAISES (ValueError): naming the rule, the value and the repair.
    """
    for name, value in options.items():
        if value != DATA_OPTIONS[name]:
            shown = ", ".join(map(str, value)) if isinstance(value, list) else value
            raise ValueError(
                f"{name} must only be given with data files, was: {shown}. The config has its own: "
                "change it there or by overrides, such as --paths.dev dev.spacy or --nlp.lang zh"
            )


def debug_config(
    name: str,
    overrides: dict[str, Any] | None = None,
    *,
    low: int = 50,
    limit: int = 0,
    silent: bool = True,
) -> "Survey":
    """Look over the data of a training config.

    name: the config; "-" reads it from standard input.
    overrides: of the config, by dotted name.
    low (spans): fewer examples of a label are few.
    limit (documents): read from each split; 0 means all.
    silent: show no progress.
    RAISES (ValueError): a config without the component, data that cannot be read.
    """
    from .survey import survey_config

    if name != "-" and not Path(name).is_file():
        what = name if Path(name).exists() else f"{name}, which is missing"
        raise ValueError(f"a config must be a file, was: {what}. Is the path right?")
    with _few_warnings():
        return survey_config(Path(name), overrides, low=low, limit=limit, silent=silent)


def debug_data(
    names: Sequence[str],
    dev: Sequence[Path] = (),
    *,
    lang: str = "en",
    spans_key: str = "sc",
    format: str = "auto",
    low: int = 50,
    limit: int = 0,
    silent: bool = True,
) -> "Survey":
    """Look over data files.

    names: files, or folders of them.
    dev: files or folders with the documents to score.
    lang: spaCy's code of the language, for the tokenizer.
    spans_key: name of the group of spans.
    format: a name in corpora.FORMATS, or "auto".
    low (spans): fewer examples of a label are few.
    limit (documents): read from each split; 0 means all.
    silent: show no progress.
    RAISES (ValueError): data that cannot be read.
    """
    from .survey import survey_files

    for name in names:
        if name.startswith("-") or is_config(name):
            raise ValueError(
                f"inputs must be one config (.cfg) with overrides, or data files only, was: "
                f"{name}. See --help for the options of data files"
            )
    options: Any = {"lang": lang, "spans_key": spans_key, "format": format}
    with _few_warnings():
        return survey_files(
            [source for name in names for source in find_data(Path(name))],
            [source for path in dev for source in find_data(path)],
            **options,
            low=low,
            limit=limit,
            silent=silent,
        )


def find_data(path: Path) -> list[Path]:
    """The data file, or those in a folder: its .spacy files if it has some.

    RAISES (ValueError): no data there.
    """
    if path.is_dir() and any(path.rglob("*.spacy")):
        return sorted(path.rglob("*.spacy"))
    return find_sources(path)


@contextmanager
def _few_warnings() -> Iterator[None]:
    """Leave out spaCy's warnings of each text that does not align: the spans are counted."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"\[W(030|033|090|119)\]")
        yield
