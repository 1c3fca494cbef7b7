"""The sparse U-ResNet against the same network of dense convolutions, on a crop of 96^3 voxels: time and memory of a training step, as a JSON line.

    .venv/bin/python benchmarks/models/sparse_dense_bench.py [--filters 8 --depth 3 --threads 2]

A crop of a toy event of a liquid-argon TPC. The dense network has a value in every voxel and sets those to 0 where the sparse one has none, and its
normalisations count the others: it computes the same function and learns the same from the same crops, so both have one accuracy. The benchmark
trains both from the same weights and fails where a loss differs by more than 10^-3 of it; printed is which part of the voxels of another crop they then classify alike.
"""

import argparse
import json
import sys
from pathlib import Path

import torch
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parent))
from sparse_uresnet_bench import LEAK, Ours, Training, scale_and_shift, voxels  # noqa: E402
from bench_runs import interleaved_medians  # noqa: E402

SIZE, LEAST_VOXELS = 96, 500


class Dense:
    """A backend of UResNet whose features are grids [1, C, x, y, z]; rows [N, C] at its ends alone."""

    @staticmethod
    def levels(coords, depth):
        place = (0, slice(None), *coords[:, 1:].long().unbind(1))
        masks = [torch.zeros(1, 1, SIZE, SIZE, SIZE)]
        masks[0][place] = 1
        fine_and_coarse = lambda: zip(masks[:-1], masks[1:])
        for _ in range(depth - 1):
            masks.append(functional.max_pool3d(masks[-1], 2))
        same = [(functional.conv3d, {"padding": 1}, mask, mask, place) for mask in masks]
        down = [(functional.conv3d, {"stride": 2}, fine, coarse, place) for fine, coarse in fine_and_coarse()]
        up = [(functional.conv_transpose3d, {"stride": 2}, coarse, fine, place) for fine, coarse in fine_and_coarse()]
        return slice(None), slice(None), same, down, up

    @staticmethod
    def convolve(x, weight, way):
        convolution, options, _, mask, place = way
        if x.dim() == 2:
            rows, x = x, x.new_zeros(1, x.shape[1], SIZE, SIZE, SIZE)
            x[place] = rows.t()
        size = round(len(weight) ** (1 / 3))
        kernel = weight.view(size, size, size, *weight.shape[1:])
        return convolution(x, kernel.permute(*((3, 4) if convolution is functional.conv_transpose3d else (4, 3)), 0, 1, 2), **options) * mask

    @staticmethod
    def normalised(x, norm, mask):
        """Of a grid that is 0 outside of the mask."""
        of = lambda values: values.view(1, -1, 1, 1, 1)
        scale, shift = scale_and_shift(norm, mask.sum(), x.sum((0, 2, 3, 4)), (x * x).sum((0, 2, 3, 4)))
        return functional.leaky_relu(x * of(scale) + of(shift), LEAK) * mask

    @classmethod
    def norm(cls, x, norm, way):
        *_, mask, place = way
        return cls.normalised(x, norm, mask)[place].t()

    @classmethod
    def norm_convolve(cls, x, norm, weight, way, residual=None):
        out = cls.convolve(cls.normalised(x, norm, way[2]), weight, way)
        return out if residual is None else out + residual

    @staticmethod
    def linear(x, layer):
        return functional.conv3d(x, layer.weight[:, :, None, None, None])


def crops(count):
    """(coords [N, 4], log energies [N, 1], classes [N]) of crops, each around a voxel of an event."""
    found, number = [], 0
    while len(found) < count:
        place, energy, owners, particles = voxels.lartpc_toy.make_event(2, number)
        number += 1
        low = place[len(place) // 2].astype(int) - SIZE // 2
        inside = ((place >= low) & (place < low + SIZE)).all(1)
        if inside.sum() < LEAST_VOXELS:
            continue
        coords = torch.from_numpy((place[inside] - low).astype("int32"))
        label = torch.tensor([particle[1] for particle in particles])[torch.from_numpy(owners[inside]).long()]
        found.append((functional.pad(coords, (1, 0)), torch.from_numpy(energy[inside]).log().unsqueeze(1), label))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name, default in (("filters", 8), ("depth", 3), ("threads", 2), ("repeats", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--peaks", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    voxels.tevatrain.ops.load()
    torch.set_num_threads(arguments.threads)
    crop, other = crops(2)
    sparse, dense = Training(Ours, arguments, *crop), Training(Dense, arguments, *crop)
    if arguments.peaks:
        print(json.dumps({"sparse": voxels.peak_mb(sparse), "dense": voxels.peak_mb(dense)}))
        return
    for number in range(3):
        losses = sparse(), dense()
        assert abs(losses[0] - losses[1]) < 1e-3 * losses[1], f"step {number}: losses {losses}"
    with torch.no_grad():
        alike = (sparse.model(*other[:2]).argmax(1) == dense.model(*other[:2]).argmax(1)).double().mean().item()
    ms, peaks = interleaved_medians({"sparse": sparse, "dense": dense}, arguments.repeats), voxels.peaks_of_process()
    shown = {name: value for name, value in vars(arguments).items() if name != "peaks"}
    voxels.show(benchmark="sparse_dense", size=SIZE, voxels=len(crop[2]), **shown, classified_alike=alike, ms=ms, peak_mb=peaks,
                dense_step_times=ms["dense"] / ms["sparse"], dense_memory_times=peaks["dense"] / peaks["sparse"])


if __name__ == "__main__":
    main()
