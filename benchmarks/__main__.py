"""`python -m benchmarks`, in a clone: time and memory beside the peers, as JSON, plots, tables."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option
from wasabi import msg

# The folder can also be run by its path, from any working directory.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
# The measuring modules are imported when a command runs: no other command has to wait for them.

app = typer.Typer(
    name="python -m benchmarks",
    help="Measure time and memory beside the peers. Needs the extra: spacy-globalpointer[bench]",
    no_args_is_help=True,
)
Output = Annotated[Path, Argument(help="JSON file to write; plots go beside it", dir_okay=False)]
Repeats = Annotated[int, Option(help="Rounds in which all systems take turns", min=1)]
Seed = Annotated[int, Option(help="Of the random numbers")]
Memory = Annotated[bool, Option(help="Also measure peak memory (Linux), in processes of their own")]
# Elsewhere peak memory cannot be measured, and the rest would be lost with it.
LINUX = sys.platform == "linux"


@app.command("heads", no_args_is_help=True)
def heads_cli(
    output: Output,
    shape: Annotated[
        list[str] | None,
        Option(help="documents x tokens x labels, such as 8x256x10; can be repeated"),
    ] = None,
    hidden: Annotated[int, Option(help="Width of the hidden states", min=1)] = 96,
    repeats: Repeats = 5,
    seed: Seed = 0,
    memory: Memory = LINUX,
) -> None:
    """Loss and gradient of a head, factored against dense and against bert4torch.

    Example: python -m benchmarks heads heads.json --shape 8x256x10
    """
    from benchmarks.heads import SHAPES, measure_heads

    shapes = [_read_shape(text) for text in shape] if shape else SHAPES
    with _clear_errors():
        measure_heads(
            output,
            shapes=shapes,
            hidden=hidden,
            repeats=repeats,
            seed=seed,
            memory=memory,
            log=msg.info,
        )
        _draw(output)


@app.command("pipeline", no_args_is_help=True)
def pipeline_cli(
    output: Output,
    data: Annotated[
        Path | None,
        Option(help="Folder or file, .spacy or JSON lines; generated if not set", exists=True),
    ] = None,
    lang: Annotated[str, Option(help="Language of the texts of --data")] = "xx",
    documents: Annotated[int, Option(help="Most documents of each corpus", min=1)] = 1000,
    repeats: Repeats = 5,
    seed: Seed = 0,
    memory: Memory = LINUX,
) -> None:
    """Words per second and memory of whole pipelines: ours, spancat, ner, a CRF, the encoder alone.

    Example: python -m benchmarks pipeline pipeline.json --data corpus --lang en
    """
    from benchmarks.pipeline import measure_pipelines

    with _clear_errors():
        measure_pipelines(
            output,
            data=data,
            lang=lang,
            documents=documents,
            repeats=repeats,
            seed=seed,
            memory=memory,
            log=msg.info,
        )
        _draw(output)


@app.command("scaling", no_args_is_help=True)
def scaling_cli(
    output: Output, repeats: Repeats = 5, seed: Seed = 0, memory: Memory = LINUX
) -> None:
    """How time and memory of the head grow with labels, tokens and documents.

    Example: python -m benchmarks scaling scaling.json
    """
    from benchmarks.scaling import measure_scaling

    with _clear_errors():
        measure_scaling(output, repeats=repeats, seed=seed, memory=memory, log=msg.info)
        _draw(output)


@app.command("joined", no_args_is_help=True)
def joined_cli(
    output: Annotated[Path, Argument(help="JSON file to write", dir_okay=False)],
    data: Annotated[Path, Argument(help="Folder with a folder for each corpus", exists=True)],
    corpus: Annotated[list[str], Option(help="Name and language, such as genia:en; repeatable")],
    seeds: Annotated[int, Option(help="Training runs of each system", min=1)] = 1,
    passes: Annotated[int, Option(help="Over the training texts", min=1)] = 4,
    limit: Annotated[int, Option(help="Training texts", min=1)] = 4000,
) -> None:
    """F1 on documents of 1 to 100 texts in a row, of pipelines that were trained on single texts.

    Example: python -m benchmarks joined joined.json data --corpus genia:en
    """
    from benchmarks.joined import measure_joined

    with _clear_errors():
        measure_joined(
            output, data, corpus, seeds=range(seeds), passes=passes, limit=limit, log=msg.info
        )


@app.command("label-sets", no_args_is_help=True)
def label_sets_cli(
    output: Annotated[Path, Argument(help="JSON file to write", dir_okay=False)],
    data: Annotated[Path, Argument(help="Folder with a folder for each corpus", exists=True)],
    corpus: Annotated[
        list[str], Option(help="Name and language, such as genia:en; a single one is split")
    ],
    seeds: Annotated[int, Option(help="Training runs of each way", min=1)] = 1,
    seed: Annotated[int, Option(help="The first seed")] = 0,
    passes: Annotated[int, Option(help="Over the training texts", min=1)] = 5,
    limit: Annotated[int, Option(help="Training texts of each corpus", min=1)] = 4000,
) -> None:
    """F1 of one component for corpora with different labels, against each corpus alone.

    Example: python -m benchmarks label-sets sets.json data --corpus genia:en --corpus gum:en
    """
    from benchmarks.label_sets import measure_label_sets

    runs = range(seed, seed + seeds)
    with _clear_errors():
        measure_label_sets(
            output, data, corpus, seeds=runs, passes=passes, limit=limit, log=msg.info
        )


@app.command("oracle", no_args_is_help=True)
def oracle_cli(
    output: Annotated[Path, Argument(help="JSON file to write", dir_okay=False)],
    data: Annotated[Path, Argument(help="Folder with a folder for each corpus", exists=True)],
    corpus: Annotated[list[str], Option(help="Name of a corpus with events; repeatable")],
    repeats: Repeats = 5,
    seed: Seed = 0,
) -> None:
    """Exact events decoded from gold edges, by our decoding and the published one.

    Example: python -m benchmarks oracle oracle.json data --corpus casie
    """
    from benchmarks.event_oracle import measure_oracle

    with _clear_errors():
        measure_oracle(output, data, corpus, repeats=repeats, seed=seed, log=msg.info)


@app.command("sweep", no_args_is_help=True)
def sweep_cli(
    folder: Annotated[Path, Argument(help="Folder with sweep.json; results go there", exists=True)],
    data: Annotated[Path, Argument(help="Folder with a folder for each corpus", exists=True)],
    corpus: Annotated[str | None, Option(help="Only the runs on this corpus")] = None,
    encoder: Annotated[
        str | None, Option(help="Name or folder of the encoder of systems with a transformer")
    ] = None,
    workers: Annotated[int, Option(help="Runs at a time, one thread each", min=1)] = 2,
) -> None:
    """Train and score every system on every corpus; what has a result is not run again.

    Example: python -m benchmarks sweep docs/results data --corpus genia
    """
    from benchmarks.sweep import run_sweep

    with _clear_errors():
        run_sweep(folder, data, corpus=corpus, encoder=encoder, workers=workers, log=msg.info)


@app.command("table", no_args_is_help=True)
def table_cli(
    page: Annotated[Path, Argument(help="Markdown file with BENCH marks", exists=True)],
    folders: Annotated[list[Path], Argument(help="Folders of reports or of a sweep", exists=True)],
) -> None:
    """Fill the tables of a page from the reports of folders, and draw their plots again.

    Example: python -m benchmarks table README.md docs/bench docs/results
    """
    from benchmarks.joint_tables import find_tables, make_joint_tables
    from benchmarks.markdown import fill_page
    from benchmarks.option_tables import compares_options, make_option_table
    from benchmarks.plots import draw, draw_rows
    from benchmarks.results import make_tables, read_rows
    from benchmarks.sweep import SWEEP
    from benchmarks.tables import make_table, read_reports

    tables: dict[str, str] = {}
    with _clear_errors():
        for folder in folders:
            if (folder / SWEEP).exists() and (name := find_tables(folder)):
                tables.update(make_joint_tables(folder, name))
            elif (folder / SWEEP).exists() and compares_options(folder):
                tables["options"] = make_option_table(folder)
            elif (folder / SWEEP).exists():
                rows = read_rows(folder)
                tables.update(make_tables(rows))
                draw_rows(rows, folder)
            else:
                reports = read_reports(folder)
                tables.update({name: make_table(report) for name, report in reports.items()})
                for report in reports.values():
                    draw(report, folder)
        page.write_text(fill_page(page.read_text(encoding="utf8"), tables), encoding="utf8")
    msg.good(f"Filled {page} from {len(tables)} tables")


@contextmanager
def _clear_errors() -> Iterator[None]:
    """Show what is wrong, and what to install, without a traceback."""
    try:
        yield
    except ModuleNotFoundError as error:
        msg.fail(str(error), 'To fix: pip install "spacy-globalpointer[bench]"', exits=1)
    except (ImportError, OSError, ValueError) as error:
        msg.fail(str(error), exits=1)


def _draw(output: Path) -> None:
    from benchmarks.plots import draw
    from benchmarks.tables import read_report

    for path in (output, *draw(read_report(output), output.parent)):
        msg.good(f"Wrote {path}")


def _read_shape(text: str) -> tuple[int, int, int]:
    match = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)x([1-9]\d*)", text)
    if match is None:
        raise typer.BadParameter(
            f"a shape must be documents x tokens x labels, such as 8x256x10, was: {text!r}"
        )
    documents, tokens, labels = map(int, match.groups())
    return documents, tokens, labels


if __name__ == "__main__":
    app()
