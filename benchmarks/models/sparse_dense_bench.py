"""The sparse U-ResNet against the same network of dense convolutions, on crops of 96^3 voxels: accuracy, time and memory, as JSON lines.

    .venv/bin/python benchmarks/models/sparse_dense_bench.py [--steps 150 --crops 60 --filters 8 --depth 3 --threads 2]

Crops of toy events of a liquid-argon TPC, one a step. Both networks learn the class of the voxels that are there, from the same crops in the same
order, and are measured on others; each side in a process of its own, whose peak of memory beyond what it starts with is printed.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))
from sparse_uresnet_bench import EPS, LEAK, MOMENTUM, Ours, UResNet, voxels  # noqa: E402

SIZE = 96


class DenseUResNet(torch.nn.Module):
    """UResNet with a value in every voxel of a crop."""

    def __init__(self, filters, depth, classes):
        super().__init__()
        self.depth, self.parts = depth, torch.nn.ModuleDict()
        width = [filters * (level + 1) for level in range(depth)]
        self.input = torch.nn.Conv3d(1, filters, 3, padding=1, bias=False)
        for level in range(depth):
            for rep in range(2):
                self.add_block(f"encoder{level}{rep}", width[level], width[level])
                if level + 1 < depth:
                    self.add_block(f"decoder{level}{rep}", width[level] * (2 - rep), width[level])
            if level + 1 < depth:
                self.add_step(f"down{level}", width[level], torch.nn.Conv3d(width[level], width[level + 1], 2, 2, bias=False))
                self.add_step(f"up{level}", width[level + 1], torch.nn.ConvTranspose3d(width[level + 1], width[level], 2, 2, bias=False))
        self.add_step("output", filters, torch.nn.Conv3d(filters, classes, 1))

    def add_step(self, name, channels, convolution):
        norm = torch.nn.BatchNorm3d(channels, EPS, MOMENTUM)
        self.parts[name] = torch.nn.Sequential(norm, torch.nn.LeakyReLU(LEAK), convolution)

    def add_block(self, name, inputs, outputs):
        for part, channels in (("1", inputs), ("2", outputs)):
            self.add_step(name + part, channels, torch.nn.Conv3d(channels, outputs, 3, padding=1, bias=False))
        if inputs != outputs:
            self.parts[name] = torch.nn.Conv3d(inputs, outputs, 1, bias=False)

    def block(self, name, x):
        shortcut = self.parts[name](x) if name in self.parts else x
        return self.parts[name + "2"](self.parts[name + "1"](x)) + shortcut

    def forward(self, coords, x):
        place = coords[:, 1:].long().unbind(1)
        y = torch.zeros(1, 1, SIZE, SIZE, SIZE)
        y[(0, 0, *place)] = x[:, 0]
        y, encoded = self.input(y), []
        for level in range(self.depth):
            if level > 0:
                encoded.append(y)
                y = self.parts[f"down{level - 1}"](y)
            for rep in range(2):
                y = self.block(f"encoder{level}{rep}", y)
        for level in range(self.depth - 2, -1, -1):
            y = torch.cat([encoded[level], self.parts[f"up{level}"](y)], 1)
            for rep in range(2):
                y = self.block(f"decoder{level}{rep}", y)
        return self.parts["output"](y)[(0, slice(None), *place)].t()


def crops(count):
    """(coords [N, 4], log energies [N, 1], classes [N]) of crops with at least 500 voxels, each around a voxel of an event."""
    found, number = [], 0
    while len(found) < count:
        place, energy, owners, particles = voxels.lartpc_toy.make_event(2, number)
        number += 1
        low = place[len(place) // 2].astype(int) - SIZE // 2
        inside = ((place >= low) & (place < low + SIZE)).all(1)
        if inside.sum() < 500:
            continue
        coords = torch.from_numpy((place[inside] - low).astype("int32"))
        label = torch.tensor([particle[1] for particle in particles])[torch.from_numpy(owners[inside]).long()]
        found.append((torch.nn.functional.pad(coords, (1, 0)), torch.from_numpy(energy[inside]).log().unsqueeze(1), label))
    return found


def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(side, arguments):
    """Trains one side. @return what is printed of it"""
    data = crops(arguments.crops + 20)
    training, held_back = data[:arguments.crops], data[arguments.crops:]
    torch.manual_seed(0)
    make = lambda: DenseUResNet(arguments.filters, arguments.depth, 5) if side == "dense" else UResNet(Ours, arguments.filters, arguments.depth, 5)
    model = make()
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    start, times = peak_mb(), []
    for step in range(arguments.steps):
        coords, x, label = training[step % len(training)]
        begin = time.perf_counter()
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(coords, x), label).backward()
        optimizer.step()
        times.append(1000 * (time.perf_counter() - begin))
    peak = peak_mb() - start
    with torch.no_grad():  # with the statistics of a crop on both sides: running ones have seen few steps
        right = [(model(coords, x).argmax(1) == label).double().sum().item() for coords, x, label in held_back]
    return {"accuracy": sum(right) / sum(len(label) for *_, label in held_back), "step_ms": statistics.median(times), "peak_mb": peak}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name, default in (("steps", 150), ("crops", 60), ("filters", 8), ("depth", 3), ("threads", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--side", choices=("sparse", "dense"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.side:
        voxels.tevatrain.ops.load()
        print(json.dumps(measure(arguments.side, arguments)))
        return
    found = {}
    for side in ("sparse", "dense"):
        command = [sys.executable, __file__, *sys.argv[1:], "--side", side]
        found[side] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    shown = {name: value for name, value in vars(arguments).items() if name != "side"}
    voxels.show(benchmark="sparse_dense", size=SIZE, **shown, **found, dense_step_times=found["dense"]["step_ms"] / found["sparse"]["step_ms"],
                dense_memory_times=found["dense"]["peak_mb"] / found["sparse"]["peak_mb"])


if __name__ == "__main__":
    main()
