"""Contenders in interleaved rounds: JSON lines of each measurement, then ratios of medians against their targets.

A contender is a function that returns a dict with the measured key: `events_per_s`, of which more is better, or `seconds`.
"""

import argparse
import datetime
import json
import os
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from bench_runs import MALLOC_DEFAULT, BenchError, machine, run_program  # noqa: E402

PEERS = Path(__file__).resolve().parents[2] / ".peers"


@dataclass
class Ratio:
    """Ours over the best of some peers; of rates at least the target, of seconds below it."""
    ours: str
    peers: list
    target: float


def parse(description, events, rounds=5, more=()):
    """The options that all have; `more` are (flag, keywords) of one benchmark."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=Path, help="the program tevatrain")
    parser.add_argument("--events", type=int, default=events)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--workers", type=int, default=2, help="threads of ours; processes of a peer: every number up to this")
    parser.add_argument("--out", type=Path, help="folder for <date>-<name>.json")
    for flag, keywords in more:
        parser.add_argument(flag, **keywords)
    return parser.parse_args()


def bench_data(options, config, *arguments, **variables):
    """`tevatrain bench data` with the text of a configuration; its JSON, and the wall time of the process as process_s."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bench.yaml"
        file.write_text(config)
        text, wall = run_program([options.binary.resolve(), "bench", "data", file, "--json", *arguments], MALLOC_DEFAULT, 1, **variables)
    return {**json.loads(text), "process_s": wall}


def peer_folder(name, requirements):
    """Where a peer is installed, apart from the project's environment."""
    folder = PEERS / name
    if not folder.is_dir():
        raise BenchError(f"{folder} is missing. Install the peer: .venv/bin/pip install --target={folder.relative_to(PEERS.parent)} "
                         f"--no-deps -r {requirements}")
    return folder


def measure(contenders, rounds):
    os.sync()  # files just written
    results = {name: [] for name in contenders}
    for number in range(1, rounds + 1):
        for name, contender in contenders.items():
            results[name].append(contender())
            print(json.dumps({"round": number, "contender": name, **results[name][-1]}), flush=True)
    return results


def compare(ratio, median, measured):
    best = (min if measured == "seconds" else max)(ratio.peers, key=median.get)
    value = median[ratio.ours] / median[best]
    return {"ours": ratio.ours, "peer": best, "ratio": value, "target": ratio.target,
            "reached": value < ratio.target if measured == "seconds" else value >= ratio.target}


def run(name, options, contenders, ratios, measured="events_per_s", **facts):
    """Measures, prints, and keeps the result if there is a folder for it."""
    results = measure(contenders, options.rounds)
    median = {contender: statistics.median(row[measured] for row in rows) for contender, rows in results.items()}
    summary = {"benchmark": name, "ratios": [compare(ratio, median, measured) for ratio in ratios], f"median_{measured}": median}
    print(json.dumps(summary))
    if options.out:
        date = datetime.date.today().isoformat()
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / f"{date}-{name}.json").write_text(json.dumps(
            {**summary, "date": date, "command": " ".join(sys.argv), "events": options.events, "workers": options.workers, **facts,
             "machine": machine(), "rounds": results}, indent=1) + "\n")


def main(body):
    """Runs a benchmark; a program that failed is one readable message."""
    try:
        body()
    except BenchError as error:
        sys.exit(f"{Path(sys.argv[0]).stem}: {error}")
