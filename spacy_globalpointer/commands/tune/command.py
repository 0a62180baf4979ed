"""`spacy global-pointer tune`: the best thresholds of a trained pipeline, from one prediction."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

from spacy.cli._util import import_code
from spacy.language import Language
from typer import Argument, Option
from wasabi.printer import Printer

from ...messages import fit_screen
from ..inputs import (
    AnyComponent,
    Code,
    Gpu,
    Model,
    find_components,
    find_files,
    load_pipeline,
    read_examples,
    use_gpu,
)
from ..outputs import new_folder, write_json
from .objectives import OBJECTIVES, PRESENT, Options
from .plot import draw
from .report import make_report, print_report

# Of the reports (.json) and plots (.svg).
NAMES = {
    "spans": "thresholds",
    "relations": "relation_thresholds",
    "events": "event_thresholds",
}


def tune_cli(
    model: Model,
    dev: Annotated[
        list[Path], Argument(help="Annotated .spacy files that it was not trained on, or folders")
    ],
    output: Annotated[
        Path, Option("--output", "-o", help="Folder for the pipeline with its new thresholds")
    ],
    component: AnyComponent = None,
    objective: Annotated[
        str,
        Option(
            "--objective",
            "-O",
            help=f"Which thresholds are written: {', '.join(OBJECTIVES)}. auto: precision with "
            "--precision; otherwise per-label or global if their F1 in cross-fitting, on documents "
            "that the thresholds were not chosen on, is better beyond noise than that of all "
            "simpler ones, else the present ones",
        ),
    ] = "auto",
    precision: Annotated[
        float | None,
        Option(help="Wanted micro precision in (0, 1]: finds the best recall that has it"),
    ] = None,
    lowest: Annotated[
        float, Option(help="What scores below this is never a candidate, no threshold goes below")
    ] = 0.01,
    min_count: Annotated[
        int,
        Option(min=1, help="Labels with fewer gold spans or relations keep the global threshold"),
    ] = 20,
    folds: Annotated[int, Option(min=2, help="Parts of the documents in cross-fitting")] = 5,
    force: Annotated[bool, Option("--force", help="Replace the pipeline in --output")] = False,
    plot: Annotated[
        bool,
        Option(help="Draw thresholds.svg and the like, if there is matplotlib"),
    ] = True,
    code: Code = None,
    gpu_id: Gpu = -1,
) -> None:
    """
    Find the thresholds that are best on annotated data, and write the pipeline with them.

    The documents are predicted once; then the best thresholds are found
    exactly: one for all labels (global), those of the labels that together
    have the best micro F1 (per-label), those with the best F1 of each label
    (macro), and the one with the best recall at a wanted precision.
    With allow_overlap = false only those for all labels.

    Spans come first, then relations and events, between the spans that are found
    with their new thresholds. Of events, per-label is one threshold for all roles and
    one for the links that tell events with one trigger apart.

    The folder also gets a report, thresholds.json, and a plot, thresholds.svg; of
    relations relation_thresholds.json and .svg, of events event_thresholds.json and
    .svg. Scores of new thresholds are written into meta.json.

    $ spacy global-pointer tune training/model-best dev.spacy --output tuned
    """
    msg = Printer()
    options = Options(objective, precision, min_count, folds, True)
    try:
        import_code(code)
        use_gpu(gpu_id, silent=False)
        files = find_files(dev, "DEV")
        with new_folder(output, force) as folder:
            nlp = load_pipeline(model)
            about = {"model": model, "dev": [str(path) for path in dev]}
            reports, notes = _tune_all(nlp, component, files, about, options, lowest)
            nlp.to_disk(folder)
            for report in reports:
                write_json(report, folder / f"{NAMES[report['what']]}.json")
                if plot:
                    with suppress(ImportError):  # said below
                        draw(report, folder / f"{NAMES[report['what']]}.svg")
    except (ValueError, OSError, ImportError) as error:
        msg.fail("Tuning stopped", fit_screen(str(error)), exits=1)
    for note in notes:
        msg.warn(note)
    for report in reports:
        print_report(msg, report)
    _print_made(msg, output, reports, plot)


def _tune_all(
    nlp: Language,
    component: str | None,
    files: Sequence[Path],
    about: dict[str, Any],
    options: Options,
    lowest: float,
) -> tuple[list[dict[str, Any]], list[str]]:
    """Give each component its thresholds, in the order of the pipeline.

    So relations and events are tuned between the spans that are found with the tuned thresholds.
    Components without gold are left out with a note, unless all are.

    about: what each report begins with.
    RETURNS: a report of each component, as in the JSON files, and the notes.
    """
    # They import torch, and no other command has to wait for that.
    from ...pipeline.event_edges import SAME_EVENT
    from ...pipeline.event_pointer import EventPointer
    from ..comparison import NoGoldError
    from .candidates import find_candidates
    from .event_candidates import find_event_candidates
    from .tuned import set_thresholds, write_scores

    reports: list[dict[str, Any]] = []
    left_out = []
    pipes = find_components(nlp, component)
    each = {
        name: options._replace(
            allow_overlap=pipe.cfg.get("allow_overlap", True),
            has_links=SAME_EVENT in pipe.labels if isinstance(pipe, EventPointer) else None,
        )
        for name, pipe in pipes.items()
    }
    for name, own in each.items():
        own.check(name)
    for name, own in each.items():
        find = find_candidates if own.has_links is None else find_event_candidates
        try:
            found = find(nlp, name, read_examples(nlp, files, "DEV", False), lowest)
        except NoGoldError as error:
            left_out.append(error)
            if len(left_out) == len(pipes):
                raise left_out[0] from None
            continue
        report = {
            **about,
            "component": name,
            "what": found.source.account.what,
            **own._asdict(),
            "unannotated": found.unannotated,
            "notes": found.notes,
            **make_report(found.candidates, found.present, own),
        }
        reports.append(report)
        set_thresholds(nlp, name, report)
        # The scores of relations are others, too, if there are other spans.
        if any(other["written"] != PRESENT for other in reports):
            write_scores(nlp, report, found)
    return reports, [f"Not tuned: {error}" for error in left_out]


def _print_made(msg: Printer, output: Path, reports: Sequence[dict[str, Any]], plot: bool) -> None:
    """Say what was written, and what was not."""
    names = [f"{NAMES[report['what']]}.{kind}" for report in reports for kind in ("json", "svg")]
    *others, last = (name for name in names if (output / name).exists())
    listed = f"{', '.join(others)} and {last}" if others else last
    msg.good(f"Wrote {output}, with {listed} in it")
    if plot and not last.endswith(".svg"):
        msg.warn(
            "No plot: it needs matplotlib. To fix: pip install "
            '"spacy-globalpointer[plots]", or --no-plot'
        )
