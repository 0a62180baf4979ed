"""`spacy global-pointer annotate`: spans for corpora of any size, in constant memory."""

from pathlib import Path
from typing import Annotated

import typer
from spacy.cli._util import import_code
from typer import Argument, Option

from ..inputs import Code, Gpu, use_gpu
from .resumable import STDOUT, Progress, journal_of, rejected_of
from .run import say


def annotate_cli(
    model: Annotated[str, Argument(help="Name of a pipeline's package, or its folder")],
    inputs: Annotated[
        list[Path],
        Argument(
            help="Files, folders of them, or - for standard input: .txt (a document a line), "
            ".jsonl, both also as .gz, and .spacy",
            allow_dash=True,
        ),
    ],
    output: Annotated[
        Path,
        Argument(
            help="A .jsonl file, a folder that ends in .spacy (filled with parts 000001.spacy, "
            "...: a .spacy file must fit into memory), or - for JSON lines on standard output",
            allow_dash=True,
        ),
    ],
    format: Annotated[
        str,
        Option(
            "--format",
            "-f",
            help="Of - and of files with another suffix: txt, jsonl, or auto (only -)",
        ),
    ] = "auto",
    spans_key: Annotated[
        str | None,
        Option("--spans-key", "-k", help="Group to write; if not set, of each global_pointer"),
    ] = None,
    relations_key: Annotated[
        str | None,
        Option(
            "--relations-key",
            "-r",
            help="Group of relations to write, where documents have it; if not set, of each "
            "component with a relations_key, or else relations",
        ),
    ] = None,
    events_key: Annotated[
        str | None,
        Option(
            "--events-key",
            "-e",
            help="Group of events to write, where documents have it; if not set, of each component "
            "with an events_key, or else events",
        ),
    ] = None,
    soft_key: Annotated[
        str | None,
        Option(
            help="Write soft labels into this group, for soft_spans_key of a component that learns "
            "from them: spans from --soft-threshold on with their probabilities. Spans of .spacy "
            "documents stay; lines with spans are refused"
        ),
    ] = None,
    soft_threshold: Annotated[
        float, Option(help="Lowest probability of soft labels; whatever is below counts as 0")
    ] = 0.01,
    code: Code = None,
    gpu_id: Gpu = -1,
    batch_size: Annotated[
        int, Option("--batch-size", "-b", min=1, help="Documents a batch; fewer if they are long")
    ] = 256,
    n_process: Annotated[
        int, Option("--n-process", "-n", min=-1, help="Number of processes; -1 for one a core")
    ] = 1,
    part_size: Annotated[
        int,
        Option(min=1, help="Most documents of a part of .spacy output (or 4 million characters)"),
    ] = 10_000,
    save_every: Annotated[
        float,
        Option(min=0, help="Seconds after which a killed run can go on; .spacy: after each part"),
    ] = 10.0,
    strict: Annotated[bool, Option("--strict", help="Stop at the first bad line")] = False,
    overwrite: Annotated[
        bool, Option("--overwrite", "-F", help="Start anew, whatever is there")
    ] = False,
) -> None:
    """
    Find spans in large corpora, in constant memory.

    JSON lines keep their fields and get "spans", with offsets in characters and
    scores, and "relations" and "events" of them, where there are some, in place of
    their own. `spacy global-pointer convert` reads them. Blank lines are skipped.

    A run that was killed goes on when the same command is given again; not so with
    standard input or output. Bad lines are set aside in OUTPUT's neighbour
    *.rejected.jsonl, with the reason. Exit code 1: an error, or nothing annotated.

    $ spacy global-pointer annotate ./model-best texts/ news.jsonl.gz spans.jsonl
    """
    # It needs torch, and no other command has to wait for that.
    from .corpus import annotate

    try:
        import_code(code)
        use_gpu(gpu_id)
        progress = annotate(
            model,
            inputs,
            output,
            format=format,
            spans_key=spans_key,
            relations_key=relations_key,
            events_key=events_key,
            soft_key=soft_key,
            soft_threshold=soft_threshold,
            batch_size=batch_size,
            n_process=n_process,
            part_size=part_size,
            save_every=save_every,
            strict=strict,
            overwrite=overwrite,
            silent=False,
        )
    except KeyboardInterrupt:
        say("fail", "Interrupted", _describe_saved(output))
        raise typer.Exit(130) from None
    except (ValueError, OSError, ImportError, EOFError) as error:
        # Of an error of the system, such as a full disk, only a user can tell the repair.
        saved = _describe_saved(output) if isinstance(error, OSError) else ""
        say("fail", "Annotation stopped", f"{str(error) or type(error).__name__}\n{saved}".strip())
        raise typer.Exit(1) from None
    _report(progress, output)
    raise typer.Exit(0 if progress.n_docs else 1)


def _describe_saved(output: Path) -> str:
    can_go_on = journal_of(output).exists()
    return "The same command goes on where it was last saved." if can_go_on else ""


def _report(progress: Progress, output: Path) -> None:
    where = "" if output == STDOUT else f": {output}"
    if progress.n_rejected:
        aside = "" if output == STDOUT else f" and set aside in {rejected_of(output)}"
        say("warn", f"{progress.n_rejected:,} bad lines were left out{aside}")
    if progress.n_docs:
        counts = f"{progress.n_docs:,} documents with {progress.n_words:,} words"
        say("good", f"Annotated {counts}{where}")
    else:
        say("fail", "No document was annotated", f"There was none in the input{where} not written")
