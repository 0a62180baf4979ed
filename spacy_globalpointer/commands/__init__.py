"""Commands under `spacy global-pointer`; importing this module adds them to spaCy's own."""

import typer
from spacy.cli._util import app as spacy_app

from .annotate.command import annotate_cli
from .convert import convert_cli
from .debug.command import CONTEXT as DEBUG_CONTEXT
from .debug.command import debug_cli
from .evaluate.command import evaluate_cli
from .init_config import init_config_cli
from .render.command import render_cli
from .tune.command import tune_cli

__all__ = ["app"]

app = typer.Typer(
    name="global-pointer",
    help="Nested, overlapping and flat entities: tools for global_pointer.",
    no_args_is_help=True,
)
app.command("annotate", no_args_is_help=True)(annotate_cli)
app.command("convert", no_args_is_help=True)(convert_cli)
app.command("debug", no_args_is_help=True, context_settings=DEBUG_CONTEXT)(debug_cli)
app.command("evaluate", no_args_is_help=True)(evaluate_cli)
app.command("init-config", no_args_is_help=True)(init_config_cli)
app.command("render", no_args_is_help=True)(render_cli)
app.command("tune", no_args_is_help=True)(tune_cli)
spacy_app.add_typer(app)
