"""`spacy global-pointer debug`: what is wrong with annotated data, before it is trained with."""

from pathlib import Path
from typing import Annotated

import typer
from click import NoSuchOption
from spacy.cli._util import import_code, parse_config_overrides, show_validation_error
from typer import Argument, Option
from wasabi.printer import Printer

from ...corpora import FORMATS
from ..outputs import check_output, write_json
from .report import print_survey
from .survey import debug_config, debug_data

# Config overrides, such as --paths.train, are no options that are known here.
CONTEXT = {"allow_extra_args": True, "ignore_unknown_options": True}


def debug_cli(
    context: typer.Context,
    inputs: Annotated[
        list[str],
        Argument(
            metavar="CONFIG|DATA...",
            help="A training config (.cfg) and overrides such as --paths.train train.spacy; or "
            "data files: .spacy, or what `spacy global-pointer convert` reads",
        ),
    ],
    dev: Annotated[
        list[Path] | None, Option(help="Data file with the documents to score; can be repeated")
    ] = None,
    lang: Annotated[
        str, Option("--lang", "-l", help="Language code, for the tokenizer of data files")
    ] = "en",
    spans_key: Annotated[
        str, Option("--spans-key", "-k", help="Name of the group in doc.spans of data files")
    ] = "sc",
    relations_key: Annotated[
        str | None,
        Option(help="Name of the group of relations of data files; relations if not set"),
    ] = None,
    events_key: Annotated[
        str | None, Option(help="Name of the group of events of data files; events if not set")
    ] = None,
    format: Annotated[
        str, Option("--format", "-f", help=f"Format of data files: auto, {', '.join(FORMATS)}")
    ] = "auto",
    code: Annotated[
        Path | None,
        Option("--code", "-c", help="Python file with registered functions of the config"),
    ] = None,
    output: Annotated[
        Path | None, Option("--output", "-o", help="JSON file for all counts and findings")
    ] = None,
    low: Annotated[int, Option(help="Fewer examples of a label are a low number", min=1)] = 50,
    limit: Annotated[
        int, Option("--limit", "-n", help="Documents to read of each split; 0: all", min=0)
    ] = 0,
) -> None:
    """
    Look over annotated data: labels, nesting, lengths, misaligned spans, leakage;
    of relations, also their distances, their directions, and what is lost; of events,
    their types and roles, what they share, and what is lost.

    Ends with config lines to paste. The exit code is 1 if there are errors: what
    cannot be read, and what makes training fail or score 0.00. Warnings and
    advice alone give 0.

    $ spacy global-pointer debug config.cfg --paths.train train.spacy --paths.dev dev.spacy

    $ spacy global-pointer debug train.jsonl --dev dev.jsonl --lang en
    """
    msg = Printer()
    import_code(code)
    try:
        if output is not None:
            check_output(output, "--output")
        if _is_config(inputs[0]):
            _check_options(context)
            with show_validation_error(inputs[0]):
                overrides = parse_config_overrides(inputs[1:])
                survey = debug_config(inputs[0], overrides, low=low, limit=limit)
        else:
            for name in inputs:
                if name.startswith("-") or _is_config(name):
                    raise ValueError(
                        "inputs must be one config (.cfg) with overrides, or data files only, was: "
                        f"{name}. See --help for the options of data files"
                    )
            survey = debug_data(
                inputs,
                dev or (),
                lang=lang,
                spans_key=spans_key,
                relations_key=relations_key,
                events_key=events_key,
                format=format,
                low=low,
                limit=limit,
            )
        n_errors = print_survey(msg, survey)
        if output is not None:
            write_json(survey.to_dict(), output)
            msg.good(f"Wrote {output}")
    except (ValueError, OSError, ImportError, NoSuchOption) as error:
        msg.fail("Debugging stopped", str(error), exits=1)
    if n_errors:
        raise typer.Exit(1)


def _is_config(name: str) -> bool:
    return name == "-" or name.endswith(".cfg")  # "-" reads one from standard input


def _check_options(context: typer.Context) -> None:
    """Refuse options of data files beside a config, which would do nothing."""
    for name in ("dev", "lang", "spans_key", "relations_key", "events_key", "format"):
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            value = context.params[name]
            shown = ", ".join(map(str, value)) if isinstance(value, list) else value
            raise ValueError(
                f"--{name.replace('_', '-')} must only be given with data files, was: {shown}. The "
                "config has its own: change it there or by overrides, such as --paths.dev "
                "dev.spacy or --nlp.lang zh"
            )
