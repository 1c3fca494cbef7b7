"""Our safetensors files and those of the Python package are the same thing, in both directions."""

import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file


def main() -> None:
    copy = sys.argv[1]
    torch.manual_seed(1)
    dtypes = [torch.float64, torch.float32, torch.float16, torch.bfloat16,
              torch.int64, torch.int32, torch.uint8, torch.bool]
    tensors = {f"layer.{i}": torch.randn(3, i + 1).mul(9).abs().to(dtype) for i, dtype in enumerate(dtypes)}
    tensors |= {"scalar": torch.tensor(1.5), "none": torch.empty(0, 4), "näme": torch.ones(1)}
    with tempfile.TemporaryDirectory() as folder:
        theirs, ours = Path(folder, "theirs.safetensors"), Path(folder, "ours.safetensors")
        save_file(tensors, theirs, metadata={"who": "me"})
        subprocess.run([copy, theirs, ours], check=True)
        read = load_file(ours)
        assert read.keys() == tensors.keys(), read.keys()
        for name, tensor in tensors.items():
            assert read[name].dtype == tensor.dtype and torch.equal(read[name], tensor), name
        with safe_open(ours, "pt") as file:
            assert file.metadata() == {"who": "me"}, file.metadata()
        theirs.write_bytes(theirs.read_bytes()[:-1])
        result = subprocess.run([copy, theirs, ours], capture_output=True, text=True)
        assert result.returncode == 1 and str(theirs) in result.stderr, result
    print(f"{len(tensors)} tensors agree in both directions")


if __name__ == "__main__":
    main()
