"""Train a reader: ``python -m training.reader DATA OUT SIZE``, from the shared data to a folder of OUT.

It writes where it is into OUT every few minutes; the same command goes on from there.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor

from rag.encoder import CARD
from rag.reader import SIZES
from training import examples, lessons, net, shipped, taught
from training.loss import loss
from training.weights import minilm_folder, mpnet_folder

SEED = 1
DECAY = 0.01
CLIP = 1.0  # norm of the gradient
SAVE_S = 240.0  # between two checkpoints
TOLD = 20  # steps between two lines of the log


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a reader of a size is made: of which layers, in how many steps of how many tokens.

    The learning rate rises to ``peak`` over ``warm`` of the steps, and falls to nothing in a line. ``mean_at`` are
    the steps whose weights the mean is of; without any the last weights are the reader's. ``frozen`` is
    ``net.fresh``'s. One that is ``taught`` goes on from the fast reader with what a teacher made of the lessons.
    """

    folder: str
    n_layers: int
    frozen: int | None
    n_steps: int
    step_tokens: int
    peak: float
    warm: float
    mean_at: tuple[int, ...] = ()
    taught: bool = False


RECIPES = {
    "fast": Recipe("reader", 6, None, 2_300, 8_192, 2e-4, 0.04, (1_728, 1_908, 2_088, 2_300)),
    "accurate": Recipe("reader_accurate", 10, 2, 1_173, 4_096, 8e-5, 0.06),  # one round over the lessons
    "taught": Recipe("reader_taught", 6, None, 560, 8_192, 1e-4, 0.04, (392, 448, 504, 560), taught=True),
}


@dataclass
class Run:
    """A run as it stands: the network, Adam's moments, how many steps are done, and the mean of ``n_mean`` weights."""

    model: net.Network
    optimizer: torch.optim.AdamW
    done: int = 0
    mean: dict[str, Tensor] = field(default_factory=dict)
    n_mean: int = 0


def begun(recipe: Recipe, source: Path) -> Run:
    """Return a run at its beginning, with the weights of ``source``."""
    if not recipe.taught:
        model = net.fresh(source, SEED, recipe.n_layers, recipe.frozen)
    else:
        model = shipped.learner(source) if (source / CARD).exists() else net.opened(source)
    return Run(model, torch.optim.AdamW(_parts(model), lr=recipe.peak, betas=(0.9, 0.98), fused=True))


def _parts(model: net.Network) -> list[dict[str, object]]:
    learned = [parameter for _, parameter in net.learned(model)]
    return [
        {"params": [p for p in learned if p.ndim > 1], "weight_decay": DECAY},
        {"params": [p for p in learned if p.ndim < 2], "weight_decay": 0.0},
    ]


def rate(recipe: Recipe, step: int) -> float:
    """Return the learning rate of a step, from 0."""
    warm = recipe.warm * recipe.n_steps
    return recipe.peak * min((step + 1) / warm, (recipe.n_steps - step) / (recipe.n_steps - warm))


def train(run: Run, found: Iterator[examples.Step], recipe: Recipe, checkpoint: Path) -> None:
    """Go on with a run to its end."""
    saved = told = time.monotonic()
    n_told = seen = 0
    total = 0.0
    while run.done < recipe.n_steps:
        step = next(found)
        for group in run.optimizer.param_groups:
            group["lr"] = rate(recipe, run.done)
        value = loss(net.logits(run.model, step.batch), step)
        value.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(run.model.parameters(), CLIP)
        run.optimizer.step()
        run.optimizer.zero_grad()
        run.done += 1
        if run.done in recipe.mean_at:
            averaged(run)
        n_told, seen, total = n_told + 1, seen + len(step.may), total + float(value.detach())
        now = time.monotonic()
        if run.done % TOLD == 0:
            left = (recipe.n_steps - run.done) * (now - told) / n_told / 60
            at, pace = f"step {run.done:,} of {recipe.n_steps:,}", f"{seen / (now - told):,.0f} tokens/s"
            print(f"{at}, loss {total / n_told:.3f}, {pace}, {left:.0f} min left", flush=True)
            told, n_told, seen, total = now, 0, 0, 0.0
        if now - saved > SAVE_S:
            save(run, checkpoint)
            saved = now
    save(run, checkpoint)


def averaged(run: Run) -> None:
    """Let the weights as they are now count in the mean (Izmailov et al. 2018)."""
    run.n_mean += 1
    for name, parameter in net.learned(run.model):
        before = run.mean.setdefault(name, torch.zeros_like(parameter))
        before += (parameter.detach() - before) / run.n_mean


# ---- Checkpoints


def save(run: Run, path: Path) -> None:
    """Write a run into one file, wholly or not at all."""
    tensors: dict[str, Tensor] = {"done": torch.tensor(run.done), "n_mean": torch.tensor(run.n_mean)}
    tensors |= {f"mean.{name}": tensor for name, tensor in run.mean.items()}
    for name, parameter in net.learned(run.model):
        tensors[f"model.{name}"] = parameter.detach()
        for key, value in run.optimizer.state.get(parameter, {}).items():
            tensors[f"{key}.{name}"] = value
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path.with_suffix(".tmp"))
    path.with_suffix(".tmp").replace(path)


def resumed(path: Path, recipe: Recipe, source: Path) -> Run:
    """Return the run of a checkpoint, or a new one where there is none."""
    run = begun(recipe, source)
    if path.exists():
        tensors = load_file(path)
        run.done, run.n_mean = int(tensors["done"]), int(tensors["n_mean"])
        run.mean = {key[5:]: tensor for key, tensor in tensors.items() if key.startswith("mean.")}
        for name, parameter in net.learned(run.model):
            parameter.data.copy_(tensors[f"model.{name}"])
            keys = ("step", "exp_avg", "exp_avg_sq")
            run.optimizer.state[parameter] = {key: tensors[f"{key}.{name}"].clone() for key in keys}
    return run


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line.

    Raises:
        ModelMissing: the weights that it begins with are not installed.
    """
    parser = argparse.ArgumentParser(prog="python -m training.reader", description=__doc__)
    parser.add_argument("data", type=Path, help="folder that holds qa/")
    parser.add_argument("out", type=Path, help="folder to write")
    parser.add_argument("size", choices=RECIPES, help="which reader")
    parser.add_argument("--steps", type=int, help="fewer than it takes, to try it")
    arguments = parser.parse_args(argv)
    out, size = arguments.out, arguments.size
    recipe = replace(RECIPES[size], n_steps=arguments.steps or RECIPES[size].n_steps)
    lessons.write(arguments.data, out / "lessons")
    source = _source(size, out)
    tokenizer = examples.opened(Tokenizer.from_file(str(source / "tokenizer.json")))
    checkpoint = out / f"{recipe.folder}.safetensors"
    run = resumed(checkpoint, recipe, source)
    if recipe.taught:
        found = examples.taught_steps(taught.groups(out / "taught"), SEED, recipe.step_tokens, run.done)
    else:
        found = examples.steps(lessons.read(out / "lessons"), tokenizer, SEED, recipe.step_tokens, run.done)
    train(run, found, recipe, checkpoint)
    run.model.load_state_dict(run.mean, strict=False)
    run.model.save_pretrained(out / recipe.folder)
    tokenizer.save(str(out / recipe.folder / "tokenizer.json"))


def _source(size: str, out: Path) -> Path:
    """Return the folder of the weights that a reader begins with."""
    if size == "accurate":
        return mpnet_folder(out)
    made = out / RECIPES["fast"].folder
    return minilm_folder() if size == "fast" else made if made.exists() else SIZES["fast"]


if __name__ == "__main__":
    main()
