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


def register_shapes() -> None:
    """Says to the compiler how large results are whose size only values tell: voxels, pairs and inputs of tiles are new sizes.

    What decides by values stays out of its graphs: voxel_index with duplicates "error" (say "sum" or "mean"), convolution_maps (say kernel_map twice).
    """

    def new_tensor(like, dtype, *columns):
        return like.new_empty((torch.library.get_ctx().new_dynamic_size(), *columns), dtype=dtype)

    @torch.library.register_fake("tev::_voxel_index")
    def voxel_index(coords):
        keys = new_tensor(coords, torch.int64)
        rows = lambda: coords.new_empty((coords.shape[0],), dtype=torch.int64)
        return keys, rows(), coords.new_empty((keys.shape[0] + 1,), dtype=torch.int64), rows()

    @torch.library.register_fake("tev::_kernel_map")
    def kernel_map(inputs, outputs, size, stride, dilation, transposed):
        taps, tiles = size[0] * size[1] * size[2], (outputs.shape[0] + 127) // 128
        offsets = lambda count: inputs.new_empty((count + 1,), dtype=torch.int64)
        return (new_tensor(inputs, torch.int32), offsets(tiles * taps), new_tensor(inputs, torch.int32), offsets(tiles),
                inputs.new_empty((outputs.shape[0], (taps + 31) // 32), dtype=torch.int32))

    @torch.library.register_fake("tev::_coarse_voxels")
    def coarse_voxels(fine, size, stride, dilation):
        return new_tensor(fine, torch.int64)


def load() -> Path:
    """Loads the operators once a process and returns the path of their library."""
    if not hasattr(load, "path"):
        path = library_path()
        torch.ops.load_library(str(path))
        cuda = path.with_name("libtev_kernels_cuda.so")
        if cuda.is_file() and torch.cuda.is_available():
            torch.ops.load_library(str(cuda))
        register_shapes()
        load.path = path
    return load.path
