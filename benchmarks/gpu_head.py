"""Parts of the GPU benchmark that need PyTorch alone, and one that needs transformers too."""

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn

from spacy_globalpointer.nn import RowLayout, SpanFactors, decode, zlpr

from .gpu_run import Run, largest_difference

HEAD_SIZE = 64
# Gold spans: one for so many tokens.
TOKENS_PER_GOLD = 8
HALF = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}


class Head(nn.Module):
    """Efficient GlobalPointer, or GlobalPointer, in plain PyTorch."""

    def __init__(self, hidden: int, n_labels: int, n_groups: int) -> None:
        super().__init__()
        self.layout = RowLayout(HEAD_SIZE, n_labels, shared=n_groups == 1)
        self.extractor = nn.Linear(hidden, 2 * HEAD_SIZE * n_groups)
        self.types = nn.Linear(2 * HEAD_SIZE, 2 * n_labels) if n_groups == 1 else None

    def forward(self, states: Tensor, max_length: int | None = None) -> SpanFactors:
        """From hidden states (b, l, hidden) to factors."""
        pairs = self.extractor(states)
        rows = pairs if self.types is None else torch.cat((pairs, self.types(pairs)), -1)
        mask = torch.ones(rows.shape[:2], dtype=torch.bool, device=rows.device)
        return self.layout.factors(rows, mask, max_length)


def make_gold(b: int, length: int, c: int, longest: int = 6) -> Tensor:
    """Rows (document, label, start, last) on the host, without duplicates."""
    n = max(1, b * length // TOKENS_PER_GOLD)
    document, label = torch.randint(b, (n,)), torch.randint(c, (n,))
    start = torch.randint(length, (n,))
    last = (start + torch.randint(longest, (n,))).clamp(max=length - 1)
    return torch.stack((document, label, start, last), 1).unique(dim=0)


def compare_with_cpu(run: Run, result: dict[str, Any]) -> None:
    """Loss, gradient and spans of the same rows: device and CPU in float32, CPU in float64."""
    torch.manual_seed(0)
    shapes = [(3, 24, 4)] if run.quick else [(4, 40, 6), (2, 512, 20)]
    choices = product(shapes, ("one", "each"), (True, False), (None, 8), ("start", "document"))
    result["cases"] = cases = []
    for shape, groups, rope, max_length, per in choices:
        b, length, c = shape
        layout = RowLayout(HEAD_SIZE, c, shared=groups == "one", rope=rope)
        rows, gold = torch.randn(b, length, layout.width), make_gold(b, length, c)
        outcomes = [
            _outcome(rows.to(*place), gold, layout, max_length, per)
            for place in ((run.device,), ("cpu",), ("cpu", torch.float64))
        ]
        device, cpu, exact = outcomes
        case = {"shape": shape, "groups": groups, "rope": rope, "max_length": max_length}
        case.update(per=per, spans=len(cpu[2]), other_spans=len(device[2] ^ cpu[2]))
        for i, name in enumerate(("loss", "gradient")):
            case[f"{name}_device_cpu"] = largest_difference([device[i]], [cpu[i]])
            case[f"{name}_device_float64"] = largest_difference([device[i]], [exact[i]])
            case[f"{name}_cpu_float64"] = largest_difference([cpu[i]], [exact[i]])
        cases.append(case)
    names = [name for name in cases[0] if name.startswith(("loss", "gradient"))]
    result["largest"] = {name: max(case[name] for case in cases) for name in names}
    result["largest"]["other_spans"] = max(case["other_spans"] for case in cases)


def _outcome(
    rows: Tensor, gold: Tensor, layout: RowLayout, max_length: int | None, per: Any
) -> tuple[Tensor, Tensor, set]:
    rows = rows.detach().requires_grad_()
    mask = torch.ones(rows.shape[:2], dtype=torch.bool, device=rows.device)
    mask[0, rows.shape[1] // 2 :] = False
    gold = gold[(gold[:, 0] > 0) | (gold[:, 3] < rows.shape[1] // 2)]
    factors = layout.factors(rows, mask, max_length)
    loss = zlpr(factors, gold, per=per)
    (gradient,) = torch.autograd.grad(loss.sum(), rows)
    with torch.no_grad():
        cuts = torch.full((layout.n_labels,), 2.5, device=rows.device)
        spans = decode(factors, cuts)
    found = zip(*(column.tolist() for column in spans[:4]), strict=True)
    return loss.detach(), gradient, set(found)


def time_beside_encoder(run: Run, result: dict[str, Any]) -> None:
    """Seconds of a step of the head, and of an encoder of the size of BERT-base, and the ratio."""
    tokens, sizes = (64, [16]) if run.quick else (4096, [128, 512])
    for length in sizes:
        encoder, ids = make_encoder(run, tokens // length, length)
        steps: dict[str, Callable[[], object]] = {
            f"encoder {name}": partial(_encoder_step, run, encoder, ids, half)
            for name, half in HALF.items()
            if name != "float16"
        }
        steps["encoder tf32"] = partial(_encoder_tf32, run, encoder, ids)
        width = encoder.config.hidden_size
        for c in (2, 3) if run.quick else (10, 100, 1000):
            head = "efficient", 1
            for name, n_groups in (head, ("global_pointer", c)) if c <= 100 else (head,):
                for max_length in (None, 32):
                    step = head_step(run, ids.shape, width, c, n_groups, max_length)
                    steps[f"{name} {c} labels, max_length {max_length}"] = step
        seconds = run.medians(steps, 1 if run.quick else 7)
        forms = [name for name in seconds if name.startswith("encoder")]
        ratios = {
            form: {n: s / seconds[form] for n, s in seconds.items() if n not in forms}
            for form in forms
        }
        name = f"{tokens // length} documents x {length} tokens"
        result[name] = {"seconds": seconds, "ratio_to": ratios}


def make_encoder(run: Run, b: int, length: int) -> tuple[nn.Module, Tensor]:
    """BERT-base with random weights, and word pieces (b, l)."""
    from transformers import BertConfig, BertModel

    small = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    torch.manual_seed(0)
    encoder = BertModel(BertConfig(**small if run.quick else {}), add_pooling_layer=False)
    return encoder.to(run.device).train(), torch.randint(1000, (b, length), device=run.device)


def _encoder_step(run: Run, encoder: nn.Module, ids: Tensor, half: torch.dtype | None) -> None:
    with _autocast(run, half):
        states = encoder(input_ids=ids).last_hidden_state
    torch.autograd.grad(states.float().sum(), list(encoder.parameters()))


def _encoder_tf32(run: Run, encoder: nn.Module, ids: Tensor) -> None:
    torch.backends.cuda.matmul.allow_tf32 = True
    try:
        _encoder_step(run, encoder, ids, None)
    finally:
        torch.backends.cuda.matmul.allow_tf32 = False


def _autocast(run: Run, half: torch.dtype | None) -> AbstractContextManager[object]:
    if half is None:
        return contextlib.nullcontext()
    return torch.autocast(run.device, dtype=half)


def head_step(
    run: Run, shape: Any, width: int, c: int, n_groups: int, max_length: int | None = None
) -> Callable[[], object]:
    """A step of a head in float32: loss, and gradients of hidden states and weights.

    shape: documents and tokens.
    width (channels): of the hidden states.
    """
    b, length = shape
    states = torch.randn(b, length, width, device=run.device, requires_grad=True)
    head, gold = Head(width, c, n_groups).to(run.device), make_gold(b, length, c)
    parameters = [states, *head.parameters()]

    def step() -> None:
        torch.autograd.grad(zlpr(head(states, max_length), gold, per="start").sum(), parameters)

    return step


def count_waits(run: Run, result: dict[str, Any]) -> None:
    """How often a step of the head, and a prediction, make the host wait for the device."""
    b, length, c = (2, 16, 3) if run.quick else (16, 128, 10)
    for n_groups, max_length in product((1, c), (None, 32)):
        head = Head(32, c, n_groups).to(run.device)
        states = torch.randn(b, length, 32, device=run.device)
        cuts = torch.full((c,), 1.0, device=run.device)
        name = f"{n_groups} extractors, max_length {max_length}"
        train = head_step(run, (b, length), 32, c, n_groups, max_length)

        def predict(
            head: Head = head, states: Tensor = states, cuts: Tensor = cuts, at: Any = max_length
        ) -> None:
            with torch.no_grad():
                decode(head(states, at), cuts, max_spans=[10 * length] * b)

        result[name] = {"train": run.waits(train), "predict": run.waits(predict)}


def train_in_half_precision(run: Run, result: dict[str, Any]) -> None:
    """Train encoder and head on one batch; the encoder in half precision, the head as named."""
    b, length, c = (2, 16, 3) if run.quick else (16, 128, 10)
    for name, half in HALF.items():
        for whole in (False, True) if half is not None else (False,):
            if half is torch.float16 and run.device == "cpu":
                continue  # of no use there, and not supported by all versions
            label = f"encoder {name}, head {name if whole else 'float32'}"
            encoder, ids = make_encoder(run, b, length)
            head = Head(encoder.config.hidden_size, c, 1).to(run.device)
            result[label] = _train(run, encoder, head, ids, half, whole)
    seconds = {label: each["seconds"] for label, each in result.items()}
    for label, each in result.items():
        each["relative_time"] = seconds[label] / seconds["encoder float32, head float32"]


def _train(
    run: Run, encoder: nn.Module, head: Head, ids: Tensor, half: torch.dtype | None, whole: bool
) -> dict[str, Any]:
    optimizer = torch.optim.AdamW([*encoder.parameters(), *head.parameters()], lr=1e-4)
    scaler = torch.amp.GradScaler(run.device, enabled=half is torch.float16)
    gold = make_gold(*ids.shape, head.layout.n_labels)
    losses: list[Tensor] = []

    def step() -> None:
        with _autocast(run, half):
            states = encoder(input_ids=ids).last_hidden_state
            inside = head(states) if whole else None
        factors = head(states.float()) if inside is None else inside
        loss = zlpr(factors, gold, per="start").sum() / ids.numel()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
        losses.append(loss.detach())

    for _ in range(2 if run.quick else 30):
        step()
    seconds = run.medians({"step": step}, 1 if run.quick else 5)["step"]
    values = torch.stack(losses)
    return {
        "first_loss": float(values[0]),
        "last_loss": float(values[-1]),
        "finite": bool(values.isfinite().all()),
        "seconds": seconds,
    }
