"""Many training runs, stopped and continued at any point: what has a result is not run again.

A sweep is a folder with a file sweep.json: a list of groups, each with `corpora`, `systems`,
`seeds`, `passes`, and optionally `limit` (training documents) and `overrides` (of the systems'
configs). A corpus is named with the language of its tokenizer, as "genia:en", and is a folder with
train and dev files. A run is one combination; its result is one file beside, written when it is
done, and named after the run and the config of its system: with another config it is another run.
"""

import hashlib
import json
import multiprocessing
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import spacy
import torch

from spacy_globalpointer.commands.annotate.engines import end_with_parent

from . import accuracy, crfsuite, events, joint, relations
from .measure import save
from .peers import EVENTS, RELATION_MODELS, SYSTEMS, hash_config
from .text import read_corpus

# Name of the sweep in the folder of its results.
SWEEP = "sweep.json"
KEYS = {"corpora", "systems", "seeds", "passes", "limit", "overrides"}


class Run(NamedTuple):
    """One training run.

    corpus: name of a folder with train and dev files; lang: of its tokenizer.
    limit (documents): the first so many of train; None for all.
    overrides: of the system's config.
    """

    corpus: str
    lang: str
    system: str
    seed: int
    passes: int
    limit: int | None
    overrides: dict[str, Any]

    def name(self) -> str:
        """Of its result: the same for the same run with the same config only."""
        config = hash_config(self.system, self.overrides)
        text = json.dumps([self._asdict(), config], sort_keys=True)
        digest = hashlib.sha256(text.encode("utf8")).hexdigest()[:8]
        return f"{self.corpus}-{self.system}-{self.seed}-{digest}"


def read_sweep(path: Path) -> list[Run]:
    """The runs of a sweep.

    RAISES (ValueError): a key or a system that does not exist.
    """
    runs = []
    for group in json.loads(path.read_text(encoding="utf8")):
        unknown = set(group) - KEYS
        if unknown:
            raise ValueError(f"{path}: a group must have keys of {sorted(KEYS)}, has: {unknown}")
        for seed, corpus, system in product(group["seeds"], group["corpora"], group["systems"]):
            if system not in SYSTEMS:
                raise ValueError(
                    f"{path}: systems must be among {', '.join(SYSTEMS)}, was: {system!r}"
                )
            name, _, lang = corpus.partition(":")
            if not lang:
                raise ValueError(
                    f"{path}: a corpus must be named with its language, such as 'genia:en', "
                    f"was: {corpus!r}"
                )
            limit, overrides = group.get("limit"), group.get("overrides", {})
            runs.append(Run(name, lang, system, seed, group["passes"], limit, overrides))
    return runs


def find_left(runs: list[Run], results: Path) -> list[Run]:
    """Runs that have no result yet."""
    return [run for run in runs if not (results / f"{run.name()}.json").exists()]


def run_sweep(
    folder: Path,
    data: Path,
    *,
    corpus: str | None = None,
    encoder: str | None = None,
    workers: int = 2,
    log: Callable[[str], None] = print,
) -> None:
    """Run what has no result yet, several runs at a time with one thread each.

    folder: with the sweep, named SWEEP; the results go there, one JSON file for each run.
    data: folder with a folder for each corpus, in it train and dev as .jsonl, .jsonl.gz or .spacy.
    corpus: run this one only; None for all.
    encoder: name or folder of the encoder of the systems with a transformer.
    workers: runs at a time.
    log: told of what is done, running and left, with an estimate.
    RAISES (ValueError): a corpus without files; runs that failed, when all others are done.
    """
    runs = [run for run in read_sweep(folder / SWEEP) if corpus in (None, run.corpus)]
    left = find_left(runs, folder)
    for run in left:
        find_file(data / run.corpus, "train")
        find_file(data / run.corpus, "dev")
    log(f"{len(runs)} runs: {len(runs) - len(left)} done, {len(left)} left")
    failed: list[str] = []
    start = time.monotonic()

    def run_one(run: Run) -> float:
        log(f"{run.name()}: begins")
        return _run_apart(run, data, folder, encoder)

    pool = ThreadPoolExecutor(workers)
    try:
        jobs = {pool.submit(run_one, run): run.name() for run in left}
        for done, job in enumerate(as_completed(jobs), 1):
            name, error = jobs[job], job.exception()
            failed += [f"{name} ({error!r})"] if error else []
            outcome = f"failed: {error!r}" if error else f"F {job.result():.3f}"
            minutes = (time.monotonic() - start) / done * (len(left) - done) / 60
            log(f"{name}: {outcome}; {len(left) - done} left, about {minutes:.0f} minutes")
    finally:
        # Stopped by the user: what has not begun does not begin any more.
        pool.shutdown(cancel_futures=True)
    if failed:
        raise ValueError(f"{len(failed)} runs failed: {'; '.join(failed)}")


def find_file(folder: Path, split: str) -> Path:
    """The file of a split.

    RAISES (ValueError): none.
    """
    for suffix in (".spacy", ".jsonl.gz", ".jsonl"):
        path = folder / f"{split}{suffix}"
        if path.exists():
            return path
    raise ValueError(
        f"a corpus must be a folder with {split}.spacy, {split}.jsonl.gz or {split}.jsonl, "
        f"was: {folder}"
    )


def _run_apart(run: Run, data: Path, results: Path, encoder: str | None) -> float:
    """Run in a process of its own, so that its peak memory is its own too."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, end_with_parent) as process:
        return process.submit(_run, run, data, results, encoder).result()


def _run(run: Run, data: Path, results: Path, encoder: str | None) -> float:
    torch.set_num_threads(1)
    nlp = spacy.blank(run.lang)
    folder = data / run.corpus
    read: Callable[..., Iterable[Any]] = read_corpus
    train_and_score: Callable[..., dict[str, Any]] = accuracy.train_and_score
    if run.system == "crfsuite":
        train_and_score = crfsuite.train_and_score
    elif run.system in (*RELATION_MODELS, *EVENTS):
        task = events.TASK if run.system in EVENTS else relations.TASK
        read, train_and_score = joint.read_docs, partial(joint.train_and_score, task)
    train = list(read(find_file(folder, "train"), nlp))[: run.limit]
    dev = list(read(find_file(folder, "dev"), nlp))
    has_encoder = encoder and run.system.endswith("_transformer")
    result = train_and_score(
        run.system,
        train,
        dev,
        lang=run.lang,
        passes=run.passes,
        seed=run.seed,
        overrides={**run.overrides, **({"paths.encoder": encoder} if has_encoder else {})},
        log=lambda line: None,
    )
    documents = {"train_documents": len(train), "dev_documents": len(dev)}
    save(results / f"{run.name()}.json", "run", {**run._asdict(), **documents}, result)
    scores = result["all"] if "all" in result else max(result["curve"], key=lambda x: x["f"])
    return float(scores["f"])
