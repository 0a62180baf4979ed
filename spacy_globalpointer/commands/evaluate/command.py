"""`spacy global-pointer evaluate`: what a pipeline finds, what it does not, and how sure it is."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from spacy.cli._util import import_code
from typer import Argument, Option
from wasabi.printer import Printer

from ...corpora.messages import fit_screen
from ..inputs import (
    Code,
    Component,
    Gpu,
    Model,
    find_component,
    find_files,
    load_pipeline,
    read_examples,
    use_gpu,
)
from ..outputs import check_output, write_json, write_text
from .page import make_page
from .report import print_evaluation

# What judges the documents imports torch, and is imported when the command runs.

SETTINGS = ("spans_key", "threshold", "label_thresholds", "allow_overlap", "max_spans")
Data = Annotated[list[Path], Argument(help="Annotated .spacy files, or folders of them")]
Output = Annotated[Path | None, Option("--output", "-o", help="JSON file for all numbers")]
Html = Annotated[
    Path | None,
    Option(
        "--html",
        "-H",
        help="HTML file for the numbers, plots and worst errors; needs nothing beside it",
    ),
]
Worst = Annotated[int, Option("--worst", "-n", min=0, help="Worst errors in --output and --html")]


def evaluate_cli(
    model: Model,
    data: Data,
    output: Output = None,
    html: Html = None,
    component: Component = None,
    worst: Worst = 40,
    code: Code = None,
    gpu_id: Gpu = -1,
) -> None:
    """
    Score the spans that a pipeline finds: by label, length and nesting, with and without labels.

    Also which labels are taken for which, and whether the scores can be trusted:
    spans scored 0.9 should be right nine times out of ten. Scores down to 0.01 are
    looked at, and lower ones of gold spans. Components after this one do not run.

    The HTML page needs nothing beside it and shows the worst errors, gold and
    predicted spans side by side.

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
    """Score the spans that a pipeline finds, and write the report.

    model: folder or name of a package.
    data: annotated .spacy files, or folders of them.
    output, html: files to write, whole or not at all.
    component: name of the component; None where there is only one.
    worst (excerpts): errors in the report.
    silent: show no progress.
    RETURNS: what the JSON file holds.
    RAISES (ValueError): options, data or a pipeline that cannot be used. (OSError): what cannot be
        read or written.
    """
    from .evaluation import evaluate_spans
    from .judged import judge
    from .worst_errors import find_excerpts

    files = find_files(data, "DATA")
    if output is not None:
        check_output(output, "--output", files)
    if html is not None:
        check_output(html, "--html", [*files, *filter(None, [output])])
    nlp = load_pipeline(model)
    name, pipe = find_component(nlp, component)
    judgement = judge(nlp, name, read_examples(nlp, files, "DATA", silent))
    report = {
        "model": model,
        "data": [str(path) for path in data],
        "component": name,
        "lang": nlp.lang,
        "direction": nlp.vocab.writing_system.get("direction", "ltr"),
        **{setting: pipe.cfg[setting] for setting in SETTINGS},
        "documents": len(judgement.documents),
        "unannotated": judgement.unannotated,
        "notes": judgement.notes,
        **evaluate_spans(judgement),
        "worst": find_excerpts(judgement.documents, worst),
    }
    if html is not None:
        write_text(make_page(report), html)
    if output is not None:
        write_json(report, output)
    return report
