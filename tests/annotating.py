"""The command `annotate` as a function, for tests."""

from pathlib import Path

from spacy_globalpointer import Annotator
from spacy_globalpointer.commands.annotate import run
from spacy_globalpointer.commands.annotate.engines import choose_engine
from spacy_globalpointer.commands.annotate.shards import Output

OF_ANNOTATOR = ("code", "spans_key", "relations_key", "events_key", "soft_key", "soft_threshold")


def annotate(
    model, inputs, output, *, to=None, uncertain=0, n_process=1, batch_size=256, **options
):
    """Annotate files, with the defaults of the command."""
    own = {key: options.pop(key) for key in OF_ANNOTATOR if key in options}
    annotator = Annotator(model, batch_size=batch_size, uncertainty=uncertain > 0, **own)
    to = to or ("spacy" if Path(output).suffix == ".spacy" else "jsonl")
    target = Output(output, to, Path(model).name, uncertain)
    return run.annotate(annotator, inputs, target, choose_engine(n_process), **options)
