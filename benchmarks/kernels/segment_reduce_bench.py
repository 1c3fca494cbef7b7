"""segment_reduce against what PyTorch offers, in one run: JSON lines.

    .venv/bin/python benchmarks/kernels/segment_reduce_bench.py [--rows 1000000 --segments 100000 --channels 64]

Every implementation allocates its own output; segment ids and the like are prepared outside the clock, in the peers'
favour. Repeats are interleaved and start with another implementation each time, since each finds in the cache what the
one before left there. By default everything runs twice: as glibc's malloc comes, when most of the time of a large
output is page faults, and tuned, so that memory is recycled.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import torch

for folder in ("python", "benchmarks"):
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / folder))
import tevatrain.ops  # noqa: E402
from bench_runs import interleaved_medians  # noqa: E402

TUNED_MALLOC = {"MALLOC_MMAP_THRESHOLD_": str(4 << 30), "MALLOC_TRIM_THRESHOLD_": str(8 << 30),
                "MALLOC_TOP_PAD_": str(512 << 20)}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--segments", type=int, default=100_000)
    parser.add_argument("--channels", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=21)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--malloc", choices=("default", "tuned", "both"), default="both")
    return parser.parse_args()


class Problem:
    def __init__(self, arguments):
        torch.manual_seed(0)
        dtype = getattr(torch, arguments.dtype)
        cuts = torch.randint(0, arguments.rows + 1, (arguments.segments - 1,)).sort().values
        self.offsets = torch.cat([torch.tensor([0]), cuts, torch.tensor([arguments.rows])])
        self.counts = self.offsets.diff()
        self.ids = torch.repeat_interleave(self.counts)
        self.x = torch.randn(arguments.rows, arguments.channels).to(dtype)
        self.grad = torch.randn(arguments.segments, arguments.channels).to(dtype)
        self.wide_ids = self.ids[:, None].expand_as(self.x)
        self.touched = torch.zeros_like(self.x)
        self.row_numbers = torch.arange(arguments.rows)
        self.argument = {"sum": torch.empty(0, dtype=torch.long),
                         "max": torch.ops.tev._segment_reduce(self.x, self.offsets, "max", True)[1]}

    def zeros(self):
        return torch.zeros_like(self.grad)

    def copy(self):
        return self.touched.copy_(self.x)

    def forward(self, reduce):
        peers = {
            "torch.segment_reduce": lambda: torch.segment_reduce(self.x, reduce, offsets=self.offsets, axis=0,
                                                                 unsafe=True),
            "embedding_bag": lambda: torch.nn.functional.embedding_bag(self.row_numbers, self.x, self.offsets,
                                                                       mode=reduce, include_last_offset=True),
        }
        if reduce == "sum":
            peers["index_add"] = lambda: self.zeros().index_add_(0, self.ids, self.x)
            peers["scatter_add"] = lambda: self.zeros().scatter_add_(0, self.wide_ids, self.x)
        else:
            peers["scatter_reduce"] = lambda: self.zeros().scatter_reduce_(0, self.wide_ids, self.x, "amax",
                                                                           include_self=False)
        ours = lambda: torch.ops.tev.segment_reduce(self.x, self.offsets, reduce)
        return ours, peers, [self.x, self.offsets, self.grad]

    def backward(self, reduce):
        arg, rows = self.argument[reduce], self.x.shape[0]
        peers = {"index_select": lambda: self.grad.index_select(0, self.ids)}
        if reduce == "max":
            winners = arg.clamp_min(0)
            peers = {"scatter": lambda: torch.zeros_like(self.x).scatter_(0, winners, self.grad)}
        ours = lambda: torch.ops.tev.segment_reduce_backward(self.grad, self.offsets, arg, reduce, rows)
        return ours, peers, [self.x, self.offsets, self.grad, arg]


def measure(problem, direction, reduce, arguments):
    ours, peers, touched = getattr(problem, direction)(reduce)
    medians = interleaved_medians({"tev": ours, "copy_": problem.copy, **peers}, arguments.repeats)
    rate = lambda num_bytes, ms: num_bytes / ms / 1e6
    gb_per_s = rate(sum(tensor.nbytes for tensor in touched), medians["tev"])
    copy_gb_per_s = rate(2 * problem.x.nbytes, medians["copy_"])
    best = min(peers, key=medians.get)
    print(json.dumps({
        "benchmark": "segment_reduce", "case": f"{direction} {reduce}",
        "malloc": os.environ.get("TEV_BENCH_MALLOC", "default"), "rows": arguments.rows,
        "segments": arguments.segments, "channels": arguments.channels, "dtype": arguments.dtype,
        "threads": arguments.threads, "ms": {name: round(value, 3) for name, value in medians.items()},
        "gb_per_s": round(gb_per_s, 2), "copy_gb_per_s": round(copy_gb_per_s, 2),
        "fraction_of_copy": round(gb_per_s / copy_gb_per_s, 3), "best_peer": best,
        "times_best_peer": round(medians[best] / medians["tev"], 3)}), flush=True)


def main():
    arguments = parse_arguments()
    if arguments.malloc == "both":
        for kind, variables in (("default", {}), ("tuned", TUNED_MALLOC)):
            subprocess.run([sys.executable, __file__, *sys.argv[1:], "--malloc", kind], check=True,
                           env={**os.environ, **variables, "TEV_BENCH_MALLOC": kind})
        return
    tevatrain.ops.load()
    torch.set_num_threads(arguments.threads)
    problem = Problem(arguments)
    with torch.inference_mode():
        for direction in ("forward", "backward"):
            for reduce in ("sum", "max"):
                measure(problem, direction, reduce, arguments)


if __name__ == "__main__":
    main()
