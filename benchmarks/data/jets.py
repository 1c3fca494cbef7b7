"""Made-up jets for measuring: 10 to 120 constituents, 45 on average, with momenta that fall; no physics beyond that."""

import awkward as ak
import h5py
import numpy as np
import uproot

COLUMNS = ("energy", "px", "py", "pz")
PADDED = 200


def make_jets(count, seed=1):
    """Ragged part_energy, part_px, part_py, part_pz (GeV, float32, falling pT) and label, as an awkward array."""
    random = np.random.default_rng(seed)
    lengths = np.clip(random.negative_binomial(6, 6 / 45, count), 10, 120)
    total = int(lengths.sum())
    jet = np.repeat(np.arange(count), lengths)
    pt = random.exponential(12, total) + 0.5
    order = np.lexsort((-pt, jet))
    eta = np.repeat(random.normal(0, 0.8, count), lengths) + random.normal(0, 0.2, total)
    phi = np.repeat(random.uniform(-np.pi, np.pi, count), lengths) + random.normal(0, 0.2, total)
    pt = pt[order]
    columns = (pt * np.cosh(eta), pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta))
    parts = {f"part_{name}": ak.unflatten(values.astype("f4"), lengths) for name, values in zip(COLUMNS, columns)}
    return ak.Array({**parts, "label": random.integers(0, 2, count)})


def write_parquet(jets, path):
    ak.to_parquet(jets, path, compression="LZ4")


def write_root(jets, path):
    with uproot.recreate(path, compression=uproot.LZ4(4)) as file:
        tree = file.mktree("tree", {**{f"part_{name}": "var * float32" for name in COLUMNS}, "label": "int64"})
        tree.extend({name: jets[name] for name in jets.fields})


def write_padded(jets, path):
    """`x` [events, 200 * 4] in the order of the Top Tagging set and `label`, gzip and shuffle, chunks of 256 jets."""
    padded = [ak.to_numpy(ak.fill_none(ak.pad_none(jets[f"part_{name}"], PADDED, clip=True), 0)) for name in COLUMNS]
    x = np.stack(padded, -1).astype("f4").reshape(len(jets), -1)
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=x, chunks=(min(256, len(x)), x.shape[1]), compression="gzip", compression_opts=4, shuffle=True)
        file["label"] = ak.to_numpy(jets["label"]).astype("u1")
