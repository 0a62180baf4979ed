"""Commands under `spacy global-pointer`; importing this module adds them to spaCy's own."""

import typer
from spacy.cli._util import app as spacy_app

from .convert import convert_cli

__all__ = ["app"]

app = typer.Typer(
    name="global-pointer",
    help="Nested, overlapping and flat entities: data for the global_pointer component.",
    no_args_is_help=True,
)
app.command("convert", no_args_is_help=True)(convert_cli)
spacy_app.add_typer(app)
