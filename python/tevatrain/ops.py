"""The operators of the C++ library, as torch.ops.tev.*.

>>> import torch, tevatrain.ops
>>> tevatrain.ops.load()
>>> torch.ops.tev.segment_reduce(torch.ones(3, 2), torch.tensor([0, 1, 3]), "sum")
"""

import os
from pathlib import Path

import torch

_LIBRARY = "libtev_kernels.so"
_REPOSITORY = Path(__file__).resolve().parents[2]


def library_path() -> Path:
    """The library to load: $TEVATRAIN_KERNELS, else the newest one built in build/*/lib of the repository.

    Raises FileNotFoundError, saying where it looked, when there is none.
    """
    named = os.environ.get("TEVATRAIN_KERNELS")
    if named:
        path = Path(named)
        if not path.is_file():
            raise FileNotFoundError(f"TEVATRAIN_KERNELS: no file '{path}' (the path of {_LIBRARY} was expected). "
                                    "Correct the variable, or unset it to use the repository's build.")
        return path
    built = sorted(_REPOSITORY.glob(f"build/*/lib/{_LIBRARY}"), key=lambda path: path.stat().st_mtime)
    if not built:
        raise FileNotFoundError(f"tevatrain.ops: no {_LIBRARY} under {_REPOSITORY / 'build'} (the operators are not "
                                "built). Run scripts/quickstart, or point TEVATRAIN_KERNELS to the library.")
    return built[-1]


def load() -> Path:
    """Loads the operators once a process and returns the path of their library."""
    if not hasattr(load, "path"):
        path = library_path()
        torch.ops.load_library(str(path))
        cuda = path.with_name("libtev_kernels_cuda.so")
        if cuda.is_file() and torch.cuda.is_available():
            torch.ops.load_library(str(cuda))
        load.path = path
    return load.path
