"""How time and memory of the head grow with labels, tokens and documents.

`head` is a training step from hidden states: the default loss and gradients; `loss` is its part
from factors on; `products` are the bare matrix products that `head` needs, and nothing else: the
floor. `decode` finds spans in factors. `pipeline` predicts one document with a tok2vec encoder and
max_length, `encoder` without the head.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from spacy.tokens import Doc
from torch import Tensor

from spacy_globalpointer.losses import build_zlpr
from spacy_globalpointer.nn import decode

from .heads import HIDDEN, TOKENS_PER_GOLD, factored, make_head, with_gradients
from .measure import extra_memory, interleave, ready, save, summary
from .pipeline import Trainer
from .text import STYLES, generate


class Size(NamedTuple):
    """Of a batch; max_length (tokens) is None for spans of any length."""

    documents: int
    tokens: int
    labels: int
    max_length: int | None = None


AXES: dict[str, Sequence[Size]] = {
    "labels": [Size(8, 256, c) for c in (1, 10, 100, 1000)],
    "tokens": [
        Size(1, length, 50, max_length)
        for length in (64, 256, 1024, 4096, 16384)
        for max_length in (None, 64)
    ],
    "documents": [Size(b, 64, 10) for b in (1, 4, 16, 64)],
    "text": [Size(1, length, 5, 64) for length in (1_000, 10_000, 100_000)],
}
# Generated documents that a pipeline learns from before it predicts, and how often: a beginner
# finds spans everywhere.
TRAINED_DOCUMENTS, PASSES = 200, 20


def measure_scaling(
    output: Path,
    *,
    axes: dict[str, Sequence[Size]] | None = None,
    repeats: int = 5,
    seed: int = 0,
    memory: bool = True,
    log: Callable[[str], None] = print,
) -> None:
    """Time the steps at every size of every axis, all sizes of an axis taking turns.

    output: JSON file.
    axes: sizes by the name of what grows; None for AXES.
    repeats: rounds.
    memory: also measure the peak memory of each step, in a process of its own.
    log: told of each axis.
    """
    results: list[dict[str, Any]] = []
    for axis, sizes in (AXES if axes is None else axes).items():
        log(f"{axis}: {len(sizes)} sizes")
        names = (
            ("pipeline", "encoder") if axis == "text" else ("head", "loss", "products", "decode")
        )
        steps = {(name, size): prepare_step(name, size, seed) for size in sizes for name in names}
        cases = {case: ready(step) for case, step in steps.items()}
        for (name, size), seconds in interleave(cases, repeats=repeats).items():
            result = {"axis": axis, "step": name, **size._asdict(), "seconds": summary(seconds)}
            if memory:
                result["mib"] = extra_memory(prepare_step, name, size, seed)
            results.append(result)
    save(output, "scaling", {"hidden": HIDDEN, "seed": seed, "repeats": repeats}, results)


def prepare_step(step: str, size: Size, seed: int) -> Callable[[], object]:
    """Make a step of STEPS.

    RETURNS: a function without arguments.
    """
    return STEPS[step](size, seed)


def _head(size: Size, seed: int) -> Callable[[], object]:
    states, extractor, types, gold = make_head(size[:3], HIDDEN, seed)

    def loss(states: Tensor) -> Tensor:
        return build_zlpr()(factored(states, extractor, types, size.max_length), gold).sum()

    return with_gradients(loss, states, extractor, types)


def _loss(size: Size, seed: int) -> Callable[[], object]:
    states, extractor, types, gold = make_head(size[:3], HIDDEN, seed)
    with torch.no_grad():
        factors = factored(states, extractor, types, size.max_length)
    names = ("query", "key", "start_bias", "end_bias")
    leaves = {name: getattr(factors, name).contiguous().requires_grad_() for name in names}
    factors = replace(factors, **leaves)
    return lambda: torch.autograd.grad(build_zlpr()(factors, gold).sum(), list(leaves.values()))


def _products(size: Size, seed: int) -> Callable[[], object]:
    """The products of `_head`, in its blocks: forward and backward of the two layers and the loss.

    Their results are not read, so any numbers of the right shape will do.
    """
    states, extractor, types, _ = make_head(size[:3], HIDDEN, seed)
    with torch.no_grad():
        factors = factored(states, extractor, types, size.max_length)
    query, key = factors.query[:, 0], factors.key[:, 0]
    start, end = factors.start_bias.contiguous(), factors.end_bias.contiguous()

    @torch.no_grad()
    def products() -> None:
        pairs = states @ extractor.weight.T
        terms = pairs @ types.weight.T
        terms.flatten(0, 1).T @ pairs.flatten(0, 1)
        terms @ types.weight
        pairs.flatten(0, 1).T @ states.flatten(0, 1)
        pairs @ extractor.weight
        for s, e in factors.blocks():
            table = query[:, s] @ key[:, e].transpose(1, 2)
            table @ end[:, e]
            table.transpose(1, 2) @ start[:, s]
            start[:, s] @ end[:, e].transpose(1, 2)
            table @ key[:, e]
            table.transpose(1, 2) @ query[:, s]

    return products


def _decode(size: Size, seed: int) -> Callable[[], object]:
    """Find as many spans as there would be gold ones."""
    states, extractor, types, _ = make_head(size[:3], HIDDEN, seed)
    with torch.no_grad():
        factors = factored(states, extractor, types, size.max_length)
    n_spans = [max(1, size.tokens // TOKENS_PER_GOLD)] * size.documents
    best = decode(factors, torch.full((size.labels,), -torch.inf), max_spans=n_spans)
    cuts = best.score.min().expand(size.labels)
    return lambda: decode(factors, cuts)


def _pipeline(size: Size, seed: int) -> Callable[[], object]:
    return _predict_text(
        "global_pointer", size, seed, {"components.global_pointer.max_length": size.max_length}
    )


def _encoder(size: Size, seed: int) -> Callable[[], object]:
    return _predict_text("encoder", size, seed)


def _predict_text(
    system: str, size: Size, seed: int, overrides: dict[str, Any] | None = None
) -> Callable[[], object]:
    """One document of sentences put one after the other, and a pipeline that has learned a bit."""
    docs = generate(STYLES["genia"], TRAINED_DOCUMENTS + size.tokens // 10, seed)
    trainer = Trainer(system, docs[:TRAINED_DOCUMENTS], seed, overrides)
    for _ in range(PASSES if system != "encoder" else 1):
        trainer.prepare_training()()
    words = [word for doc in docs[TRAINED_DOCUMENTS:] for word in doc.words]
    doc = Doc(trainer.nlp.vocab, words=words[: size.tokens])
    return lambda: trainer.nlp(doc)


STEPS: dict[str, Callable[[Size, int], Callable[[], object]]] = {
    "head": _head,
    "loss": _loss,
    "products": _products,
    "decode": _decode,
    "pipeline": _pipeline,
    "encoder": _encoder,
}
