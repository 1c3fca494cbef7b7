"""What Python tests of the program share: running it, and small files of toy jets in the layout of the Top Tagging set."""

import json
import os
import re
import signal
import subprocess
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("TEVATRAIN_BINARY", str(ROOT / "build" / "cpu" / "bin" / "tevatrain"))

CONFIG = """\
seed: 1
data:
  reader: pandas_table
  train: {folder}/train.h5
  val: {folder}/val.h5
  test: {folder}/test.h5
  objects:
    part: {{field: values_block_0, take: [0, 800], as: [E, px, py, pz], valid: E > 0}}
  label: {{field: values_block_1, index: 1, classes: [QCD, top]}}
  features:
    event: {{jet_px: event_sum(px), jet_py: event_sum(py), jet_E: event_sum(E)}}
    part:
      log_pt: "log(pt(px, py))"
      log_ptrel: "log(pt(px, py) / pt(jet_px, jet_py))"
      log_Erel: log(E / jet_E)
      delta_phi: "delta_phi(phi(px, py), phi(jet_px, jet_py))"
model: {{name: pfn, phi: [16, 16, 32], f: [16, 16]}}
train: {{epochs: 2, batch_size: 100, device: cpu, threads: 1}}
optimizer: {{name: adam, lr: 1e-3}}
"""


def toy_jets(number, seed):
    """[number, 200, 4] constituents (E, px, py, pz) and labels: a toy, two classes that differ in width. Some jets are empty
    or have a single constituent or all 200."""
    random = np.random.default_rng(seed)
    label = random.integers(0, 2, number)
    lengths = random.integers(5, 40, number)
    lengths[:3] = [0, 1, 200]
    pt = np.sort(random.exponential(15, (number, 200)) + 0.5)[:, ::-1]
    width = np.where(label, 0.35, 0.2)[:, None]
    eta, phi = random.normal(0, 1, (2, number, 200)) * width
    phi += random.uniform(-np.pi, np.pi, number)[:, None]
    jets = np.stack([pt * np.cosh(eta), pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)], -1)
    jets[np.arange(200)[None] >= lengths[:, None]] = 0
    return jets.astype(np.float32), label


def write_table(path, jets, label, truth_e=0):
    """Writes jets as pandas does for the published files; truth_e is the first value behind the constituents."""
    names = [f"{kind}_{i}" for i in range(200) for kind in ("E", "PX", "PY", "PZ")] + ["truthE", "truthPX", "truthPY", "truthPZ"]
    block = np.concatenate([jets.reshape(len(jets), 800), np.zeros((len(jets), 4), np.float32)], 1)
    block[:, 800] = truth_e
    frame = pd.concat([pd.DataFrame(block, columns=names),
                       pd.DataFrame({"ttv": np.zeros(len(jets), np.int64), "is_signal_new": label.astype(np.int64)})], axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame.to_hdf(path, key="table", format="table", complib="blosc", complevel=5)


def write_data(folder, train=1000, held_back=300):
    """train.h5, val.h5 and test.h5 of toy jets."""
    folder = Path(folder)
    folder.mkdir(exist_ok=True)
    for seed, (name, number) in enumerate([("train", train), ("val", held_back), ("test", held_back)]):
        write_table(folder / f"{name}.h5", *toy_jets(number, seed))
    return folder


def write_config(folder, text=CONFIG):
    path = Path(folder) / "toy.yaml"
    path.write_text(text.format(folder=folder))
    return path


def environment(folder):
    return {**os.environ, "TEVATRAIN_CACHE": str(Path(folder) / "cache"), "OMP_NUM_THREADS": "1"}


def run(folder, *arguments, timeout=300, warns=False, **variables):
    """Runs the program, with more environment variables; returns the finished process with its text. A warning, ours or LibTorch's, is an assertion unless the
    test expects one."""
    result = subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=timeout,
                            env=environment(folder) | variables, cwd=folder)
    warned = [line for line in result.stderr.splitlines() if re.search(r"\] warning: |^\[W", line)]
    assert bool(warned) == warns, f"warnings {'missing' if warns else 'that the test does not expect'}: {warned}"
    return result


def start(folder, *arguments):
    """Starts the program in the background."""
    return subprocess.Popen([BINARY, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                            env=environment(folder), cwd=folder)


def require(result, code=0):
    """The standard output of a finished process; an assertion with all its text if the exit code is another."""
    assert result.returncode == code, f"exit code {result.returncode}, expected {code}\n{result.stdout}\n{result.stderr}"
    return result.stdout


def newest_checkpoint(run):
    steps = [path for path in (run / "checkpoints").glob("step-*") if path.suffix == ""]
    return max(steps, key=lambda path: int(path.name.split("-")[1]))


def lines_beyond_checkpoint(run):
    """The newest checkpoint's step (-1: none yet) and how many lines metrics.jsonl has that it does not know."""
    if not any((run / "checkpoints").glob("step-*[0-9]")):
        return -1, 0
    folder = newest_checkpoint(run)
    known = json.loads((folder / "state.json").read_text())["metrics_bytes"]
    return int(folder.name.split("-")[1]), (run / "metrics.jsonl").read_bytes()[known:].count(b"\n")


def kill_beyond_checkpoint(folder, run, *arguments, after=None, lines=3, timeout=60):
    """Starts the program and kills it (SIGKILL) where metrics.jsonl is ahead, by `lines` at least, of a checkpoint of a step
    beyond `after` (default: of all that were there). The program is stopped while one looks, so the kill lands where it
    should. Returns the step of the checkpoint."""
    last = lines_beyond_checkpoint(run)[0] if after is None else after
    process = start(folder, *arguments)
    deadline = time.monotonic() + timeout
    try:
        while time.monotonic() < deadline:
            time.sleep(0.002)
            process.send_signal(signal.SIGSTOP)
            assert os.WIFSTOPPED(os.waitpid(process.pid, os.WUNTRACED)[1]), "the run ended before it could be killed"
            step, beyond = lines_beyond_checkpoint(run)
            if step > last and beyond >= lines:
                return step
            process.send_signal(signal.SIGCONT)
        raise AssertionError(f"no checkpoint after step {last} in {timeout} s")
    finally:
        process.kill()
        process.wait()


def result_of(run):
    """What must be equal, bit for bit: metrics and the newest weights and optimizer state."""
    folder = newest_checkpoint(run)
    return {"metrics": (run / "metrics.jsonl").read_bytes(), "step": folder.name,
            "model": (folder / "model.safetensors").read_bytes(), "optimizer": (folder / "optimizer.safetensors").read_bytes()}


def differences(run, other):
    """The parts of the results of two runs that are not equal."""
    result = result_of(other)
    return [name for name, content in result_of(run).items() if content != result[name]]
