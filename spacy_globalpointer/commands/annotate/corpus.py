"""From any inputs to one output: what is checked before a run, and renamed after it."""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spacy.language import Language
from tqdm import tqdm

from ...corpora.sources import STDIN, Source, list_sources
from ...corpora.stream import Position, done_at, read_entries
from ...pipeline.global_pointer import GlobalPointer
from ...pipeline.pair_gold import list_span_sources
from .lock import locked
from .resumable import (
    STDOUT,
    Progress,
    fingerprint_model,
    journal_of,
    open_part,
    part_of,
    publish,
    rejected_of,
    remove,
)
from .run import Annotation
from .soft import SoftLabels, check_soft_labels
from .writers import JsonLines, SpacyParts, Writer, WrittenKeys, is_part


def annotate(
    model: str,
    inputs: Sequence[Path],
    output: Path,
    *,
    format: str = "auto",
    spans_key: str | None = None,
    relations_key: str | None = None,
    events_key: str | None = None,
    soft_key: str | None = None,
    soft_threshold: float = 0.01,
    batch_size: int = 256,
    n_process: int = 1,
    part_size: int = 10_000,
    save_every: float = 10.0,
    strict: bool = False,
    overwrite: bool = False,
    silent: bool = True,
) -> Progress:
    """Write the documents of any number of files with the spans that a pipeline finds in them.

    The arguments are those of the command, whose help describes them.

    inputs: files, folders, or STDIN.
    output: a .jsonl file, a folder that ends in .spacy, or STDOUT.
    silent: show no progress.
    RETURNS: how many documents, words and rejected lines there were.
    RAISES (ValueError): an input, output or model that cannot be used, a bad line if strict.
    """
    _check_options(format, n_process)
    soft = None if soft_key is None else SoftLabels(soft_key, soft_threshold)
    if soft is not None:
        check_soft_labels(soft)
    is_stream = output == STDOUT or STDIN in inputs
    sources = list_sources(inputs, format=format, leave_out=_list_outputs(output))
    _check_place(output)
    # Before anything is looked at: another run that has not ended may change it.
    with locked(output):
        _check_free(output, is_stream, overwrite)
        chosen = {"spans key": spans_key, "relations key": relations_key, "events key": events_key}
        chosen |= {"soft labels": None if soft is None else f"{soft_key} {soft_threshold}"}
        new = Progress() if is_stream else _begin(model, sources, output, chosen)
        saved = None if overwrite else new.load()
        progress = saved or new
        if not progress.done:
            run = Annotation(
                model, progress, batch_size, n_process, save_every, strict, soft, spans_key
            )
            keys = WrittenKeys(
                find_keys(run.nlp, spans_key if soft is None else None),
                find_pair_keys(run.nlp, "relations", relations_key),
                find_pair_keys(run.nlp, "events", events_key),
            )
            if not saved:  # of an earlier run, only the output stays
                for path in _list_outputs(output)[2:]:
                    remove(path)
                progress.save()
            entries = read_entries(sources, progress.position, max_length=run.nlp.max_length)
            with (
                _make_bar(sources, progress.position, silent) as bar,
                _open_outputs(output, progress, keys, part_size) as (writer, rejected),
            ):
                run.go(entries, writer, rejected, bar)
        _finish(output, progress)
    return progress


def find_keys(nlp: Language, spans_key: str | None = None) -> list[str | None]:
    """Where the spans are that a pipeline finds: groups of doc.spans, or None for doc.ents.

    They are those of its components global_pointer. Without one, they are those that its components
    for relations and events read.

    spans_key: choose this one; None for all.
    RAISES (ValueError): there is none.
    """
    keys: list[str | None]
    keys = [pipe.key for _, pipe in nlp.pipeline if isinstance(pipe, GlobalPointer)]
    if not keys:
        configs = [*_list_configs(nlp, "relations"), *_list_configs(nlp, "events")]
        keys = [key for config in configs for key in list_span_sources(config.get("spans"))]
    if not keys:
        raise ValueError(
            "a model must have an active component global_pointer, was: a pipeline of "
            f"{', '.join(nlp.pipe_names) or 'nothing'}. Train one, or name another model"
        )
    if spans_key is not None and spans_key not in keys:
        known = ", ".join("doc.ents" if key is None else key for key in keys)
        raise ValueError(
            f"spans_key must be that of a global_pointer of the model ({known}), "
            f"was: {spans_key!r}. Choose one of them, or leave it out"
        )
    return list(dict.fromkeys(keys)) if spans_key is None else [spans_key]


def find_pair_keys(nlp: Language, what: str, key: str | None = None) -> list[str]:
    """Groups of doc.spans with relations or events, which documents may have.

    what: "relations" or "events".
    key: choose this one; None for those that the components of a pipeline write, or where there are
        none, what the documents came with.
    """
    if key is not None:
        return [key]
    written = [config[f"{what}_key"] for config in _list_configs(nlp, what)]
    return list(dict.fromkeys(written)) or [what]


def _list_configs(nlp: Language, what: str) -> list[dict[str, Any]]:
    """Settings of the components that write relations or events."""
    configs = map(nlp.get_pipe_config, nlp.pipe_names)
    return [config for config in configs if f"{what}_key" in config]


def _check_options(format: str, n_process: int) -> None:
    if format not in ("auto", "txt", "jsonl"):
        raise ValueError(f"format must be one of auto, txt, jsonl, was: {format!r}")
    if n_process == 0:
        raise ValueError("n_process must be -1 (one a core) or at least 1, was: 0")


def _list_outputs(output: Path) -> list[Path]:
    """All that a run may write: two results, then what it works with."""
    if output == STDOUT:
        return []
    rejected = rejected_of(output)
    return [output, rejected, part_of(output), part_of(rejected), journal_of(output)]


def _check_place(output: Path) -> None:
    """Refuse an output that cannot be written, before anything costly is done for it."""
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


def _check_free(output: Path, is_stream: bool, overwrite: bool) -> None:
    """Refuse to replace what is there, unless it is asked for and safe."""
    if output.is_dir() and not (
        output.suffix == ".spacy" and all(is_part(path.name) for path in output.iterdir())
    ):
        raise ValueError(
            f"a folder is only replaced if it holds nothing but parts of .spacy, was: {output}. "
            "Name another output"
        )
    present = [str(path) for path in _list_outputs(output) if path.exists()]
    if present and not overwrite and (is_stream or not journal_of(output).exists()):
        raise ValueError(
            f"an output must not be there yet, was: {', '.join(present)}. "
            "Start anew with --overwrite, or name another output"
        )


def _begin(
    model: str, sources: Sequence[Source], output: Path, chosen: dict[str, str | None]
) -> Progress:
    """Progress of a new run that can go on.

    chosen: what else must be the same when it does.
    """
    inputs = [
        [str(path.resolve()), kind, size, path.stat().st_mtime_ns] for path, kind, size in sources
    ]
    fingerprint = {"inputs": inputs, "model": fingerprint_model(model), **chosen}
    return Progress(journal_of(output), fingerprint)


@contextmanager
def _open_outputs(
    output: Path, progress: Progress, keys: WrittenKeys, part_size: int
) -> Iterator[tuple[Writer, JsonLines | None]]:
    """Writers of documents and of bad lines, which go on after those that count.

    keys: what find_keys and find_pair_keys returned.
    """
    if output == STDOUT:
        yield JsonLines(sys.stdout.buffer, keys), None
        return
    with open_part(rejected_of(output), progress.rejected) as rejected:
        if output.suffix == ".spacy":
            yield SpacyParts(output, progress.output, part_size), JsonLines(rejected)
            return
        with open_part(output, progress.output) as file:
            yield JsonLines(file, keys), JsonLines(rejected)


def _make_bar(sources: Sequence[Source], position: Position, silent: bool) -> tqdm:
    """Bar over the bytes of the input; in a log, one line every half minute."""
    counts = "{n_fmt}B [{elapsed}{postfix}]"
    total = None
    if all(source.path != STDIN for source in sources):
        total = done_at(sources, Position(len(sources)))
        counts = (
            "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}B [{elapsed}, ETA {remaining}{postfix}]"
        )
    return tqdm(
        total=total,
        initial=done_at(sources, position),
        unit_scale=True,
        bar_format=counts,
        mininterval=0.1 if sys.stderr.isatty() else 30,
        miniters=1,
        disable=silent,
    )


def _finish(output: Path, progress: Progress) -> None:
    """Give the files of a run their names; a killed run can repeat it."""
    if output == STDOUT:
        return
    progress.done = True
    progress.save()
    rejected = rejected_of(output)
    for target, is_filled in ((rejected, progress.n_rejected), (output, progress.n_docs)):
        if is_filled:
            publish(target)
        else:
            remove(part_of(target))
    if not progress.n_rejected:
        remove(rejected)  # of the output that was replaced
    remove(journal_of(output))
