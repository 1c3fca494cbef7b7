#!/usr/bin/env python3
"""The peer: the Deep Sets tagger of configs/top/pfn.yaml in eager PyTorch, data in memory, ragged or padded.

It is given every fair advantage: features computed once, in-place ReLU, fused Adam, the fastest of ATen's segment sums
(forward and backward of 24,000 x 256 rows into 500 jets, one thread: index_add 2.1 ms, embedding_bag 3.4 ms,
segment_reduce 20 ms). Run it with the malloc settings of pfn_compare.py. Prints a JSON line an epoch, then a summary;
test metrics are those of the epoch with the lowest validation loss, as in `tevatrain train`.
  benchmarks/train/pfn_torch.py --mode ragged --epochs 2
"""

import argparse
import copy
import json
import time
from pathlib import Path

import h5py
import hdf5plugin  # noqa: F401  (registers the blosc filter)
import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch import nn

ROOT = Path(__file__).resolve().parents[2]


def features(constituents):
    """[n, 200, 4] (E, px, py, pz) to ragged [N, 7] float32 with offsets [n+1]: those of configs/top/pfn.yaml."""
    valid = constituents[:, :, 0] > 0
    jet = constituents.sum(axis=1, dtype=np.float64, where=valid[:, :, None]).astype(np.float32)
    rows = constituents[valid]
    event = np.repeat(np.arange(len(jet)), valid.sum(1))
    energy, px, py, pz = rows.T
    jet_e, jet_px, jet_py, jet_pz = jet[event].T
    pt, jet_pt = np.hypot(px, py), np.hypot(jet_px, jet_py)
    delta_eta = np.arcsinh(pz / pt) - np.arcsinh(jet_pz / jet_pt)
    delta_phi = np.remainder(np.arctan2(py, px) - np.arctan2(jet_py, jet_px) + np.pi, 2 * np.pi) - np.pi
    columns = [np.log(pt), np.log(pt / jet_pt), np.log(energy), np.log(energy / jet_e), delta_eta, delta_phi,
               np.hypot(delta_eta, delta_phi)]
    return np.stack(columns, 1).astype(np.float32), np.concatenate([[0], np.cumsum(valid.sum(1))])


def read(path, most=None):
    """Features [N, 7], offsets [n+1] and labels [n] of a file."""
    with h5py.File(path) as file:
        table = file["table/table"][:most]
    values, offsets = features(table["values_block_0"][:, :800].reshape(-1, 200, 4))
    return torch.from_numpy(values), torch.from_numpy(offsets), torch.from_numpy(table["values_block_1"][:, 1].copy())


class RaggedJets:
    """Batches as rows [N, 7] and what the segment sum wants to know about them."""

    def __init__(self, values, offsets, label, segment):
        self.values, self.offsets, self.label, self.segment = values, offsets, label, segment

    def batch(self, chosen):
        begin = self.offsets[chosen]
        lengths = self.offsets[chosen + 1] - begin
        offsets = torch.cat([torch.zeros(1, dtype=torch.long), lengths.cumsum(0)])
        row = torch.arange(int(offsets[-1]))
        x = self.values[torch.repeat_interleave(begin - offsets[:-1], lengths) + row]
        if self.segment == "index_add":
            structure = (torch.repeat_interleave(torch.arange(len(chosen)), lengths), len(chosen))
        else:
            structure = (row, offsets)
        return x, structure, self.label[chosen]


class PaddedJets:
    """Batches as [B, P, 7] and a mask [B, 1, P]; what is beyond P constituents is cut off."""

    def __init__(self, values, offsets, label, most):
        lengths = (offsets[1:] - offsets[:-1]).clamp(max=most)
        inside = torch.arange(most)[None] < lengths[:, None]
        self.values = torch.zeros(len(label), most, values.shape[1])
        self.values[inside] = values[(offsets[:-1, None] + torch.arange(most)[None])[inside]]
        self.mask, self.label = inside.float().unsqueeze(1), label

    def batch(self, chosen):
        return self.values[chosen], self.mask[chosen], self.label[chosen]


def segment_sum(h, structure, segment):
    """Sum over the constituents of each jet."""
    if segment == "padded":
        return torch.bmm(structure, h).squeeze(1)
    index, extent = structure
    if segment == "index_add":
        return h.new_zeros(extent, h.shape[1]).index_add_(0, index, h)
    if segment == "segment_reduce":
        return torch.segment_reduce(h, "sum", offsets=extent, axis=0)
    return nn.functional.embedding_bag(index, h, extent, mode="sum", include_last_offset=True)


class Pfn(nn.Module):
    """Phi 100-100-256, sum over constituents, F 100-100-100, two logits (arXiv:1810.05165).

    Hidden layers start He-uniform, the output layer Glorot-uniform, biases at zero.
    """

    def __init__(self, segment, inputs=7, phi=(100, 100, 256), f=(100, 100, 100)):
        super().__init__()
        self.segment = segment
        self.phi, self.f = self.stack((inputs, *phi)), self.stack((phi[-1], *f))
        self.out = nn.Linear(f[-1], 2)
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)
        nn.init.xavier_uniform_(self.out.weight)

    @staticmethod
    def stack(widths):
        return nn.Sequential(*[layer for a, b in zip(widths, widths[1:])
                               for layer in (nn.Linear(a, b), nn.ReLU(inplace=True))])

    def forward(self, x, structure):
        return self.out(self.f(segment_sum(self.phi(x), structure, self.segment)))


def train_epoch(model, optimizer, jets, batch_size):
    """One pass in random order; returns jets/s and the mean loss."""
    count, total = len(jets.label), 0.0
    begin = time.perf_counter()
    for chosen in torch.randperm(count).split(batch_size):
        x, structure, label = jets.batch(chosen)
        loss = nn.functional.cross_entropy(model(x, structure), label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(chosen)
    return count / (time.perf_counter() - begin), total / count


@torch.no_grad()
def evaluate(model, jets):
    """Loss and AUC."""
    parts = torch.arange(len(jets.label)).split(500)
    logits = torch.cat([model(*jets.batch(chosen)[:2]) for chosen in parts])
    return nn.functional.cross_entropy(logits, jets.label).item(), roc_auc_score(jets.label, logits.softmax(1)[:, 1])


def load(options):
    """Standardised splits (mean and standard deviation of the training rows), and the share of rows cut off."""
    splits = {name: read(options.data / f"{name}.h5", options.most)
              for name in (("train",) if options.rate_only else ("train", "val", "test"))}
    mean, std = splits["train"][0].double().mean(0), splits["train"][0].double().std(0, correction=0)
    lengths = splits["train"][1].diff()
    cut = 1 - float(lengths.clamp(max=options.pad).sum() / lengths.sum()) if options.mode == "padded" else 0.0
    jets = {}
    for name, (values, offsets, label) in splits.items():
        values = ((values - mean) / std).float()
        jets[name] = (PaddedJets(values, offsets, label, options.pad) if options.mode == "padded" else
                      RaggedJets(values, offsets, label, options.segment))
    return jets, cut


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT / "datasets/top_jets")
    parser.add_argument("--mode", choices=["ragged", "padded"], default="ragged")
    parser.add_argument("--segment", choices=["index_add", "segment_reduce", "embedding_bag"], default="index_add")
    parser.add_argument("--pad", type=int, default=100, help="constituents of a padded jet")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch-size", type=int, default=500)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=0, help="0: as torch chooses")
    parser.add_argument("--most", type=int, help="only the first jets of each file")
    parser.add_argument("--rate-only", action="store_true", help="no validation, no test")
    return parser.parse_args()


def main():
    options = arguments()
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    jets, cut = load(options)
    model = Pfn("padded" if options.mode == "padded" else options.segment)
    optimizer = torch.optim.Adam(model.parameters(), lr=options.lr, fused=True)
    rates, best, best_loss = [], None, float("inf")
    for epoch in range(1, options.epochs + 1):
        rate, loss = train_epoch(model, optimizer, jets["train"], options.batch_size)
        rates.append(rate)
        row = {"epoch": epoch, "jets_per_s": rate, "loss": loss}
        if not options.rate_only:
            row["validation_loss"], row["validation_auc"] = evaluate(model, jets["val"])
            if row["validation_loss"] < best_loss:
                best, best_loss = copy.deepcopy(model.state_dict()), row["validation_loss"]
        print(json.dumps(row), flush=True)
    summary = {"peer": f"torch {options.mode}", "segment": model.segment, "seed": options.seed, "jets_per_s": rates,
               "jets_per_s_median": float(np.median(rates)), "truncated_share": cut,
               "threads": torch.get_num_threads(), "torch": torch.__version__}
    if not options.rate_only:
        model.load_state_dict(best)
        summary["auc"] = evaluate(model, jets["test"])[1]
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
