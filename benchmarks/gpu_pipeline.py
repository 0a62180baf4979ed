"""Parts of the GPU benchmark that need spaCy, and on a GPU CuPy: component and pipelines."""

import itertools
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .gpu_run import Run, largest_difference

ENCODER = {
    "@architectures": "spacy.HashEmbedCNN.v2",
    "width": 96,
    "depth": 2,
    "embed_size": 500,
    "window_size": 1,
    "maxout_pieces": 3,
    "subword_features": True,
    "pretrained_vectors": None,
}
# Of the systems of `peers`; those of the second row have a transformer.
SYSTEMS = ("global_pointer", "spancat", "ner", "encoder")
TRANSFORMERS = ("global_pointer_transformer", "spancat_transformer", "ner_transformer")
PASSES = 8
# Words of a batch, and what MiniLM learns best with (docs/results.md).
BATCH = 1000
LEARN_RATE, THINC_SCALE = 0.0003, 3.3


class TimeUp(Exception):
    """No time is left for another pass."""


def use_device(run: Run) -> None:
    """Let Thinc make new models on the device. RAISES: what Thinc raises without CuPy."""
    from thinc.api import require_gpu, set_gpu_allocator

    if run.device == "cuda":
        set_gpu_allocator("pytorch")
        require_gpu()


def make_docs(number: int) -> list[Any]:
    """Generated sentences with nested spans."""
    from .text import STYLES, generate

    return generate(STYLES["genia"], number, seed=0)


def make_component(docs: Sequence[Any], head: str, per: str, max_length: Any, **model: Any) -> Any:
    """An initialized pipeline with the component alone."""
    import spacy
    from spacy.util import fix_random_seed

    name = f"spacy_globalpointer.{head}.v1"
    config = {
        "model": {"@architectures": name, "tok2vec": ENCODER, "hidden_size": None, **model},
        "loss": {"@losses": "spacy_globalpointer.ZLPR.v1", "per": per},
        "max_length": max_length,
        "threshold": 0.2,
    }
    fix_random_seed(0)
    nlp = spacy.blank("en")
    nlp.add_pipe("global_pointer", config=config)
    nlp.initialize(lambda: [doc.make_example(nlp.vocab) for doc in docs])
    return nlp


def compare_with_cpu(run: Run, result: dict[str, Any]) -> None:
    """Loss, gradients and spans of every architecture, with the same weights on device and CPU."""
    from thinc.api import use_ops

    use_device(run)
    docs = make_docs(4 if run.quick else 20)
    heads, hidden = ("EfficientGlobalPointer", "GlobalPointer"), (None, 32)
    rescorers = None, {"@architectures": "spacy_globalpointer.SpanRescorer.v1"}
    choices = product(heads, (True, False), hidden, (None, 8), ("start", "document"), rescorers)
    result["cases"] = cases = []
    for head, rope, hidden_size, max_length, per, rescorer in list(choices)[
        :: 7 if run.quick else 1
    ]:
        made = (docs, head, per, max_length)
        settings = {"rope": rope, "hidden_size": hidden_size, "rescorer": rescorer}
        with use_ops("numpy"):
            on_cpu = make_component(*made, **settings)
            for _ in range(2 if run.quick else 15):
                on_cpu.update([doc.make_example(on_cpu.vocab) for doc in docs])
            expected = _outcome(on_cpu, docs)
        on_device = make_component(*made, **settings).from_bytes(on_cpu.to_bytes())
        found = _outcome(on_device, docs)
        case = {"head": head, "per": per, "max_length": max_length, **settings}
        case["ops"] = on_device.get_pipe("global_pointer").model.ops.name
        for i, name in enumerate(("loss", "gradients")):
            case[name] = largest_difference(found[i], expected[i])
        cases.append(
            {**case, "spans": len(expected[2]), "other_spans": len(found[2] ^ expected[2])}
        )
    names = ("loss", "gradients", "other_spans")
    result["largest"] = {name: max(case[name] for case in cases) for name in names}


def _outcome(nlp: Any, docs: Sequence[Any]) -> tuple[list[Tensor], list[Tensor], set[Any]]:
    """Loss, gradients of rows and weights, and spans, without dropout."""
    from thinc.api import set_dropout_rate, to_numpy

    pipe = nlp.get_pipe("global_pointer")
    examples = [doc.make_example(nlp.vocab) for doc in docs]
    set_dropout_rate(pipe.model, 0.0)
    rows, backprop = pipe.model.begin_update([example.predicted for example in examples])
    torch.manual_seed(0)  # the loss lays the documents end to end in random order
    loss, d_rows = pipe.get_loss(examples, rows)
    backprop(d_rows)
    gradients = [pipe.model.ops.flatten(d_rows)]
    for node in pipe.model.walk():
        gradients += [node.get_grad(name) for name in node.param_names if node.has_grad(name)]
        for name in node.grad_names:
            node.set_grad(name, 0 * node.get_grad(name))
    found = nlp.pipe(doc.make_doc(nlp.vocab) for doc in docs)
    spans = {(i, s.start, s.end, s.label_) for i, doc in enumerate(found) for s in doc.spans["sc"]}
    return [torch.tensor(loss)], [torch.tensor(to_numpy(each)) for each in gradients], spans


def count_waits(run: Run, result: dict[str, Any]) -> None:
    """How often an update and a prediction of the component make the host wait for PyTorch's work.

    CuPy's own waits are not seen.
    """
    use_device(run)
    docs = make_docs(6 if run.quick else 40)
    for max_length in (None, 32):
        nlp = make_component(docs, "EfficientGlobalPointer", "start", max_length)
        examples = [doc.make_example(nlp.vocab) for doc in docs]
        new = [doc.make_doc(nlp.vocab) for doc in docs]
        pipe = nlp.get_pipe("global_pointer")
        result[f"max_length {max_length}"] = {
            "update": run.waits(lambda pipe=pipe, given=examples: pipe.update(given)),
            "predict": run.waits(lambda pipe=pipe, given=new: pipe.predict(given)),
        }


def measure_words_per_second(run: Run, result: dict[str, Any]) -> None:
    """Of whole pipelines, in training and prediction; with a transformer where there is one."""
    use_device(run)
    docs = _read(run, "dev") if run.data else make_docs(500)
    docs = docs[: 8 if run.quick else 500]
    result["words"] = sum(len(doc.words) for doc in docs)
    result["text"] = "GENIA, dev" if run.data else "generated"
    for system in SYSTEMS[:1] if run.quick else SYSTEMS:
        result[system] = _speed(run, system, docs, {})
    if not run.encoder:
        result["transformers"] = "not run: no ENCODER"
        return
    import spacy_transformers  # noqa: F401  (the error says why it is not there)

    mixed = {"components.transformer.model.mixed_precision": run.device == "cuda"}
    with ExitStack() as stack:
        base = stack.enter_context(tempfile.TemporaryDirectory())
        _save_base_encoder(run, Path(base))
        ours, *peers = TRANSFORMERS
        cases = [(ours, run.encoder, {}), (ours, run.encoder, mixed), (ours, base, {})]
        cases += [(ours, base, mixed), *((peer, run.encoder, {}) for peer in peers)]
        for system, encoder, extra in cases[: 4 if run.quick else None]:
            size = "BERT-base" if encoder == base else "ENCODER"
            label = f"{system}, {size}{', mixed precision' if extra else ''}"
            result[label] = _speed(run, system, docs, {"paths.encoder": encoder, **extra})


def _save_base_encoder(run: Run, folder: Path) -> None:
    """Random weights of the size of BERT-base, with the tokenizer of the small encoder."""
    from transformers import BertConfig, BertModel

    shutil.copytree(run.encoder, folder, dirs_exist_ok=True)
    small = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    BertModel(BertConfig(**small if run.quick else {})).save_pretrained(folder)


def _speed(run: Run, system: str, docs: Sequence[Any], overrides: dict[str, Any]) -> Any:
    """Words per second of processor and device, or why there are none."""
    try:
        from .pipeline import Trainer

        trainer = Trainer(system, docs, 0, overrides)
        trainer.optimizer.learn_rate = LEARN_RATE if overrides else 0.001
        words = sum(len(doc.words) for doc in docs)
        repeats = 1 if run.quick else 2
        speeds = {}
        for what in ("training", "prediction"):
            prepare = getattr(trainer, f"prepare_{what}")
            prepare(docs[:100])()  # compiles kernels, and finds out their sizes
            # A short step is repeated within a sample.
            steps = itertools.cycle([prepare() for _ in range(repeats + 1)])
            seconds = run.medians({what: lambda steps=steps: next(steps)()}, repeats)[what]
            speeds[what] = words / seconds
        return speeds
    except Exception as error:
        return {"error": f"{type(error).__name__}: {str(error)[:1000]}"}


def _read(run: Run, part: str) -> list[Any]:
    import spacy

    from .text import read_corpus

    path = Path(run.data) / "genia" / f"{part}.jsonl.gz"
    return list(read_corpus(path, spacy.blank("en")))


def train_on_genia(run: Run, result: dict[str, Any]) -> None:
    """F1 on GENIA's dev set after each pass, with the encoder that was given."""
    if not (run.data and run.encoder):
        result["not run"] = "no DATA or no ENCODER"
        return
    from .accuracy import train_and_score

    use_device(run)
    limit = 20 if run.quick else None
    train, dev = (_read(run, part)[:limit] for part in ("train", "dev"))
    result.update(train=len(train), dev=len(dev), passes=[])
    n_steps = PASSES * sum(len(doc.words) for doc in train) // (BATCH * 9 // 10)
    overrides = {
        "paths.encoder": run.encoder,
        "training.accumulate_gradient": 1,
        "training.batcher.size": BATCH,
        "training.optimizer.learn_rate.initial_rate": LEARN_RATE,
        "training.optimizer.learn_rate.warmup_steps": n_steps // 10,
        "training.max_steps": n_steps,
        "training.optimizer.thinc_scale": THINC_SCALE,
    }
    result["overrides"] = {**overrides, "paths.encoder": Path(run.encoder).name}
    start = seconds = run.seconds_left()

    def log(line: str) -> None:
        nonlocal seconds
        taken, seconds = seconds - run.seconds_left(), run.seconds_left()
        result["passes"].append(f"{line}, {taken:.0f} s")
        print(result["passes"][-1], flush=True)
        if run.seconds_left() < 1.2 * taken:
            raise TimeUp(f"after {start - run.seconds_left():.0f} s")

    try:
        outcome = train_and_score(
            TRANSFORMERS[0],
            *(train, dev),
            lang="en",
            passes=PASSES,
            seed=0,
            overrides=overrides,
            log=log,
        )
        result["curve"] = outcome["curve"]
    except TimeUp as error:
        result["stopped"] = str(error)
