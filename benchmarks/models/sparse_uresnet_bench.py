"""A training step of the sparse U-ResNet by our operators against the same network on gather-mm-index_add in torch: JSON lines.

    .venv/bin/python benchmarks/models/sparse_uresnet_bench.py [--events 8 --filters 16 --depth 4 --threads 2]

Toy events of a liquid-argon TPC. A step goes from coordinates to updated weights: on both sides the voxels' order, all maps, forward, cross entropy,
backward and Adam. Both start with the same weights; their losses are compared. Memory is what a step adds at most to that in use before it.
"""

import argparse
import json
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "kernels"))
import voxels  # noqa: E402  (puts the folders of the next ones on the path)
from bench_runs import interleaved_medians  # noqa: E402
from peers.gather_mm import GatherMM  # noqa: E402

MOMENTUM, EPS, LEAK = 0.01, 1e-4, 0.33


def scale_and_shift(norm, count, total, squares):
    """Of a batch normalisation in training, from sums over rows; moves its running statistics."""
    mean = total / count
    variance = squares / count - mean**2
    scale = norm.weight * (variance + EPS).rsqrt()
    with torch.no_grad():
        norm.running_mean.lerp_(mean.float(), MOMENTUM)
        norm.running_var.lerp_((variance * count / (count - 1)).float(), MOMENTUM)
    return scale.float(), (norm.bias - mean * scale).float()


class Rows:
    """A backend of UResNet whose features are rows [N, C]."""

    @staticmethod
    def linear(x, layer):
        return layer(x)


class Ours(Rows):
    """Maps of torch.ops.tev."""

    @staticmethod
    def levels(coords, depth):
        op = torch.ops.tev
        keys, order, _, inverse = op.voxel_index(coords)
        same, down = [], []
        for level in range(depth):
            same.append(op.convolution_maps(keys, keys, [3, 3, 3]))
            if level + 1 < depth:
                coarse = op.coarse_voxels(keys, [2, 2, 2], [2, 2, 2])
                down.append(op.convolution_maps(keys, coarse, [2, 2, 2], [2, 2, 2]))
                keys = coarse
        return order, inverse, same, down, [(back, there) for there, back in down]

    @staticmethod
    def convolve(x, weight, way):
        return torch.ops.tev.sparse_conv(x, weight, None, *way)

    @staticmethod
    def norm(x, norm, way=None):
        return torch.ops.tev.batch_norm(x, norm.weight, norm.bias, norm.running_mean, norm.running_var, True, MOMENTUM, EPS, LEAK)

    @staticmethod
    def norm_convolve(x, norm, weight, way, residual=None):
        """With the normalised features made on the way, as models/layers/sparse_blocks has it."""
        scale, shift = scale_and_shift(norm, *torch.ops.tev.batch_norm_sums(x))
        return torch.ops.tev.sparse_conv(x, weight, None, *way, scale, shift, LEAK, residual)


class GatherMMPeer(Rows):
    """Maps by sorting and searching, both ways of a convolution tap by tap."""

    @staticmethod
    def pairs(inputs, outputs, taps, stride):
        """Rows (input, output) of each tap: fine = stride * coarse + tap - (size - 1) // 2."""
        place = lambda p: ((p[:, 0] * 2048 + p[:, 1] + 8) * 2048 + p[:, 2] + 8) * 2048 + p[:, 3] + 8
        sought, rows = place(inputs), []
        for tap in taps:
            wanted = place(torch.cat([outputs[:, :1], outputs[:, 1:] * stride + tap], 1))
            found = torch.searchsorted(sought, wanted).clamp_(max=len(sought) - 1)
            hit = sought[found] == wanted
            rows.append((found[hit], hit.nonzero().squeeze(1)))
        return rows

    @classmethod
    def levels(cls, coords, depth):
        grid = lambda size: torch.cartesian_prod(*3 * [torch.arange(size)]) - (size - 1) // 2
        fine, order = torch.unique(coords.long(), dim=0, return_inverse=True)
        inverse, order = order, torch.empty_like(order).scatter_(0, order, torch.arange(len(order)))
        same, down, up = [], [], []
        for level in range(depth):
            same.append((cls.pairs(fine, fine, grid(3), 1), len(fine)))
            if level + 1 < depth:
                coarse = torch.unique(torch.cat([fine[:, :1], torch.div(fine[:, 1:], 2, rounding_mode="floor")], 1), dim=0)
                rows = cls.pairs(fine, coarse, grid(2), 2)
                down.append((rows, len(coarse)))
                up.append(([(outputs, inputs) for inputs, outputs in rows], len(fine)))
                fine = coarse
        return order, inverse, same, down, up

    @staticmethod
    def convolve(x, weight, way):
        return GatherMM.apply(x, weight, *way)

    @staticmethod
    def norm(x, norm, way=None):
        normal = torch.nn.functional.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias, True, MOMENTUM, EPS)
        return torch.nn.functional.leaky_relu_(normal, LEAK)

    @classmethod
    def norm_convolve(cls, x, norm, weight, way, residual=None):
        out = cls.convolve(cls.norm(x, norm), weight, way)
        return out if residual is None else out + residual


class UResNet(torch.nn.Module):
    """models/sparse_uresnet, with two residual blocks a level."""

    def __init__(self, backend, filters, depth, classes):
        super().__init__()
        self.backend, self.depth = backend, depth
        self.parts = torch.nn.ModuleDict()
        width = [filters * (level + 1) for level in range(depth)]
        self.input = self.conv("input", 27, 1, filters)
        for level in range(depth):
            for rep in range(2):
                self.add_block(f"encoder{level}{rep}", width[level], width[level])
                if level + 1 < depth:
                    self.add_block(f"decoder{level}{rep}", width[level] * (2 - rep), width[level])
            if level + 1 < depth:
                for name, inputs, outputs in (("down", width[level], width[level + 1]), ("up", width[level + 1], width[level])):
                    self.parts[f"{name}{level}"] = torch.nn.BatchNorm1d(inputs)
                    self.conv(f"{name}{level}", 8, inputs, outputs)
        self.parts["last"] = torch.nn.BatchNorm1d(filters)
        self.output = torch.nn.Linear(filters, classes)

    def conv(self, name, taps, inputs, outputs):
        weight = torch.nn.Parameter(torch.empty(taps, inputs, outputs).uniform_(-1, 1) / (taps * inputs) ** 0.5)
        self.register_parameter(f"{name}_weight", weight)
        return weight

    def add_block(self, name, inputs, outputs):
        for part, channels in (("1", inputs), ("2", outputs)):
            self.parts[name + part] = torch.nn.BatchNorm1d(channels)
            self.conv(name + part, 27, channels, outputs)
        if inputs != outputs:
            self.parts[name] = torch.nn.Linear(inputs, outputs, bias=False)

    def step(self, name, x, way, residual=None):
        return self.backend.norm_convolve(x, self.parts[name], getattr(self, f"{name}_weight"), way, residual)

    def block(self, name, x, way):
        shortcut = self.backend.linear(x, self.parts[name]) if name in self.parts else x
        return self.step(name + "2", self.step(name + "1", x, way), way, shortcut)

    def forward(self, coords, x):
        order, inverse, same, down, up = self.backend.levels(coords, self.depth)
        y, encoded = self.backend.convolve(x[order], self.input_weight, same[0]), []
        for level in range(self.depth):
            if level > 0:
                encoded.append(y)
                y = self.step(f"down{level - 1}", y, down[level - 1])
            for rep in range(2):
                y = self.block(f"encoder{level}{rep}", y, same[level])
        for level in range(self.depth - 2, -1, -1):
            y = torch.cat([encoded[level], self.step(f"up{level}", y, up[level])], 1)
            for rep in range(2):
                y = self.block(f"decoder{level}{rep}", y, same[level])
        return self.output(self.backend.norm(y, self.parts["last"], same[0]))[inverse]


class Training:
    """One side of the comparison."""

    def __init__(self, backend, arguments, coords, x, label):
        torch.manual_seed(0)
        self.model = UResNet(backend, arguments.filters, arguments.depth, 5)
        self.optimizer = torch.optim.Adam(self.model.parameters(), 1e-3)
        self.batch, self.label = (coords, x), label

    def __call__(self):
        self.optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(self.model(*self.batch), self.label)
        loss.backward()
        self.optimizer.step()
        return loss.item()


def toy_batch(events):
    """coords [N, 4], log energies [N, 1], classes [N] of toy events."""
    coords, energies, labels = [], [], []
    for number in range(events):
        place, energy, owners, particles = voxels.lartpc_toy.make_event(1, number)
        coords.append(torch.cat([torch.full((len(place), 1), number), torch.from_numpy(place.astype("int32"))], 1).int())
        energies.append(torch.from_numpy(energy).log())
        labels.append(torch.tensor([particle[1] for particle in particles])[torch.from_numpy(owners).long()])
    return torch.cat(coords), torch.cat(energies).unsqueeze(1), torch.cat(labels)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name, default in (("events", 8), ("filters", 16), ("depth", 4), ("threads", 2), ("repeats", 9)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--peaks", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    voxels.tevatrain.ops.load()
    torch.set_num_threads(arguments.threads)
    batch = toy_batch(arguments.events)
    ours, peer = Training(Ours, arguments, *batch), Training(GatherMMPeer, arguments, *batch)
    if arguments.peaks:
        print(json.dumps({"tev": voxels.peak_mb(ours), "gather_mm": voxels.peak_mb(peer)}))
        return
    for number in range(2):
        losses = ours(), peer()
        assert abs(losses[0] - losses[1]) < 1e-3 * losses[1], f"step {number}: losses {losses}"
    ms = interleaved_medians({"tev": ours, "gather_mm": peer}, arguments.repeats)
    peaks = voxels.peaks_of_process()
    shown = {name: value for name, value in vars(arguments).items() if name != "peaks"}
    voxels.show(benchmark="sparse_uresnet", case="training step", **shown, voxels=len(batch[2]), ms=ms, times_gather_mm=ms["gather_mm"] / ms["tev"],
                peak_mb=peaks, memory_of_gather_mm=peaks["tev"] / peaks["gather_mm"])


if __name__ == "__main__":
    main()
