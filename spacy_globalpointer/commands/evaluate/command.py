"""`spacy global-pointer evaluate`: what a pipeline finds, what it does not, and how sure it is."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

from spacy.cli._util import import_code
from spacy.language import Language
from spacy.training import Example
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
from ..outputs import check_output, write_json, write_text
from .page import make_page
from .report import print_evaluation

# That a report has, where a component has them.
SETTINGS = (
    *("spans_key", "spans", "relations_key", "events_key", "trigger", "threshold"),
    *("label_thresholds", "allow_overlap", "max_spans", "symmetric", "max_distance", "type_pairs"),
    *("one_per_label", "max_relations", "max_arguments", "max_events"),
)


def evaluate_cli(
    model: Model,
    data: Annotated[list[Path], Argument(help="Annotated .spacy files, or folders of them")],
    output: Annotated[
        Path | None, Option("--output", "-o", help="JSON file for all numbers")
    ] = None,
    html: Annotated[
        Path | None,
        Option(
            "--html",
            "-H",
            help="HTML file for the numbers, plots and worst errors; needs nothing beside it",
        ),
    ] = None,
    component: AnyComponent = None,
    worst: Annotated[
        int, Option("--worst", "-n", min=0, help="Worst errors in --output and --html")
    ] = 40,
    code: Code = None,
    gpu_id: Gpu = -1,
) -> None:
    """
    Score the spans that a pipeline finds: by label, length and nesting, with and without labels.

    Also which labels are taken for which, and whether the scores can be trusted:
    spans scored 0.9 should be right nine times out of ten. Scores down to 0.01 are
    looked at, and lower ones of gold spans. Components after this one do not run.

    The same of relations: by label and distance, with the kinds of errors, and what
    they would score if the gold spans were given. Of events: whole events by type,
    arguments by role, and what is wrong with an event or lost of it.

    The HTML page needs nothing beside it and shows the worst errors, gold and
    predicted side by side.

    $ spacy global-pointer evaluate ./model-best test.spacy --html errors.html
    """
    msg = Printer()
    try:
        import_code(code)
        use_gpu(gpu_id, silent=False)
        report = evaluate(model, data, output, html, component=component, worst=worst, silent=False)
    except (ValueError, OSError, ImportError) as error:
        msg.fail("Evaluation stopped", fit_screen(str(error)), exits=1)
    print_evaluation(msg, report)
    for path in filter(None, (output, html)):
        msg.good(f"Wrote {path}")


def evaluate(
    model: str,
    data: Sequence[Path],
    output: Path | None = None,
    html: Path | None = None,
    *,
    component: str | None = None,
    worst: int = 40,
    silent: bool = True,
) -> dict[str, Any]:
    """Score the spans that a pipeline finds, and write the report, which is what it returns.

    The arguments are those of the command; nothing is written if anything is wrong.

    RAISES (ValueError): options, data or a pipeline that cannot be used. (OSError): what cannot be
        read or written.
    """
    files = find_files(data, "DATA")
    if output is not None:
        check_output(output, "--output", files)
    if html is not None:
        check_output(html, "--html", [*files, *filter(None, [output])])
    nlp = load_pipeline(model)
    report = {
        "model": model,
        "data": [str(path) for path in data],
        "lang": nlp.lang,
        "direction": nlp.vocab.writing_system.get("direction", "ltr"),
        **_evaluate_all(nlp, component, files, worst, silent),
    }
    if html is not None:
        write_text(make_page(report), html)
    if output is not None:
        write_json(report, output)
    return report


def _evaluate_all(
    nlp: Language, component: str | None, files: Sequence[Path], worst: int, silent: bool
) -> dict[str, Any]:
    """The parts of the report: spans at its top, relations and events in parts of their own.

    What is not annotated is left out with a note, unless it is all.
    """
    # They import torch, and no other command has to wait for that.
    from ...pipeline.event_pointer import EventPointer
    from ...pipeline.relation_pointer import RelationPointer
    from ..comparison import NoGoldError

    parts: dict[str, Any] = {}
    left_out = []
    pipes = find_components(nlp, component)
    for name, pipe in pipes.items():
        examples = read_examples(nlp, files, "DATA", silent)
        try:
            if isinstance(pipe, RelationPointer):
                parts["relations"] = _evaluate_relations(nlp, name, examples, worst)
            elif isinstance(pipe, EventPointer):
                parts["events"] = _evaluate_events(nlp, name, examples, worst)
            else:
                parts.update(_evaluate_spans(nlp, name, examples, worst))
        except NoGoldError as error:
            left_out.append(error)
            if len(left_out) == len(pipes):
                raise left_out[0] from None
    notes = [f"Not scored: {error}" for error in left_out]
    return {**parts, "notes": [*notes, *parts.get("notes", [])]}


def _evaluate_spans(
    nlp: Language, name: str, examples: Iterable[Example], worst: int
) -> dict[str, Any]:
    from .evaluation import evaluate_spans
    from .judged import judge
    from .worst_errors import describe_excerpt, find_excerpts, find_span_errors

    judgement = judge(nlp, name, examples)
    errors = find_span_errors(judgement.documents)
    return {
        **_describe_component(nlp, name),
        **judgement.describe(),
        **evaluate_spans(judgement),
        "worst": find_excerpts(errors, worst, describe_excerpt),
    }


def _evaluate_relations(
    nlp: Language, name: str, examples: Iterable[Example], worst: int
) -> dict[str, Any]:
    from .judged_relations import judge_relations
    from .relation_evaluation import evaluate_relations
    from .worst_relations import find_relation_excerpts

    judgement = judge_relations(nlp, name, examples)
    settings = _describe_component(nlp, name)
    symmetric = settings["symmetric"]
    return {
        **settings,
        **judgement.describe(),
        **evaluate_relations(judgement, symmetric),
        "worst": find_relation_excerpts(judgement.documents, symmetric, worst),
    }


def _evaluate_events(
    nlp: Language, name: str, examples: Iterable[Example], worst: int
) -> dict[str, Any]:
    from .event_evaluation import evaluate_events
    from .judged_events import judge_events
    from .worst_events import find_event_excerpts

    judgement = judge_events(nlp, name, examples)
    return {
        **_describe_component(nlp, name),
        **judgement.describe(),
        **evaluate_events(judgement),
        "worst": find_event_excerpts(judgement.documents, worst),
    }


def _describe_component(nlp: Language, name: str) -> dict[str, Any]:
    """Its name and settings."""
    cfg: dict[str, Any] = nlp.get_pipe(name).cfg  # type: ignore[attr-defined]
    return {"component": name, **{x: cfg[x] for x in SETTINGS if x in cfg}}
