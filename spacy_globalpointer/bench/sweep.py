"""Many training runs, stopped and continued at any point: what has a result is not run again.

A sweep is a JSON file: a list of groups, each with `corpora`, `systems`, `seeds`, `passes`, and
optionally `limit` (training documents) and `settings` (of the head). A corpus is named with the
language of its tokenizer, as "genia:en", and is a folder with train and dev files. A run is one
combination; its result is one file, written when it is done.
"""

import hashlib
import json
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from itertools import product
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional

import spacy
import torch

from .accuracy import train_and_score
from .measure import save
from .peers import SYSTEMS
from .text import read_corpus

KEYS = {"corpora", "systems", "seeds", "passes", "limit", "settings"}


class Run(NamedTuple):
    """One training run.

    corpus: name of a folder with train and dev files; lang: of its tokenizer.
    limit (documents): the first so many of train; None for all.
    """

    corpus: str
    lang: str
    system: str
    seed: int
    passes: int
    limit: Optional[int]
    settings: Dict[str, Any]

    def name(self) -> str:
        """Of its result: the same for the same run only."""
        text = json.dumps(self._asdict(), sort_keys=True)
        digest = hashlib.sha256(text.encode("utf8")).hexdigest()[:8]
        return f"{self.corpus}-{self.system}-{self.seed}-{digest}"


def read_sweep(path: Path) -> List[Run]:
    """The runs of a sweep.

    RAISES (ValueError): a key or a system that does not exist.
    """
    runs = []
    for group in json.loads(path.read_text(encoding="utf8")):
        unknown = set(group) - KEYS
        if unknown:
            raise ValueError(f"{path}: a group must have keys of {sorted(KEYS)}, has: {unknown}")
        for corpus, system, seed in product(group["corpora"], group["systems"], group["seeds"]):
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
            limit, settings = group.get("limit"), group.get("settings", {})
            runs.append(Run(name, lang, system, seed, group["passes"], limit, settings))
    return runs


def find_left(runs: List[Run], results: Path) -> List[Run]:
    """Runs that have no result yet."""
    return [run for run in runs if not (results / f"{run.name()}.json").exists()]


def run_sweep(
    sweep: Path, data: Path, results: Path, *, workers: int = 2, log: Callable[[str], None] = print
) -> None:
    """Run what has no result yet, several runs at a time with one thread each.

    sweep: JSON file.
    data: folder with a folder for each corpus, in it train and dev as .jsonl, .jsonl.gz or .spacy.
    results: folder, one JSON file for each run.
    workers: runs at a time.
    log: told of what is done and left, with an estimate.
    RAISES (ValueError): a corpus without files.
    """
    runs = read_sweep(sweep)
    left = find_left(runs, results)
    for run in left:
        find_file(data / run.corpus, "train")
        find_file(data / run.corpus, "dev")
    log(f"{len(runs)} runs: {len(runs) - len(left)} done, {len(left)} left")
    start = time.monotonic()
    with ThreadPoolExecutor(workers) as pool:
        jobs = {pool.submit(_run_apart, run, data, results): run for run in left}
        for done, job in enumerate(as_completed(jobs), 1):
            f = job.result()
            minutes = (time.monotonic() - start) / done * (len(left) - done) / 60
            name = jobs[job].name()
            log(f"{name}: F {f:.3f}; {len(left) - done} left, about {minutes:.0f} minutes")


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


def _run_apart(run: Run, data: Path, results: Path) -> float:
    """Run in a process of its own, so that its peak memory is its own too."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as process:
        return process.submit(_run, run, data, results).result()


def _run(run: Run, data: Path, results: Path) -> float:
    torch.set_num_threads(1)
    nlp = spacy.blank(run.lang)
    folder = data / run.corpus
    train = list(read_corpus(find_file(folder, "train"), nlp))[: run.limit]
    dev = list(read_corpus(find_file(folder, "dev"), nlp))
    result = train_and_score(
        run.system,
        train,
        dev,
        passes=run.passes,
        seed=run.seed,
        settings=run.settings,
        log=lambda line: None,
    )
    save(results / f"{run.name()}.json", "accuracy", run._asdict(), result)
    return float(result["all"]["f"])
