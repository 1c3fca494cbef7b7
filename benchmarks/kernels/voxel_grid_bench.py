"""to_dense and from_dense of voxels against index_put and indexing with coordinates, and the rate of filling the grid: JSON lines.

    .venv/bin/python benchmarks/kernels/voxel_grid_bench.py [--voxels 20000 --threads 2]
"""

import argparse

import torch
import voxels  # puts the folders of the next ones on the path
from bench_runs import interleaved_medians


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--voxels", type=int, default=20_000)
    parser.add_argument("--channels", type=int, default=16)
    parser.add_argument("--events", type=int, default=8)
    parser.add_argument("--extent", type=int, default=48)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=9)
    arguments = parser.parse_args()
    voxels.tevatrain.ops.load()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    rows = torch.randint(0, arguments.extent, (arguments.voxels, 4), dtype=torch.int32)
    rows[:, 0] %= arguments.events
    keys = torch.ops.tev.voxel_index(rows.unique(dim=0))[0]
    x, size = torch.randn(len(keys), arguments.channels), [arguments.extent] * 3
    event, *place = torch.ops.tev.voxel_coords(keys).long().unbind(1)
    shape = (arguments.events, arguments.channels, *size)

    def put():
        dense = torch.zeros(shape)
        dense[event, :, place[0], place[1], place[2]] = x
        return dense

    ours = lambda: torch.ops.tev.to_dense(x, keys, arguments.events, [0, 0, 0], size)
    dense = ours()
    assert torch.equal(dense, put())
    take = lambda: dense[event, :, place[0], place[1], place[2]]
    with torch.inference_mode():
        for case, functions in (("to_dense", {"tev": ours, "index_put": put, "zeros": lambda: torch.zeros(shape)}),
                                ("from_dense", {"tev": lambda: torch.ops.tev.from_dense(dense, keys, [0, 0, 0]), "index": take})):
            ms = interleaved_medians(functions, arguments.repeats)
            peer = "index_put" if case == "to_dense" else "index"
            limit = {"fraction_of_zeros": ms["zeros"] / ms["tev"]} if "zeros" in ms else {}
            voxels.show(benchmark="voxel_grid", case=case, voxels=len(keys), channels=arguments.channels, grid=list(shape), threads=arguments.threads, ms=ms,
                        **{f"times_{peer}": ms[peer] / ms["tev"]}, **limit)


if __name__ == "__main__":
    main()
