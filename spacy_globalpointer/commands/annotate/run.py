"""One run: from the shards of the input to an output."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from spacy.util import get_package_path, is_package
from tqdm import tqdm
from wasabi.printer import Printer

from ...annotator import Annotator
from ...corpora import dump_json
from ...corpora.sources import STDIN, Source, list_sources
from ...corpora.stream import Shard, split_sources
from ...messages import fit_screen
from .engines import Engine, run_here
from .shards import STDOUT, Output
from .work import Done, Work

# Bad lines that are shown one by one; the rest is only counted.
SHOWN = 10


def say(kind: str, title: str, text: str = "") -> None:
    """Show a message above the progress bar, on standard error: output may go to standard output.

    kind: "good", "info", "warn" or "fail", as in wasabi.
    """
    message = getattr(Printer(no_print=True), kind)(fit_screen(title), fit_screen(text))
    tqdm.write(message, file=sys.stderr)


@dataclass
class Totals:
    """What a run has done: documents, words, bad lines, shards.

    n_known, n_before: shards, and documents in them, of earlier runs.
    """

    n_docs: int = 0
    n_words: int = 0
    n_rejected: int = 0
    n_shards: int = 0
    n_known: int = 0
    n_before: int = 0


def annotate(
    annotator: Annotator,
    inputs: Sequence[Path],
    output: Output,
    engine: Engine = run_here,
    *,
    format: str = "auto",
    shard_size: int = 1000,
    strict: bool = False,
    overwrite: bool = False,
    silent: bool = True,
) -> Totals:
    """Write the documents of any number of files with the spans that a pipeline finds in them.

    inputs, format: as of list_sources.
    engine: who works.
    shard_size (documents): at most, of a shard.
    strict: stop at the first bad line.
    overwrite: start anew, whatever is there.
    silent: show nothing.
    RAISES (ValueError): an input, output or model that cannot be used, an input that changes, a bad
        line if strict.
    """
    totals, is_stream = Totals(), output.path == STDOUT
    sources = list_sources(inputs, format=format, leave_out=output.paths)
    manifest = _describe(annotator, sources, output, shard_size)
    if engine is run_here:
        annotator.load()  # what is wrong with it is found before files are made
    if not is_stream:
        output.begin(manifest, can_go_on=STDIN not in inputs, overwrite=overwrite)
    work = Work(annotator, output.to == "spacy", output.uncertain, strict)
    total = None if STDIN in inputs else sum(source.size for source in sources)
    with _make_bar(total, silent) as bar:
        tasks = _choose(split_sources(sources, shard_size), output, totals, bar)
        results = _count(engine(work, tasks), totals, bar)
        if is_stream:
            lines = (line for done in results for line in done.data.splitlines(True))
            sys.stdout.buffer.writelines(output.form(lines))
            sys.stdout.buffer.flush()
        else:
            _write(results, output, totals, check=partial(_require_unchanged, sources, manifest))
            bar.update((bar.total or bar.n) - bar.n)
    return totals


def _write(
    results: Iterable[Done], output: Output, totals: Totals, check: Callable[[], None]
) -> None:
    """Write the shards, and what is made of them when all are there.

    check: refuses the whole before that.
    """
    try:
        for done in results:
            rejected = "".join(f"{dump_json(row)}\n" for row in done.rejected)
            output.publish(done.number, done.data, rejected.encode())
        check()
        n_bad = output.finish(totals.n_shards)
        totals.n_before -= n_bad - totals.n_rejected
        totals.n_rejected = n_bad
    except FileNotFoundError:
        if not output.is_finished():
            raise
        output.sweep()
        totals.n_known += 1  # by another run, which was faster
        totals.n_before += 1


def _choose(
    shards: Iterable[Shard], output: Output, totals: Totals, bar: tqdm
) -> Iterator[tuple[int, Shard]]:
    """Those shards that are not there yet."""
    for totals.n_shards, shard in enumerate(shards, start=1):
        if output.path != STDOUT and output.shard(totals.n_shards).exists():
            totals.n_known += 1
            totals.n_before += len(shard.lines)
            bar.update(shard.size)
        else:
            yield totals.n_shards, shard


def _count(results: Iterable[Done], totals: Totals, bar: tqdm) -> Iterator[Done]:
    """The same, counted and shown after it is taken."""
    for done in results:
        totals.n_docs += done.n_docs
        totals.n_words += done.n_words
        for row in done.rejected:
            totals.n_rejected += 1
            if totals.n_rejected <= SHOWN and not bar.disable:
                more = "\nMore bad lines are only counted" if totals.n_rejected == SHOWN else ""
                say("warn", f"{row['file']} line {row['line']}: {row['reason']}{more}")
        yield done
        speed = totals.n_words / max(bar.format_dict["elapsed"], 1e-9)
        bar.set_postfix_str(f"{totals.n_docs:,} docs, {speed:,.0f} words/s", refresh=False)
        bar.update(done.size)


def _describe(
    annotator: Annotator, sources: Sequence[Source], output: Output, shard_size: int
) -> dict[str, Any]:
    """What the bytes of the output depend on, and so must be the same when a run goes on."""
    code = annotator.code
    return {
        "inputs": _stamp_inputs(sources),
        "model": _stamp_model(annotator.model),
        "keys": list(annotator.chosen),
        "code": _stamp(code) if code and code.is_file() else None,
        "soft labels": annotator.soft and list(annotator.soft),
        "form": [output.to, output.uncertain],
        "shard size": shard_size,
    }


def _stamp_inputs(sources: Sequence[Source]) -> list[list[Any]]:
    return [[*_stamp(path), kind] for path, kind, _ in sources if path != STDIN]


def _require_unchanged(sources: Sequence[Source], manifest: dict[str, Any]) -> None:
    """Refuse inputs of which a part was read before a change, and another one after it."""
    for old, new in zip(manifest["inputs"], _stamp_inputs(sources), strict=True):
        if old != new:
            raise ValueError(
                f"an input must stay as it is while it is read, was: {old[0]}, which has changed. "
                "Start anew with --overwrite"
            )


def _stamp(path: Path) -> tuple[str, int, int]:
    """What changes when a file does."""
    return str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns


def _stamp_model(model: str) -> list[tuple[str, int, int]]:
    path = get_package_path(model) if is_package(model) else Path(model)
    files = sorted(file for file in path.rglob("*") if file.is_file() and file.suffix != ".pyc")
    if not files:
        raise ValueError(
            f"a model must be an installed package or a folder with a pipeline, was: {model}"
        )
    return list(map(_stamp, files))


def _make_bar(total: int | None, silent: bool) -> tqdm:
    """Bar over the bytes of the input; in a log, one line every half minute."""
    known = "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}B [{elapsed}, ETA {remaining}{postfix}]"
    return tqdm(
        total=total,
        unit_scale=True,
        bar_format="{n_fmt}B [{elapsed}{postfix}]" if total is None else known,
        mininterval=0.1 if sys.stderr.isatty() else 30,
        miniters=1,
        disable=silent,
    )
