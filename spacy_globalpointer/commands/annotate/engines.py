"""Who works on shards: this process, or several ones of this machine."""

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Any

import torch

from ...corpora.stream import Shard
from .work import Done, Work

Tasks = Iterable[tuple[int, Shard]]
Engine = Callable[[Work, Tasks], Iterator[Done]]
_work: Work


def choose_engine(n_process: int) -> Engine:
    """An engine of this machine.

    n_process: -1 for one a core.
    RAISES (ValueError): 0.
    """
    if n_process == 0:
        raise ValueError("n_process must be -1 (one a core) or at least 1, was: 0")
    n_process = n_process if n_process > 0 else os.cpu_count() or 1
    return run_here if n_process == 1 else partial(run_in_processes, n_process=n_process)


def run_here(work: Work, tasks: Tasks) -> Iterator[Done]:
    """Work in this process."""
    return (work(*task) for task in tasks)


def run_in_processes(work: Work, tasks: Tasks, n_process: int) -> Iterator[Done]:
    """Work in processes that end with this one; results are in the order of the tasks.

    RAISES (ChildProcessError): one of them was killed.
    """
    waiting: deque[Any] = deque()
    context = get_context("spawn")  # threads and CUDA do not survive a fork
    with ProcessPoolExecutor(n_process, context, _enter, (work, n_process)) as pool:
        try:
            for task in tasks:
                waiting.append(pool.submit(_call, *task))
                if len(waiting) > 2 * n_process:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise ChildProcessError(
                "a worker process has ended before its work, perhaps for lack of memory. To fix: "
                "fewer with --n-process, or less at once with --batch-size"
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _enter(work: Work, n_process: int) -> None:
    """Begin a worker: with its share of the threads, and an end when the run is killed."""
    global _work
    _work = work
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of Ctrl+C, this process is told by the first one
    torch.set_num_threads(max(torch.get_num_threads() // n_process, 1))
    end_with_parent()


def end_with_parent() -> None:
    """Let this process end when the one that started it does, however that ends."""
    parent = parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    Thread(target=wait, daemon=True).start()


def _call(number: int, shard: Shard) -> Done:
    return _work(number, shard)
