"""Small files of toy events of a liquid-argon detector, and a configuration that gives a class to each of their voxels."""

import subprocess
import sys

from program import ROOT

MODEL = "{name: sparse_uresnet, filters: 4, depth: 3, reps: 1}"
LEAST_MEV = 0.2  # voxels with less are dropped
LABEL = "label: {{object: voxel, column: semantic, classes: [shower, track, michel, delta, low_energy]}}"
CONFIG = """\
seed: 1
data:
  reader: flat
  train: {folder}/train.h5
  val: {folder}/val.h5
  test: {folder}/test.h5
  objects:
    voxel:
      field: Data/voxel_toy_group/voxels
      extents: Data/voxel_toy_group/extents
      columns: [x, y, z, value]
      as: [x, y, z, energy]
      valid: energy > 0.2
  label: {{object: voxel, column: semantic, classes: [shower, track, michel, delta, low_energy]}}
  weight: {{balance: equal}}
  features:
    voxel: {{x: x, y: y, z: z, log_energy: log(energy)}}
  raw_features: [voxel.x, voxel.y, voxel.z]
model: {{name: sparse_uresnet, filters: 4, depth: 3, reps: 1}}
train: {{epochs: 2, batch_size: 4, device: cpu, threads: 1, monitor: mean_iou, log_every: 1}}
optimizer: {{name: adam, lr: 3e-3}}
"""


def write_events(folder, train=16, val=6, test=9):
    """train.h5, val.h5 and test.h5, divided by extents as larcv3 does."""
    subprocess.run([sys.executable, ROOT / "scripts" / "make_lartpc_events.py", "--out", folder, "--train", str(train), "--val", str(val), "--test", str(test)],
                   check=True, capture_output=True)
