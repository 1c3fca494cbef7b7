"""Track-like voxels, and what the benchmarks of sparse convolution say of them."""

import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
for folder in ("python", "scripts", "benchmarks"):
    sys.path.insert(0, str(ROOT / folder))
import lartpc_toy  # noqa: E402
import tevatrain.ops  # noqa: E402


def track_like(count):
    """[count, 4] int32 (event, x, y, z) of toy events of a liquid-argon TPC, 768 voxels along each axis, in canonical order."""
    events, total = [], 0
    while total < count:
        coords = lartpc_toy.make_event(1, len(events))[0]
        events.append(np.concatenate([np.full((len(coords), 1), len(events)), coords], axis=1).astype(np.int32))
        total += len(coords)
    return torch.from_numpy(np.concatenate(events)[:count].copy())


def statistics_of(keys, geometry):
    """What a ratio depends on: voxels, neighbours a voxel with itself, distinct masks, inputs of a tile per output."""
    pairs, _, halo, _, mask = geometry
    count = max(1, len(keys))
    return {"voxels": len(keys), "mean_neighbours": round(len(pairs) / count, 2), "distinct_masks": len(mask[:, 0].unique()),
            "halo_per_output": round(len(halo) / count, 2)}


def peaks_of_process():
    """What this script prints when it is called with --peaks, in a process whose tensors get pages of their own: holes in a heap would count."""
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"}
    return json.loads(subprocess.run([sys.executable, *sys.argv, "--peaks"], check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout)


def peak_mb(step):
    """What a step adds at most to the memory in use (Linux)."""
    kib = lambda name: int(next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name)).split()[1])
    step()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak from here on
    before = kib("VmRSS")
    step()
    return (kib("VmHWM") - before) / 1024


def show(**fields):
    rounded = lambda value: round(value, 3) if isinstance(value, float) else {k: rounded(v) for k, v in value.items()} if isinstance(value, dict) else value
    print(json.dumps({name: rounded(value) for name, value in fields.items()}), flush=True)
