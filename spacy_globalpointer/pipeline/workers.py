"""One torch thread for each worker of `nlp.pipe(n_process=...)`.

spaCy forks its workers, where the system can. A process that is forked after torch has run on
several threads hangs at its first parallel operation: the threads are not there any more. With one
thread it needs none of them, and workers are there to use one core each.
"""

import os
import sys

import torch
from spacy.language import Language


def _use_one_thread() -> None:
    """Called in every forked process, but only those of spaCy are changed."""
    # Nothing but the call stack, which is forked too, says who has asked for the process.
    frame = sys._getframe()
    while frame is not None:
        if frame.f_code is Language._multiprocessing_pipe.__code__:
            torch.set_num_threads(1)
            return
        frame = frame.f_back  # type: ignore[assignment]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_use_one_thread)
