"""One torch thread for each worker of `nlp.pipe(n_process=...)`.

Where the system can, spaCy forks its workers. A process that is forked after torch has run on
several threads hangs at its first parallel operation, because the other threads do not exist in it.
With one thread it needs none of them, and each worker is meant to use one core anyway.
"""

import os
import sys

import torch
from spacy.language import Language


def _use_one_thread() -> None:
    """Called in every forked process, but changes only those of spaCy."""
    # Only the call stack, which is forked too, says who asked for the process.
    frame = sys._getframe()
    while frame is not None:
        if frame.f_code is Language._multiprocessing_pipe.__code__:
            torch.set_num_threads(1)
            return
        frame = frame.f_back  # type: ignore[assignment]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_use_one_thread)
