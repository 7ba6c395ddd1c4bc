"""Train the reader: ``python -m training.reader DATA OUT``, from the shared data to ``OUT/reader``.

It writes where it is into OUT every few minutes; the same command goes on from there.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor

from training import examples, lessons, net
from training.export import minilm_folder
from training.loss import loss

SEED = 1
N_STEPS = 2_300  # of 8,192 tokens: four rounds over the lessons
PEAK = 2e-4  # learning rate; it rises over WARM of the steps, and falls to nothing in a line
WARM = 0.04
DECAY = 0.01
CLIP = 1.0  # norm of the gradient
MEAN_AT = (1_728, 1_908, 2_088, 2_300)  # the steps whose weights the mean is of: checkpoints of the first run
SAVE_S = 240.0  # between two checkpoints
TOLD = 20  # steps between two lines of the log


@dataclass
class Run:
    """A run as it stands: the network, Adam's moments, how many steps are done, and the mean of ``n_mean`` weights."""

    model: net.Network
    optimizer: torch.optim.AdamW
    done: int = 0
    mean: dict[str, Tensor] = field(default_factory=dict)
    n_mean: int = 0


def begun() -> Run:
    """Return a run at its beginning."""
    model = net.fresh(SEED)
    return Run(model, torch.optim.AdamW(_parts(model), lr=PEAK, betas=(0.9, 0.98), fused=True))


def _parts(model: net.Network) -> list[dict[str, object]]:
    return [
        {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": DECAY},
        {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]


def rate(step: int, n_steps: int) -> float:
    """Return the learning rate of a step, from 0."""
    warm = WARM * n_steps
    return PEAK * min((step + 1) / warm, (n_steps - step) / (n_steps - warm))


def train(run: Run, found: Iterator[examples.Step], n_steps: int, checkpoint: Path) -> None:
    """Go on with a run to its end."""
    saved = told = time.monotonic()
    n_told = seen = 0
    total = 0.0
    while run.done < n_steps:
        step = next(found)
        for group in run.optimizer.param_groups:
            group["lr"] = rate(run.done, n_steps)
        value = loss(net.logits(run.model, step.batch), step)
        value.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(run.model.parameters(), CLIP)
        run.optimizer.step()
        run.optimizer.zero_grad()
        run.done += 1
        if run.done in MEAN_AT:
            averaged(run)
        n_told, seen, total = n_told + 1, seen + len(step.may), total + float(value.detach())
        now = time.monotonic()
        if run.done % TOLD == 0:
            left = (n_steps - run.done) * (now - told) / n_told / 60
            line = f"step {run.done:,} of {n_steps:,}, loss {total / n_told:.3f}, {seen / (now - told):,.0f} tokens/s"
            print(f"{line}, {left:.0f} min left", flush=True)
            told, n_told, seen, total = now, 0, 0, 0.0
        if now - saved > SAVE_S:
            save(run, checkpoint)
            saved = now
    save(run, checkpoint)


def averaged(run: Run) -> None:
    """Let the weights as they are now count in the mean (Izmailov et al. 2018)."""
    run.n_mean += 1
    for name, parameter in run.model.named_parameters():
        before = run.mean.setdefault(name, torch.zeros_like(parameter))
        before += (parameter.detach() - before) / run.n_mean


# ---- Checkpoints


def save(run: Run, path: Path) -> None:
    """Write a run into one file, wholly or not at all."""
    tensors: dict[str, Tensor] = {"done": torch.tensor(run.done), "n_mean": torch.tensor(run.n_mean)}
    tensors |= {f"mean.{name}": tensor for name, tensor in run.mean.items()}
    for name, parameter in run.model.named_parameters():
        tensors[f"model.{name}"] = parameter.detach()
        for key, value in run.optimizer.state.get(parameter, {}).items():
            tensors[f"{key}.{name}"] = value
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path.with_suffix(".tmp"))
    path.with_suffix(".tmp").replace(path)


def resumed(path: Path) -> Run:
    """Return the run of a checkpoint, or a new one where there is none."""
    run = begun()
    if path.exists():
        tensors = load_file(path)
        run.done, run.n_mean = int(tensors["done"]), int(tensors["n_mean"])
        run.mean = {key[5:]: tensor for key, tensor in tensors.items() if key.startswith("mean.")}
        for name, parameter in run.model.named_parameters():
            parameter.data.copy_(tensors[f"model.{name}"])
            keys = ("step", "exp_avg", "exp_avg_sq")
            run.optimizer.state[parameter] = {key: tensors[f"{key}.{name}"].clone() for key in keys}
    return run


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m training.reader", description=__doc__)
    parser.add_argument("data", type=Path, help="folder that holds qa/")
    parser.add_argument("out", type=Path, help="folder to write")
    parser.add_argument("--steps", type=int, default=N_STEPS, help="fewer, to try it")
    arguments = parser.parse_args(argv)
    lessons.write(arguments.data, arguments.out / "lessons")
    learned = lessons.read(arguments.out / "lessons")
    tokenizer = examples.opened(Tokenizer.from_file(str(minilm_folder() / "tokenizer.json")))
    checkpoint = arguments.out / "run.safetensors"
    run = resumed(checkpoint)
    train(run, examples.steps(learned, tokenizer, SEED, run.done), arguments.steps, checkpoint)
    for name, weights in (("last", {}), ("reader", run.mean)):  # a short try has no mean
        run.model.load_state_dict(weights, strict=False)
        run.model.save_pretrained(arguments.out / name)
        tokenizer.save(str(arguments.out / name / "tokenizer.json"))


if __name__ == "__main__":
    main()
