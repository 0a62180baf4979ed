"""The threads of torch: one for the head, and one for each worker of `nlp.pipe(n_process=...)`.

The head is many short operations. On several threads each of them waits for all threads, and waits
long if other processes want the cores. torch keeps the number of threads for every Python thread,
and a new one starts with the number that was set last in any of them. So the head has its own
Python threads. Their number of torch threads is set once, when they start, and never switched for
other code.
"""

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from functools import wraps
from threading import Barrier, Lock, Thread
from typing import Any, ParamSpec, TypeVar

import numpy
import torch
from spacy.language import Language
from thinc.api import get_current_ops

P = ParamSpec("P")
R = TypeVar("R")

_head_threads: ThreadPoolExecutor | None = None
_starting = Lock()


def start_threads() -> None:
    """Start the threads of the head, unless they exist: once, and best before others start."""
    global _head_threads
    with _starting:
        number, n_threads = torch.get_num_threads(), os.cpu_count() or 1
        if _head_threads is not None or number == 1 or not _on_cpu():
            return
        threads = ThreadPoolExecutor(n_threads, "head", _choose_one, (number,))
        all_there = Barrier(n_threads)  # an executor starts no thread while another is idle
        with suppress(RuntimeError):  # once the main thread has ended, no thread can start
            list(threads.map(lambda _: all_there.wait(), range(n_threads)))
            _head_threads = threads


def _on_cpu() -> bool:
    return get_current_ops().xp is numpy


def _choose_one(usual: int) -> None:
    """In a new thread: choose one torch thread, and leave the usual number to other threads."""
    torch.get_num_threads()  # takes over the usual number, which would otherwise replace ours
    torch.set_num_threads(1)
    last = Thread(target=torch.set_num_threads, args=(usual,))
    last.start()
    last.join()


def one_thread(function: Callable[P, R]) -> Callable[P, R]:
    """Let torch work with one thread on the CPU while a function runs, and nowhere else."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        if torch.get_num_threads() == 1 or not _on_cpu():
            return function(*args, **kwargs)
        start_threads()
        context = copy_context()
        future = None
        # Once the main thread has ended, the head has no threads, but others may go on.
        with suppress(RuntimeError):
            if _head_threads is not None:
                future = _head_threads.submit(lambda: context.run(function, *args, **kwargs))
        return function(*args, **kwargs) if future is None else future.result()

    return run


def _care_for_child() -> None:
    """In every forked process: the threads of the head no longer exist.

    Where the system can, spaCy forks its workers. A process that is forked after torch has run on
    several threads hangs at its first parallel operation, an encoder's for instance. With one
    thread it needs no others, and each worker is meant to use one core anyway. Other processes are
    left as they are.
    """
    global _head_threads, _starting
    _head_threads, _starting = None, Lock()
    # Only the call stack, which is forked too, says who asked for the process.
    frame: Any = sys._getframe()
    while frame is not None:
        if frame.f_code is Language._multiprocessing_pipe.__code__:
            torch.set_num_threads(1)
            return
        frame = frame.f_back


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_care_for_child)
