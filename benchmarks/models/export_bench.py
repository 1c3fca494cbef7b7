"""The portable and the fused export of a run of sparse_uresnet, in turns on the events that its parity was proved with: a JSON line.

    tevatrain export runs/uresnet; tevatrain export runs/uresnet --fused
    .venv/bin/python benchmarks/models/export_bench.py runs/uresnet [--events 8 --threads 2]
"""

import argparse
import sys
from pathlib import Path

import h5py
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "kernels"))
import voxels  # noqa: E402  (puts the folders of the next one on the path)
from bench_runs import interleaved_medians  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path)
    for name, default in (("events", 8), ("threads", 2), ("repeats", 9)):
        parser.add_argument(f"--{name}", type=int, default=default)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    voxels.tevatrain.ops.load()
    folder = arguments.run / "export"
    models = {name: torch.jit.load(folder / file) for name, file in (("portable", "model.pt"), ("fused", "model_fused.pt"))}
    with h5py.File(folder / "parity_sample.h5") as file:
        columns = file["events"][models["portable"].labelled_object()]
        offsets = torch.from_numpy(columns["offsets"][:arguments.events + 1])
        values = torch.from_numpy(columns["values"][:offsets[-1]])
    no_event = torch.zeros(len(offsets) - 1, 0)
    with torch.no_grad():
        ms = interleaved_medians({name: (lambda model=model: model(values, offsets, no_event)) for name, model in models.items()}, arguments.repeats)
    voxels.show(benchmark="export", events=len(no_event), voxels=len(values), threads=arguments.threads, repeats=arguments.repeats, ms=ms,
                times_portable=ms["portable"] / ms["fused"])


if __name__ == "__main__":
    main()
