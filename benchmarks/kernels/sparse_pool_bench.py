"""sparse_pool of track-like voxels against index_add and scatter_reduce over the same pairs, and the rate of a copy: JSON lines.

    .venv/bin/python benchmarks/kernels/sparse_pool_bench.py [--voxels 50000 --threads 2]

Forward and backward, 2 x 2 x 2 with stride 2, and 3 x 3 x 3 onto the same voxels. Maps are at hand on both sides; the peers have each pair as
indices. The copy moves what has to be moved at least: x, the output and both gradients once.
"""

import argparse

import torch
import voxels  # puts the folders of the next ones on the path
from bench_runs import interleaved_medians
from peers.gather_mm import tap_pairs


def maps_of(keys, size, stride):
    coarse = keys if stride == [1, 1, 1] else torch.ops.tev.coarse_voxels(keys, size, stride)
    forward, reverse = torch.ops.tev.convolution_maps(keys, coarse, size, stride)
    pairs = tap_pairs(*forward[:4], size[0] ** 3)
    return len(coarse), forward, reverse, torch.cat([pair[0] for pair in pairs]), torch.cat([pair[1] for pair in pairs])


def peer_of(reduce, x, inputs, outputs, num_outputs):
    """Gathers the inputs of all pairs, then reduces them."""
    def sum_of_pairs():
        return x.new_zeros(num_outputs, x.shape[1]).index_add(0, outputs, x.index_select(0, inputs))
    counts = torch.bincount(outputs, minlength=num_outputs).clamp_min(1)[:, None]
    wide = outputs[:, None].expand(-1, x.shape[1])
    return {"sum": sum_of_pairs, "mean": lambda: sum_of_pairs() / counts,
            "max": lambda: x.new_zeros(num_outputs, x.shape[1]).scatter_reduce(0, wide, x.index_select(0, inputs), "amax", include_self=False)}[reduce]


def measure(case, keys, size, stride, channels, arguments):
    num_outputs, forward, reverse, inputs, outputs = maps_of(keys, size, stride)
    x = torch.randn(len(keys), channels, requires_grad=True)
    grad = torch.randn(num_outputs, channels)
    source, target = torch.randn(2, len(keys) + num_outputs, channels).unbind()
    for reduce in ("max", "mean"):
        peer = peer_of(reduce, x, inputs, outputs, num_outputs)
        ours = lambda: torch.ops.tev.sparse_pool(x, forward, reverse, reduce)
        torch.testing.assert_close(ours(), peer(), rtol=1e-4, atol=1e-5)
        step = lambda function: torch.autograd.grad(function(), x, grad)
        ms = interleaved_medians({"tev": lambda: step(ours), "gather_reduce": lambda: step(peer), "copy_": lambda: target.copy_(source)}, arguments.repeats)
        voxels.show(benchmark="sparse_pool", case=f"{case} {reduce}", voxels=len(keys), outputs=num_outputs, pairs=len(inputs), channels=channels,
                    threads=arguments.threads, ms=ms, times_gather_reduce=ms["gather_reduce"] / ms["tev"], fraction_of_copy=ms["copy_"] / ms["tev"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--voxels", type=int, default=50_000)
    parser.add_argument("--channels", type=int, nargs="*", default=[32, 96])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=9)
    arguments = parser.parse_args()
    voxels.tevatrain.ops.load()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    keys = torch.ops.tev.voxel_index(voxels.track_like(arguments.voxels))[0]
    for channels in arguments.channels:
        measure("2x2x2 stride 2", keys, [2, 2, 2], [2, 2, 2], channels, arguments)
        measure("3x3x3", keys, [3, 3, 3], [1, 1, 1], channels, arguments)


if __name__ == "__main__":
    main()
