"""weaver-core's own loader: SimpleIterDataset under a DataLoader with the options of `weaver`. A line an epoch; what it compiles
at run time is compiled in the first one."""

import argparse
import tempfile
from pathlib import Path

import torch
from peer_loop import imports_are_done, print_result, run_loader
from torch.utils.data import DataLoader
from weaver.utils.dataset import SimpleIterDataset


def main():
    imports_are_done()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--fetch-step", type=float, default=0.01, help="share of every file that is read at a time")
    parser.add_argument("--by-files", action="store_true", help="read whole files, --fetch-step of them at a time")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--first-only", action="store_true", help="stop at the first batch")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "jets.yaml"  # weaver writes its standardisation beside it
        config.write_text(options.config.read_text())
        data = SimpleIterDataset({"_": options.files}, str(config), batch_size=options.batch, for_training=True,
                                 fetch_by_files=options.by_files, fetch_step=options.fetch_step, name="train")
        loader = DataLoader(data, batch_size=options.batch, drop_last=False, num_workers=options.workers,
                            persistent_workers=options.workers > 0, prefetch_factor=4 if options.workers else None)
        for epoch in range(options.epochs):
            print_result(peer="weaver-core", epoch=epoch, workers=options.workers, fetch_step=options.fetch_step,
                         **run_loader(loader, lambda batch: len(batch[1]["_label_"]), first_only=options.first_only))


if __name__ == "__main__":
    main()
