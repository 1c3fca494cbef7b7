"""batch_norm with its leaky ReLU against torch's two operators, and the rate of a copy: JSON lines.

    .venv/bin/python benchmarks/kernels/batch_norm_bench.py [--threads 2]

Training, forward and backward, as a layer of a sparse network does it. The copy moves what has to be moved at least: x thrice (statistics,
output, backward), the output, the incoming gradient and the one of x.
"""

import argparse
import json
import sys
from pathlib import Path

import torch

for folder in ("python", "benchmarks"):
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / folder))
import tevatrain.ops  # noqa: E402
from bench_runs import interleaved_medians  # noqa: E402

SLOPE = 0.33


def measure(rows, channels, arguments):
    dtype = getattr(torch, arguments.dtype)
    x = torch.randn(rows, channels).to(dtype).requires_grad_()
    weight, bias = torch.rand(channels, requires_grad=True), torch.randn(channels, requires_grad=True)
    grad, running = torch.randn(rows, channels).to(dtype), [torch.zeros(channels), torch.ones(channels)]
    source, target = torch.randn(2, 3 * rows, channels).to(dtype).unbind()
    step = lambda out: torch.autograd.grad(out, (x, weight, bias), grad)
    ours = lambda: step(torch.ops.tev.batch_norm(x, weight, bias, *running, True, 0.1, 1e-5, SLOPE))
    peer = lambda: step(torch.nn.functional.leaky_relu(torch.nn.functional.batch_norm(x, *running, weight, bias, True), SLOPE))
    for one, other in zip(ours(), peer()):  # as vectors; torch adds up in fp32, and either rounds some values to the other side of 0
        assert (one - other).norm() < (1e-2 if dtype == torch.float32 else 5e-2) * other.norm()
    ms = interleaved_medians({"tev": ours, "torch": peer, "copy_": lambda: target.copy_(source)}, arguments.repeats)
    print(json.dumps({"benchmark": "batch_norm", "rows": rows, "channels": channels, "dtype": arguments.dtype, "threads": arguments.threads,
                      "ms": {name: round(value, 3) for name, value in ms.items()}, "times_torch": round(ms["torch"] / ms["tev"], 3),
                      "fraction_of_copy": round(ms["copy_"] / ms["tev"], 3)}), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=31)
    parser.add_argument("--dtype", default="float32")
    arguments = parser.parse_args()
    tevatrain.ops.load()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    for rows, channels in ((50_000, 32), (20_000, 96), (400_000, 32)):
        measure(rows, channels, arguments)


if __name__ == "__main__":
    main()
