"""From any inputs to one output: what is checked before, and what is renamed after a run."""

import sys
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.util import load_model
from tqdm import tqdm

from ...corpora.sources import STDIN, Source, find_sources
from ...corpora.stream import done_at, read_entries
from ...pipeline.global_pointer import GlobalPointer
from .lock import locked
from .resumable import (
    AppendedFile,
    Journal,
    Nowhere,
    Progress,
    fingerprint_model,
    journal_of,
    part_of,
    publish,
    rejected_of,
    remove,
)
from .run import Run
from .writers import JsonLines, SpacyParts, StandardOutput, Writer, is_no_part

STDOUT = Path("-")
FORMATS = ("auto", "txt", "jsonl")


def annotate(
    model: str,
    inputs: Sequence[Path],
    output: Path,
    *,
    format: str = "auto",
    spans_key: str | None = None,
    n_process: int = 1,
    part_size: int = 10_000,
    overwrite: bool = False,
    silent: bool = True,
    **settings: Any,
) -> Progress:
    """Write the documents of any number of files with the spans that a pipeline finds in them.

    model: name of a pipeline's package, or its folder.
    inputs: files, folders, or STDIN.
    output: a .jsonl file, a folder that ends in .spacy, or STDOUT.
    format: of STDIN and of files with another suffix: "auto", "txt" or "jsonl".
    spans_key: of the group to write; None for those of every global_pointer.
    n_process: as in nlp.pipe.
    part_size (documents): the most in a part of a .spacy folder.
    overwrite: start anew, and replace an output that is there.
    silent: show no progress.
    settings: batch_size, save_every and strict of Run.
    RETURNS: how many documents, words and rejected lines there were.
    RAISES (ValueError): an input, output or model that cannot be used, a bad line if strict.
    """
    check_options(format, n_process)
    is_stream = output == STDOUT or STDIN in inputs
    sources = find_sources(inputs, format=format, leave_out=list_outputs(output))
    check_place(output)
    # Before anything is looked at: what another run leaves is only true when it has ended.
    with nullcontext() if output == STDOUT else locked(output):
        check_output(output, is_stream=is_stream, overwrite=overwrite)
        journal = None if is_stream else _make_journal(model, sources, output, spans_key)
        progress = journal.load() if journal and not overwrite else None
        if progress is None or not progress.done:
            load = partial(load_model, model)
            nlp = load()
            keys = find_keys(nlp, spans_key)
            progress = progress or _start(output, journal)
            total = None if STDIN in inputs else sum(source.size for source in sources)
            with _make_bar(total, done_at(sources, progress.position), silent=silent) as bar:
                writer, rejected = _make_writer(output, keys, part_size), _set_aside(output)
                entries = read_entries(sources, progress.position, max_length=nlp.max_length)
                run = Run(
                    nlp, load, writer, rejected, journal, progress, bar, n_process, **settings
                )
                del nlp  # the run may replace it
                run.go(entries)
        _finish(output, journal, progress)
    return progress


def check_options(format: str, n_process: int) -> None:
    """Refuse options that mean nothing.

    RAISES (ValueError): naming the rule, the value and the repair.
    """
    if format not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}, was: {format!r}")
    if n_process == 0:
        raise ValueError("n_process must be -1 (one a core) or at least 1, was: 0")


def find_keys(nlp: Language, spans_key: str | None = None) -> list[str]:
    """Groups of doc.spans that the components global_pointer of a pipeline write.

    spans_key: choose this one; None for all.
    RAISES (ValueError): there is none.
    """
    keys = [pipe.key for _, pipe in nlp.pipeline if isinstance(pipe, GlobalPointer)]
    if not keys:
        raise ValueError(
            "a model must have an active component global_pointer, was: a pipeline of "
            f"{', '.join(nlp.pipe_names) or 'nothing'}. Train one, or name another model"
        )
    if spans_key is not None and spans_key not in keys:
        raise ValueError(
            f"spans_key must be that of a global_pointer of the model ({', '.join(keys)}), "
            f"was: {spans_key!r}. Choose one of them, or leave it out"
        )
    return list(dict.fromkeys(keys)) if spans_key is None else [spans_key]


def list_outputs(output: Path) -> list[Path]:
    """All files and folders that a run may write.

    output: the target, or STDOUT.
    """
    if output == STDOUT:
        return []
    rejected = rejected_of(output)
    return [output, rejected, part_of(output), part_of(rejected), journal_of(output)]


def check_place(output: Path) -> None:
    """Refuse an output that cannot be written, before anything costly is done for it.

    output: the target, or STDOUT.
    RAISES (ValueError): another suffix, a folder that cannot be written.
    """
    if output == STDOUT:
        return
    if output.suffix not in (".jsonl", ".spacy"):
        raise ValueError(f"the output must end in .jsonl or .spacy, or be -, was: {output}")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=output.parent):
            pass
    except OSError as error:
        raise ValueError(
            f"the output must be in a folder that can be written, was: {output.parent} ({error}). "
            "Name another one"
        ) from error


def check_output(output: Path, *, is_stream: bool, overwrite: bool) -> None:
    """Refuse to replace what is there, unless it is asked for and safe.

    output: the target, or STDOUT.
    is_stream: the run cannot be continued.
    overwrite: an output may be there.
    RAISES (ValueError): an output that is there, a folder of other things.
    """
    names = {path.name for path in output.iterdir()} if output.is_dir() else set()
    if output.is_dir() and (output.suffix != ".spacy" or any(map(is_no_part, names))):
        raise ValueError(
            f"a folder is only replaced if it holds nothing but parts of .spacy, was: {output}. "
            "Name another output"
        )
    present = [str(path) for path in list_outputs(output) if path.exists()]
    if present and not overwrite and (is_stream or not journal_of(output).exists()):
        raise ValueError(
            f"an output must not be there yet, was: {', '.join(present)}. "
            "Start anew with --overwrite, or name another output"
        )


def _make_journal(
    model: str, sources: Sequence[Source], output: Path, spans_key: str | None
) -> Journal:
    """What says how far a run with these inputs has come."""
    fingerprint = {
        "inputs": [
            [str(path.resolve()), kind, size, path.stat().st_mtime_ns]
            for path, kind, size in sources
        ],
        "model": fingerprint_model(model),
        "spans key": spans_key,
    }
    return Journal(journal_of(output), fingerprint)


def _start(output: Path, journal: Journal | None) -> Progress:
    """Progress of a new run, which leaves nothing of an earlier one but its output."""
    for path in list_outputs(output)[2:]:
        remove(path)
    progress = Progress()
    if journal is not None:
        journal.save(progress)
    return progress


def _finish(output: Path, journal: Journal | None, progress: Progress) -> None:
    """Give the files of a run their names. Whatever of it was done before is done."""
    if output == STDOUT:
        return
    rejected = rejected_of(output)
    progress.done = True
    if journal is not None:
        journal.save(progress)
    for target, is_filled in ((rejected, progress.n_rejected), (output, progress.n_docs)):
        if is_filled:
            publish(target)
        else:
            remove(part_of(target))
    if not progress.n_rejected:
        remove(rejected)  # of the output that was replaced
    remove(journal_of(output))


def _make_writer(output: Path, keys: Sequence[str], part_size: int) -> Writer:
    if output.suffix == ".spacy":
        return SpacyParts(output, part_size)
    return JsonLines(StandardOutput() if output == STDOUT else AppendedFile(output), keys)


def _set_aside(output: Path) -> AppendedFile | Nowhere:
    return Nowhere() if output == STDOUT else AppendedFile(rejected_of(output))


def _make_bar(total: int | None, done: int, *, silent: bool) -> tqdm:
    """Bar over the bytes of the input; in a log a line each half minute."""
    counts = "{n_fmt}B [{elapsed}{postfix}]"
    if total is not None:
        counts = (
            "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}B [{elapsed}, ETA {remaining}{postfix}]"
        )
    return tqdm(
        total=total,
        initial=done,
        unit_scale=True,
        bar_format=counts,
        mininterval=0.1 if sys.stderr.isatty() else 30,
        miniters=1,
        disable=silent,
    )
