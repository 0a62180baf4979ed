"""Actors of Ray as those who work on shards, on this machine or on many."""

import logging
from collections.abc import Iterator
from typing import Any

from .engines import Tasks
from .work import Done, Work

# How often a shard is tried again whose worker was lost.
RETRIES = 3


def run_on_ray(
    work: Work, tasks: Tasks, n_process: int, num_gpus: float, address: str | None
) -> Iterator[Done]:
    """Work in actors, as long as one of them can be had; results are in no order.

    Only this process reads and writes files; the model must be on each machine.

    n_process: number of actors; -1 for one a core, or a GPU.
    num_gpus: of each actor.
    address: of a cluster; None for RAY_ADDRESS, or this machine.
    RAISES (ValueError): Ray is not installed, or has no GPU that is asked for.
        (ChildProcessError): a shard whose workers are lost, one after another.
    """
    try:
        import ray
    except ImportError as error:
        raise ValueError(
            f'--engine ray needs Ray, was: {error}. To fix: pip install "spacy-globalpointer[ray]"'
        ) from error
    if not ray.is_initialized():
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
    known = ray.cluster_resources()
    workers: list[Any] = []
    if num_gpus > known.get("GPU", 0):
        raise ValueError(
            f"--num-gpus must be in the cluster, was: {num_gpus} of {known.get('GPU', 0)} GPUs. "
            "To fix: ask for fewer, or name another cluster with --ray-address"
        )
    if n_process < 0:
        n_process = int(known["GPU"] / num_gpus if num_gpus else known["CPU"])
    try:
        actor = ray.remote(
            num_cpus=1, num_gpus=num_gpus, max_restarts=-1, max_task_retries=RETRIES
        )(_Worker)
        workers += [actor.remote(work) for _ in range(n_process)]
        yield from _share(ray, workers, iter(tasks))
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
    except ray.exceptions.RayError as error:
        raise ChildProcessError(f"a worker of Ray cannot go on: {error}") from error
    finally:
        for worker in workers:
            ray.kill(worker)


def _share(ray: Any, workers: list[Any], tasks: Iterator[Any]) -> Iterator[Done]:
    """Give a task to each worker that has loaded its model, and whenever it has done one."""
    running = {worker.load.remote(): worker for worker in workers}
    busy: set[Any] = set()
    task = next(tasks, None)
    while task is not None or busy:
        (ready, *_), _ = ray.wait(list(running))
        worker, done = running.pop(ready), ray.get(ready)
        if task is not None:
            following = worker.work.remote(*task)
            running[following] = worker
            busy.add(following)
            task = next(tasks, None)
        if ready in busy:
            busy.remove(ready)
            yield done


class _Worker:
    """What is in an actor."""

    def __init__(self, work: Work) -> None:
        self.call = work

    def load(self) -> None:
        self.call.annotator.load()

    def work(self, number: int, shard: Any) -> Done:
        return self.call(number, shard)
