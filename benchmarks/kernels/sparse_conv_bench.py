"""sparse_conv of track-like voxels against spconv's CPU wheel, gather-mm-index_add in torch, and the rate of torch.mm: JSON lines.

    .venv/bin/python benchmarks/kernels/sparse_conv_bench.py [--voxels 50000 --threads 2]

Submanifold, 3 x 3 x 3, as many channels out as in, rows in random order. `forward` has all from the caller's rows to the caller's rows,
the map included, on both sides; `training` the convolution with its backward, the map at hand on both sides. A ceiling is what the ratio would be if the convolutions of ours ran at
the rate of torch.mm and maps were free. `block` is half a pre-activation block, leaky_relu(x * scale + shift), convolution, + residual, with its
backward: fused against its parts; peak_mb is what a step adds to the memory of the process.
"""

import argparse
import json
from pathlib import Path

import torch
import voxels  # puts the folders of the next ones on the path
from bench_runs import interleaved_medians
from peers.gather_mm import GatherMM, tap_pairs
from peers.spconv_cpu import SubmanifoldConv


def forward(rows, keys, geometry, channels, arguments):
    x = torch.randn(len(rows), channels)
    rows = rows[torch.randperm(len(rows))].contiguous()
    layer = SubmanifoldConv(rows, channels)
    weight, square = layer.weight().contiguous(), torch.randn(channels, channels)

    def ours():
        found, order, offsets, inverse = torch.ops.tev.voxel_index(rows)
        out = torch.ops.tev.sparse_conv(torch.ops.tev.to_voxels(x, order, offsets), weight, None, *torch.ops.tev.convolution_maps(found, found, [3, 3, 3]))
        return out.index_select(0, inverse)

    with torch.inference_mode():
        # Not all rows: spconv's own result changes with the order of the rows, in about one of 20,000.
        equal = (ours() - layer(x)).abs().amax(1).less(1e-3).double().mean().item()
        assert equal > 0.999, f"only {equal:.5f} of the rows agree"
        ms = interleaved_medians({"tev": ours, "spconv": lambda: layer(x), "conv": lambda: torch.ops.tev.sparse_conv(x, weight, None, geometry, []),
                             "mm": lambda: torch.mm(x, square)}, arguments.repeats)
    flop, mm_rate = 2 * len(geometry[0]) * channels**2, 2 * len(rows) * channels**2 / ms["mm"]
    voxels.show(benchmark="sparse_conv", case="forward", channels=channels, **voxels.statistics_of(keys, geometry), threads=arguments.threads, ms=ms,
                gflop_per_s=flop / ms["conv"] / 1e6, mm_gflop_per_s=mm_rate / 1e6, fraction_of_mm=flop / ms["conv"] / mm_rate,
                rows_equal_to_spconv=equal, times_spconv=ms["spconv"] / ms["tev"], ceiling=ms["spconv"] / (flop / mm_rate))


def training(rows, keys, geometry, channels, arguments):
    taps = tap_pairs(*geometry[:4], 27)
    x, weight = torch.randn(len(rows), channels, requires_grad=True), torch.randn(27, channels, channels, requires_grad=True)
    grad = torch.randn(len(rows), channels)
    step = lambda out: torch.autograd.grad(out, (x, weight), grad)
    ours, peer = lambda: step(torch.ops.tev.sparse_conv(x, weight, None, geometry, [])), lambda: step(GatherMM.apply(x, weight, taps, len(rows)))
    for one, other in zip(ours(), peer()):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-2)
    square, flat = weight.detach()[0].contiguous(), x.detach()
    ms = interleaved_medians({"tev": ours, "gather_mm": peer, "mm": lambda: torch.mm(flat, square)}, arguments.repeats)
    flop, mm_rate = 6 * len(geometry[0]) * channels**2, 2 * len(rows) * channels**2 / ms["mm"]
    voxels.show(benchmark="sparse_conv", case="training", channels=channels, threads=arguments.threads, ms=ms, gflop_per_s=flop / ms["tev"] / 1e6,
                fraction_of_mm=flop / ms["tev"] / mm_rate, times_gather_mm=ms["gather_mm"] / ms["tev"], ceiling=ms["gather_mm"] / (flop / mm_rate))


def block_steps(rows, geometry, channels):
    """A step of a block, fused and of parts."""
    draw = lambda *shape: torch.randn(*shape, requires_grad=True)
    x, weight, scale, shift, residual = draw(len(rows), channels), draw(27, channels, channels), draw(channels), draw(channels), draw(len(rows), channels)
    grad = torch.randn(len(rows), channels)
    step = lambda out: torch.autograd.grad(out, (x, weight, scale, shift, residual), grad)
    conv = torch.ops.tev.sparse_conv
    fused = lambda: step(conv(x, weight, None, geometry, [], scale, shift, 0.33, residual))
    parts = lambda: step(conv(torch.nn.functional.leaky_relu(x * scale + shift, 0.33), weight, None, geometry, []) + residual)
    return {"fused": fused, "parts": parts}


def block(rows, geometry, channels, arguments, peaks):
    steps = block_steps(rows, geometry, channels)
    for one, other in zip(steps["fused"](), steps["parts"]()):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-2)
    ms = interleaved_medians(steps, arguments.repeats)
    voxels.show(benchmark="sparse_conv", case="block", channels=channels, threads=arguments.threads, ms=ms, peak_mb=peaks, times_parts=ms["parts"] / ms["fused"],
                memory_of_parts=peaks["fused"] / peaks["parts"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--voxels", type=int, default=50_000)
    parser.add_argument("--channels", type=int, nargs="*", default=[32, 64, 96])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--peaks", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    voxels.tevatrain.ops.load()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    rows = voxels.track_like(arguments.voxels)
    keys = torch.ops.tev.voxel_index(rows)[0]
    geometry = list(torch.ops.tev.kernel_map(keys, keys, [3, 3, 3]))
    if arguments.peaks:
        print(json.dumps({channels: {name: voxels.peak_mb(step) for name, step in block_steps(rows, geometry, channels).items()} for channels in arguments.channels}))
        return
    peaks = voxels.peaks_of_process()
    for channels in arguments.channels:
        forward(rows, keys, geometry, channels, arguments)
        training(rows, keys, geometry, channels, arguments)
        block(rows, geometry, channels, arguments, peaks[str(channels)])


if __name__ == "__main__":
    main()
