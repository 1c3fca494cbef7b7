#!/usr/bin/env python3
"""Batches of seven features of jets against weaver-core's own loader on the same jets, in events/s.

  tevatrain              `tevatrain bench data` of the flat file that scripts/convert_root.py makes of the ROOT files: ragged features,
                         standardised, batches of 500, shuffled among all jets
  weaver F W step S      SimpleIterDataset and DataLoader on F (Parquet or ROOT files, LZ4), W processes, share S of the files read
                         and shuffled at a time; jets padded to 100 constituents. The second epoch: in the first it compiles

Both compute the features of benchmarks/train/pfn_weaver/top.yaml; the page cache is warm.
  .venv/bin/pip install --target=.peers/weaver --no-deps -r benchmarks/train/pfn_weaver/requirements.txt
  benchmarks/data/weaver_compare.py build/cpu/bin/tevatrain --out benchmarks/results
"""

import json
import sys
import tempfile
from pathlib import Path

import contest
from bench_runs import MALLOC_DEFAULT, ROOT, run_program
from jets import make_jets, write_parquet, write_root

REQUIREMENTS = "benchmarks/train/pfn_weaver/requirements.txt"
FEATURES = """\
  features:
    event:
      jet_px: event_sum(px)
      jet_py: event_sum(py)
      jet_pz: event_sum(pz)
      jet_E: event_sum(E)
    part:
      log_pt: log(hypot(px, py))
      log_ptrel: log(hypot(px, py) / hypot(jet_px, jet_py))
      log_E: log(E)
      log_Erel: log(E / jet_E)
      delta_eta: eta(px, py, pz) - eta(jet_px, jet_py, jet_pz)
      delta_phi: delta_phi(phi(px, py), phi(jet_px, jet_py))
      delta_r: hypot(delta_eta, delta_phi)
"""
CONFIG = """\
data:
  reader: flat
  train: {folder}/train.h5
  val: {folder}/val.h5
  objects:
    part: {{field: part, columns: [energy, px, py, pz], as: [E, px, py, pz]}}
  label: {{field: event/label, classes: [QCD, top]}}
{features}  workers: {workers}
model: {{name: pfn}}
train: {{batch_size: 500, device: cpu, threads: 1}}
optimizer: {{name: adam, lr: 1e-3}}
"""


def weaver(*arguments, config=ROOT / "benchmarks/train/pfn_weaver/top.yaml"):
    """Runs weaver_peer.py; its line."""
    text, wall = run_program([sys.executable, Path(__file__).parent / "weaver_peer.py", config, *arguments], MALLOC_DEFAULT, 1,
                             PYTHONPATH=str(contest.peer_folder("weaver", REQUIREMENTS)))
    return {**json.loads(text.splitlines()[-1]), "process_s": wall}


def convert(files, out):
    run_program([sys.executable, ROOT / "scripts/convert_root.py", "--object", "part=part_*", "--event", "label", *files, out],
                MALLOC_DEFAULT, 1)


def make_files(folder, events, parts):
    """The same jets as {format: files}, and ours as train.h5."""
    files = {"parquet": [], "root": []}
    for part in range(parts):
        jets = make_jets(events // parts, seed=part + 1)
        for kind, write in (("parquet", write_parquet), ("root", write_root)):
            files[kind].append(folder / f"jets-{part}.{kind}")
            write(jets, files[kind][-1])
    convert(files["root"], folder / "train.h5")
    write_root(make_jets(300, seed=0), folder / "val.root")
    convert([folder / "val.root"], folder / "val.h5")
    return files


def main():
    options = contest.parse(__doc__, 200000)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = make_files(folder, options.events, parts=4)
        config = CONFIG.format(folder=folder, features=FEATURES, workers=options.workers)
        contenders = {"tevatrain": lambda: contest.bench_data(options, config)}
        for kind in files:
            for workers in range(options.workers + 1):
                for step in (0.1, 1) if kind == "parquet" else (1,):
                    contenders[f"weaver {kind} {workers} step {step}"] = lambda kind=kind, workers=workers, step=step: weaver(
                        *files[kind], "--workers", workers, "--fetch-step", step, "--epochs", 2)
        peers = [contender for contender in contenders if contender != "tevatrain"]
        contest.run("weaver", options, contenders, [contest.Ratio("tevatrain", peers, 5)], bytes={
            "train.h5": (folder / "train.h5").stat().st_size, **{kind: sum(file.stat().st_size for file in files[kind]) for kind in files}})


if __name__ == "__main__":
    contest.main(main)
