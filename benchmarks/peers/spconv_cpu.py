"""spconv 2.3.8 on a CPU, from its wheel. It cannot train there: its backward asks for a CUDA stream.

    .venv/bin/pip install --target=.peers/spconv --no-deps -r benchmarks/peers/spconv_requirements.txt
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / ".peers" / "spconv"))


class SubmanifoldConv:
    """One layer without a bias; its weights and the way through Native as spconv's users have them."""

    def __init__(self, coords, channels, size=768):
        import spconv.pytorch as spconv
        self.make = lambda x: spconv.SparseConvTensor(x, coords, [size] * 3, int(coords[:, 0].max()) + 1)
        self.layer = spconv.SubMConv3d(channels, channels, 3, bias=False, algo=spconv.ConvAlgo.Native)

    def weight(self):
        """As [taps, in, out]."""
        weight = self.layer.weight.detach()
        return weight.reshape(27, *weight.shape[-2:]) if weight.shape[0] == 3 else weight.permute(1, 2, 3, 4, 0).reshape(27, weight.shape[-1], weight.shape[0])

    def __call__(self, x):
        """Builds the map and convolves."""
        return self.layer(self.make(x)).features
