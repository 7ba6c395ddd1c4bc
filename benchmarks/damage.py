"""Damages a file where chance has it, as another file of the same name, since an open one may be mapped into memory."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

_BLOCK = 4096  # bytes


def flip(path: Path, dice: random.Random) -> str:
    """Turn over some bits of a file."""
    data = bytearray(path.read_bytes())
    places = [dice.randrange(len(data)) for _ in range(dice.choice((1, 1, 3, 20)))] if data else []
    for place in places:
        data[place] ^= 1 << dice.randrange(8)
    _replace(path, data)
    return f"{len(places)} bits of {path.name} turned over" if places else ""


def cut(path: Path, dice: random.Random) -> str:
    """Cut a file short."""
    data = path.read_bytes()
    left = dice.randrange(len(data)) if data else 0
    _replace(path, data[:left])
    return f"{path.name} cut from {len(data)} to {left} bytes" if data else ""


def blank(path: Path, dice: random.Random) -> str:
    """Let a block of a file be zeros, as after a sector was lost."""
    data = bytearray(path.read_bytes())
    start = dice.randrange(0, max(1, len(data)), _BLOCK)
    lost = data[start : start + _BLOCK]
    data[start : start + _BLOCK] = bytes(len(lost))
    _replace(path, data)
    return f"{len(lost)} bytes of {path.name} are zeros" if any(lost) else ""


def _replace(path: Path, data: bytes | bytearray) -> None:
    path.unlink()
    path.write_bytes(data)


Damage = Callable[[Path, random.Random], str]
DAMAGES: tuple[Damage, ...] = (flip, cut, blank)


def damage(path: Path, dice: random.Random) -> str:
    """Damage a file in one of these ways; return what was done, empty where that is nothing."""
    return dice.choice(DAMAGES)(path, dice)
