"""voxel_index against torch.unique of the rows, and against sorting the same keys: JSON lines.

    .venv/bin/python benchmarks/kernels/voxel_index_bench.py [--voxels 400000 --threads 2]
"""

import argparse

import torch
import voxels  # puts the folders of the next ones on the path
from bench_runs import interleaved_medians


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--voxels", type=int, default=400_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=9)
    arguments = parser.parse_args()
    voxels.tevatrain.ops.load()
    torch.set_num_threads(arguments.threads)
    rows = voxels.track_like(arguments.voxels)
    shuffled = rows[torch.randperm(len(rows))].contiguous()
    keys = torch.ops.tev.voxel_index(rows)[0][torch.randperm(len(rows))].contiguous()
    ms = interleaved_medians({"tev": lambda: torch.ops.tev.voxel_index(shuffled), "tev_sorted": lambda: torch.ops.tev.voxel_index(rows),
                         "torch.unique": lambda: torch.unique(shuffled, dim=0, return_inverse=True), "torch.sort": lambda: keys.sort()}, arguments.repeats)
    voxels.show(benchmark="voxel_index", voxels=len(rows), threads=arguments.threads, ms=ms, times_unique=ms["torch.unique"] / ms["tev"],
                times_sort=ms["torch.sort"] / ms["tev"])


if __name__ == "__main__":
    main()
