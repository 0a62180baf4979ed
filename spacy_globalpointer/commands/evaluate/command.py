"""`spacy global-pointer evaluate`: what a pipeline finds, what it does not, and how sure it is."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from spacy.cli._util import import_code
from typer import Argument, Option
from wasabi.printer import Printer

from ...corpora.messages import fit_screen
from ..inputs import Code, Component, Gpu, Model, find_files, load_component, read_examples, use_gpu
from ..outputs import check_output, write_json, write_text
from .page import make_page
from .report import print_evaluation

SETTINGS = ("spans_key", "threshold", "label_thresholds", "allow_overlap", "max_spans")


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
    component: Component = None,
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
    """Score the spans that a pipeline finds, and write the report, which is what it returns.

    The arguments are those of the command; nothing is written if anything is wrong.

    RAISES (ValueError): options, data or a pipeline that cannot be used. (OSError): what cannot be
        read or written.
    """
    # They import torch, and no other command has to wait for that.
    from .evaluation import evaluate_spans
    from .judged import judge
    from .worst_errors import find_excerpts

    files = find_files(data, "DATA")
    if output is not None:
        check_output(output, "--output", files)
    if html is not None:
        check_output(html, "--html", [*files, *filter(None, [output])])
    nlp, name, pipe = load_component(model, component)
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
