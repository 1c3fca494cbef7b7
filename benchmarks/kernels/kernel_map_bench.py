"""kernel_map of track-like voxels against std::unordered_map and spconv's CPU wheel: JSON lines.

    .venv/bin/python benchmarks/kernels/kernel_map_bench.py [--voxels 400000 --threads 2]

spconv gives its map with a layer alone: a layer of one channel, beside ours with voxel_index and kernel_map.
"""

import argparse
import ctypes
import subprocess
import tempfile
from pathlib import Path

import torch
import voxels  # puts the folders of the next ones on the path
from bench_runs import interleaved_medians
from peers.spconv_cpu import SubmanifoldConv


def hash_map(folder):
    """The peer in C++, compiled here."""
    library = Path(folder) / "hash_map.so"
    subprocess.run(["g++", "-O3", "-std=c++17", "-shared", "-fPIC", voxels.ROOT / "benchmarks/peers/hash_map.cpp", "-o", library], check=True)
    function = ctypes.CDLL(str(library)).submanifold_pairs
    function.restype = ctypes.c_int64
    return lambda keys: function(ctypes.c_void_p(keys.data_ptr()), ctypes.c_int64(len(keys)))


def layer(rows, x, weight):
    keys = torch.ops.tev.voxel_index(rows)[0]
    return torch.ops.tev.sparse_conv(x, weight, None, *torch.ops.tev.convolution_maps(keys, keys, [3, 3, 3]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--voxels", type=int, default=400_000)
    parser.add_argument("--threads", type=int, default=1, help="of ours; both peers find their maps on one")
    parser.add_argument("--repeats", type=int, default=9)
    arguments = parser.parse_args()
    voxels.tevatrain.ops.load()
    torch.set_num_threads(arguments.threads)
    rows = voxels.track_like(arguments.voxels)
    keys = torch.ops.tev.voxel_index(rows)[0]
    geometry = torch.ops.tev.kernel_map(keys, keys, [3, 3, 3])
    spconv, one, weight = SubmanifoldConv(rows, 1), torch.ones(len(rows), 1), torch.ones(27, 1, 1)
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        by_hash = hash_map(folder)
        assert by_hash(keys) == len(geometry[0])
        ms = interleaved_medians({"tev": lambda: torch.ops.tev.kernel_map(keys, keys, [3, 3, 3]), "unordered_map": lambda: by_hash(keys),
                             "spconv_layer": lambda: spconv(one), "tev_layer": lambda: layer(rows, one, weight)}, arguments.repeats)
    voxels.show(benchmark="kernel_map", **voxels.statistics_of(keys, geometry), threads=arguments.threads, ms=ms,
                times_unordered_map=ms["unordered_map"] / ms["tev"], times_spconv_layer=ms["spconv_layer"] / ms["tev_layer"])


if __name__ == "__main__":
    main()
