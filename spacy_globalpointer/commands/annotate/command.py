"""`spacy global-pointer annotate`: spans for corpora of any size, in constant memory."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from ..inputs import Code, Gpu, use_gpu

if TYPE_CHECKING:
    from .run import Totals
    from .shards import Output


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
            help="A folder of files with --shard-size documents each; one file that ends in .jsonl "
            "(or .json, for label-studio); or - for JSON lines on standard output",
            allow_dash=True,
        ),
    ],
    to: Annotated[
        str | None,
        Option(
            help="Form of the output: jsonl, spacy, doccano, label-studio, prodigy, or brat; if "
            "not set, spacy for a folder that ends in .spacy, otherwise jsonl"
        ),
    ] = None,
    uncertain: Annotated[
        int,
        Option(min=0, help="Write only so many documents, the least certain first; 0 for all"),
    ] = 0,
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
        int,
        Option(
            "--n-process",
            "-n",
            min=-1,
            help="Number of processes, or of workers of Ray; -1 for one a core",
        ),
    ] = 1,
    shard_size: Annotated[
        int,
        Option(
            min=1,
            help="Most documents that are written at once (or 4 MB): a killed run loses so many",
        ),
    ] = 1000,
    engine: Annotated[str, Option(help="Who works: local or ray")] = "local",
    num_gpus: Annotated[float, Option(min=0, help="GPUs of each worker of Ray")] = 0.0,
    ray_address: Annotated[
        str | None, Option(help="Cluster of Ray; if not set, RAY_ADDRESS or this machine")
    ] = None,
    strict: Annotated[bool, Option("--strict", help="Stop at the first bad line")] = False,
    overwrite: Annotated[
        bool, Option("--overwrite", "-F", help="Start anew, whatever is there")
    ] = False,
) -> None:
    """
    Find spans in large corpora, in constant memory.

    JSON lines keep their fields and get "tokens", "spans" with offsets in characters
    and scores, and "relations" and "events", if there are some, in place of their own.
    `spacy global-pointer convert` reads them. Blank lines are skipped.

    A run that was killed goes on when the same command is given again; not so with
    standard input or output. Bad lines are set aside, with the reason, in OUTPUT's
    neighbour *.rejected.jsonl, or beside the files of a folder. Exit code 1: an
    error, or nothing annotated.

    $ spacy global-pointer annotate ./model-best texts/ news.jsonl.gz spans.jsonl
    """
    # It needs torch, and no other command has to wait for that.
    from ...annotator import Annotator
    from .cluster import run_on_ray
    from .engines import choose_engine
    from .run import annotate, say
    from .shards import Output

    target = None
    try:
        if engine not in ("local", "ray") or (engine == "ray" and output == Path("-")):
            raise ValueError(
                f"--engine must be local, or ray for an output of files, was: {engine!r} for "
                f"{output}. To fix: leave it out, or name a file"
            )
        is_local = engine == "local"
        use_gpu(gpu_id if is_local else -1)
        annotator = Annotator(
            model,
            spans_key=spans_key,
            relations_key=relations_key,
            events_key=events_key,
            soft_key=soft_key,
            soft_threshold=soft_threshold,
            uncertainty=uncertain > 0,
            batch_size=batch_size,
            gpu_id=gpu_id if is_local else 0 if num_gpus else -1,
            code=code,
        )
        run = choose_engine(n_process)
        if not is_local:
            run = partial(run_on_ray, n_process=n_process, num_gpus=num_gpus, address=ray_address)
        to = to or ("spacy" if output.suffix == ".spacy" else "jsonl")
        target = Output(output, to, Path(model).name, uncertain)
        totals = annotate(
            annotator,
            inputs,
            target,
            run,
            format=format,
            shard_size=shard_size,
            strict=strict,
            overwrite=overwrite,
            silent=False,
        )
    except (KeyboardInterrupt, ValueError, OSError, ImportError, EOFError) as error:
        # Of an error of the system, such as a full disk, only a user can tell the repair.
        can_go_on = target and target.folder.exists() and not isinstance(error, ValueError)
        saved = "The same command goes on where it was last saved." if can_go_on else ""
        if isinstance(error, KeyboardInterrupt):
            say("fail", "Interrupted", saved)
            raise typer.Exit(130) from None
        say("fail", "Annotation stopped", f"{str(error) or type(error).__name__}\n{saved}".strip())
        raise typer.Exit(1) from None
    _report(totals, target)
    raise typer.Exit(0 if totals.n_docs or totals.n_before else 1)


def _report(totals: "Totals", output: "Output") -> None:
    from .run import say

    for note, n in output.notes.most_common():
        say("info", f"{note} ({n:,} documents)")
    is_stream = output.path == Path("-")
    where = "" if is_stream else f": {output.path}"
    if totals.n_rejected:
        place = output.rejected if output.is_joined else output.folder / "*.rejected"
        aside = "" if is_stream else f" and set aside in {place}"
        say("warn", f"{totals.n_rejected:,} bad lines were left out{aside}")
    counts = f"{totals.n_docs:,} documents with {totals.n_words:,} words"
    if totals.n_before:
        say("good", f"Annotated {counts}, beside {totals.n_known:,} parts that were there{where}")
    elif totals.n_docs:
        say("good", f"Annotated {counts}{where}")
    else:
        say("fail", "No document was annotated", f"There was none in the input{where} not written")
