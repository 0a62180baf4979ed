"""Who works: this process, several ones, or those of a cluster."""

import logging
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Any

import torch

from .work import Done, Work

Tasks = Iterable[tuple[int, Any]]
Engine = Callable[[Work, Tasks], Iterator[Done]]
_work: Work | None = None
# How often Ray tries a shard again whose worker was lost.
RETRIES = 3


def choose_engine(name: str, n_process: int, num_gpus: float, ray_address: str | None) -> Engine:
    """An engine from options of the command.

    RAISES (ValueError): no such engine, or number of processes.
    """
    if name not in ("local", "ray"):
        raise ValueError(f"--engine must be local or ray, was: {name!r}")
    if n_process == 0:
        raise ValueError("n_process must be -1 (one a core) or at least 1, was: 0")
    if name == "ray":
        return partial(run_on_ray, n_workers=n_process, num_gpus=num_gpus, ray_address=ray_address)
    n_process = n_process if n_process > 0 else os.cpu_count() or 1
    return run_here if n_process == 1 else partial(run_in_processes, n_process=n_process)


def run_here(work: Work, tasks: Tasks) -> Iterator[Done]:
    """Work in this process."""
    return (work(*task) for task in tasks)


def run_in_processes(work: Work, tasks: Tasks, n_process: int) -> Iterator[Done]:
    """Work in processes of this machine, which end with it; results are in order.

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
    torch.set_num_threads(max(torch.get_num_threads() // n_process, 1))
    parent = parent_process()
    assert parent is not None
    Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: Any) -> None:
    parent.join()
    os._exit(1)


def _call(number: int, shard: Any) -> Done:
    assert _work is not None
    return _work(number, shard)


def run_on_ray(
    work: Work, tasks: Tasks, n_workers: int, num_gpus: float, ray_address: str | None
) -> Iterator[Done]:
    """Work in actors of Ray, as long as one of them lives; results are not in order.

    num_gpus: of each actor. ray_address: of a cluster; None for RAY_ADDRESS, or this machine.
    RAISES (ValueError): Ray is not installed, or has no GPU that is asked for.
        (ChildProcessError): a shard whose worker was lost again and again.
    """
    try:
        import ray
    except ImportError as error:
        raise ValueError(
            f"--engine ray needs the package ray, was: {error}. To fix: "
            'pip install "spacy-globalpointer[ray]"'
        ) from error
    ray.init(ray_address, ignore_reinit_error=True, log_to_driver=False, logging_level=logging.ERROR)
    workers: list[Any] = []
    try:
        known = ray.cluster_resources()
        if num_gpus > known.get("GPU", 0):
            raise ValueError(
                f"--num-gpus must be there in the cluster, was: {num_gpus} of {known.get('GPU', 0)}"
                ". To fix: leave it out, or give --ray-address of another cluster"
            )
        if n_workers < 0:
            n_workers = int(known["GPU"] / num_gpus if num_gpus else known["CPU"])
        actor = ray.remote(
            num_cpus=1, num_gpus=num_gpus, max_restarts=-1, max_task_retries=RETRIES
        )(_Actor)
        workers += [actor.remote(work) for _ in range(n_workers)]
        yield from _share(ray, workers, iter(tasks))
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
    except ray.exceptions.RayError as error:
        raise ChildProcessError(f"a worker of Ray was lost {RETRIES + 1} times: {error}") from error
    finally:
        for worker in workers:
            ray.kill(worker)


def _share(ray: Any, workers: list[Any], tasks: Iterator[tuple[int, Any]]) -> Iterator[Done]:
    """Give each worker a task when it has loaded its model or done another."""
    running = {worker.load.remote(): worker for worker in workers}
    busy: set[Any] = set()
    task = next(tasks, None)
    while task is not None or busy:
        (ready, *_), _ = ray.wait(list(running))
        worker, done = running.pop(ready), ray.get(ready)
        if task is not None:
            running[ref := worker.work.remote(*task)] = worker
            busy.add(ref)
            task = next(tasks, None)
        if ready in busy:
            busy.remove(ready)
            yield done


class _Actor:
    def __init__(self, work: Work) -> None:
        self.work_on = work

    def load(self) -> None:
        self.work_on.annotator.nlp  # noqa: B018

    def work(self, number: int, shard: Any) -> Done:
        return self.work_on(number, shard)
