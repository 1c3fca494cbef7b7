"""Checks what preprocess_test.cpp wrote into a folder, in a process without our library.

The features of a top tagger are computed again by NumPy in float64, and the saved module is run by plain torch.
"""

import pathlib
import sys

import numpy as np
import torch

folder = pathlib.Path(sys.argv[1])
raw = np.fromfile(folder / "raw.f32", np.float32).reshape(-1, 4)
offsets = np.fromfile(folder / "offsets.i64", np.int64)
event_features = np.fromfile(folder / "event.f32", np.float32).reshape(len(offsets) - 1, -1)
features = np.fromfile(folder / "part.f32", np.float32).reshape(len(raw), -1)
standardised = np.fromfile(folder / "part_standardised.f32", np.float32).reshape(features.shape)

E, px, py, pz = raw.astype(np.float64).T
rows = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
jet = {name: np.bincount(rows, column, len(offsets) - 1) for name, column in zip("Exyz", (E, px, py, pz))}
pt, jet_pt = np.hypot(px, py), np.hypot(jet["x"], jet["y"])[rows]
eta, jet_eta = np.arcsinh(pz / pt), np.arcsinh(jet["z"][rows] / jet_pt)
delta_phi = np.angle(np.exp(1j * (np.arctan2(py, px) - np.arctan2(jet["y"], jet["x"])[rows])))
expected = np.stack([np.log(pt), np.log(pt / jet_pt), np.log(E), np.log(E / jet["E"][rows]), eta - jet_eta, delta_phi,
                     np.hypot(eta - jet_eta, delta_phi)], 1)
np.testing.assert_allclose(event_features, np.stack([jet["x"], jet["y"], jet["z"], jet["E"]], 1), rtol=1e-6, atol=1e-6)
np.testing.assert_allclose(features, expected, rtol=1e-5, atol=2e-6)

module = torch.jit.load(folder / "module.pt")
event_again, part_again = module(torch.from_numpy(raw), torch.from_numpy(offsets))
assert np.abs(part_again.numpy() - standardised).max() <= 1e-6, "plain torch gives other values"
mean, scale = module.mean_part.numpy(), module.scale_part.numpy()
np.testing.assert_allclose(standardised, (features - mean) / scale, rtol=1e-5, atol=1e-5)
embedded = torch.jit.load(folder / "embedded.pt")
assert torch.equal(embedded(torch.from_numpy(raw), torch.from_numpy(offsets)), part_again), "embedded module differs"
