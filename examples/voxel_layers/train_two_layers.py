#!/usr/bin/env python3
"""Two sparse convolutions in plain PyTorch: a class for each voxel of a detector's events, by torch.ops.tev and torch.autograd.

Make events (a toy: see the script), then train:
    scripts/make_lartpc_events.py --train 40 --val 0 --test 0 --out /tmp/lartpc_toy
    PYTHONPATH=python examples/voxel_layers/train_two_layers.py /tmp/lartpc_toy/train.h5
"""

import argparse

import h5py
import numpy as np
import torch

import tevatrain.ops


def read_events(path, count):
    """coords [N, 4] (event, x, y, z), energies [N, 1], classes [N] of the first events, and the names of the classes."""
    with h5py.File(path) as file:
        extents = file["Data/voxel_toy_group/extents"][:count]
        voxels = file["Data/voxel_toy_group/voxels"][:int(extents["N"].sum())]
        names = list(file.attrs["classes"])
    event = np.repeat(np.arange(len(extents)), extents["N"])
    coords = np.stack([event, voxels["x"], voxels["y"], voxels["z"]], axis=1).astype(np.int32)
    energies = torch.from_numpy(np.log(voxels["value"])).unsqueeze(1)
    return torch.from_numpy(coords), energies, torch.from_numpy(voxels["semantic"].astype(np.int64)), names


class TwoLayers(torch.nn.Module):
    """3 x 3 x 3 convolutions between the voxels that are there; features come and go in the order of the caller's rows."""

    def __init__(self, channels, classes):
        super().__init__()
        self.first = torch.nn.Parameter(torch.randn(27, 1, channels) * 0.3)
        self.bias = torch.nn.Parameter(torch.zeros(channels))
        self.second = torch.nn.Parameter(torch.randn(27, channels, classes) * 0.1)

    def forward(self, coords, x):
        keys, order, offsets, inverse = torch.ops.tev.voxel_index(coords)
        there, back = torch.ops.tev.convolution_maps(keys, keys, [3, 3, 3])   # built once, for both layers
        hidden = torch.ops.tev.sparse_conv(torch.ops.tev.to_voxels(x, order, offsets), self.first, self.bias, there, back)
        logits = torch.ops.tev.sparse_conv(torch.nn.functional.leaky_relu(hidden, 0.33), self.second, None, there, back)
        return logits.index_select(0, inverse)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="events of scripts/make_lartpc_events.py")
    parser.add_argument("--events", type=int, default=8)
    parser.add_argument("--steps", type=int, default=60)
    options = parser.parse_args()
    tevatrain.ops.load()
    torch.manual_seed(1)
    coords, x, label, names = read_events(options.file, options.events)
    model = TwoLayers(16, len(names))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for step in range(options.steps + 1):
        logits = model(coords, x)
        loss = torch.nn.functional.cross_entropy(logits, label)
        if step % 10 == 0:
            accuracy = (logits.argmax(1) == label).float().mean()
            print(f"step {step:3d}: loss {loss:.4f}, accuracy {accuracy:.4f} on {len(label)} voxels of {options.events} events")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


if __name__ == "__main__":
    main()
