"""`spacy global-pointer annotate`: spans for corpora of any size, in constant memory."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from ..inputs import Code, Gpu, use_gpu


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

    JSON lines keep their fields and get "spans", with offsets in characters and
    scores, and "relations" and "events" of them, where there are some, in place of
    their own. `spacy global-pointer convert` reads them. Blank lines are skipped.

    A run that was killed goes on when the same command is given again; not so with
    standard input or output. Bad lines are set aside in OUTPUT's neighbour
    *.rejected.jsonl, with the reason. Exit code 1: an error, or nothing annotated.

    $ spacy global-pointer annotate ./model-best texts/ news.jsonl.gz spans.jsonl
    """
    # It needs torch, and no other command has to wait for that.
    from ...annotator import Annotator
    from .engines import choose_engine
    from .run import Run, say
    from .shards import Output

    begun: list[Path] = []
    try:
        is_on_ray = engine == "ray"
        if not is_on_ray:
            use_gpu(gpu_id)
        elif output == Path("-"):
            raise ValueError("--engine ray needs files, was: -. To fix: name a folder or a file")
        form = to or ("spacy" if output.suffix == ".spacy" else "jsonl")
        run = Run(
            Annotator(
                model,
                spans_key=spans_key,
                relations_key=relations_key,
                events_key=events_key,
                soft_key=soft_key,
                soft_threshold=soft_threshold,
                uncertainty=uncertain > 0,
                batch_size=batch_size,
                gpu_id=(0 if num_gpus else -1) if is_on_ray else gpu_id,
                code=code,
            ),
            Output(output, form, Path(model).name, uncertain),
            choose_engine(engine, n_process, num_gpus, ray_address),
            shard_size=shard_size,
            strict=strict,
            overwrite=overwrite,
            silent=False,
        )
        begun.append(run.output.folder)
        run.go(inputs, format)
    except (KeyboardInterrupt, ValueError, OSError, ImportError, EOFError) as error:
        is_interrupt = isinstance(error, KeyboardInterrupt)
        # Of an error of the system, such as a full disk, only a user can tell the repair.
        can_go_on = not isinstance(error, ValueError) and any(folder.exists() for folder in begun)
        saved = "The same command goes on where it was last saved." if can_go_on else ""
        title = "Interrupted" if is_interrupt else "Annotation stopped"
        what = "" if is_interrupt else str(error) or type(error).__name__
        say("fail", title, f"{what}\n{saved}".strip())
        raise typer.Exit(130 if is_interrupt else 1) from None
    run.report()
    raise typer.Exit(0 if run.n_docs or run.n_known else 1)
