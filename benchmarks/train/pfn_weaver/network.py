"""Particle Flow Network (arXiv:1810.05165) in weaver's interface, with the widths of configs/top/pfn.yaml."""

import torch
from torch import nn


def chain(make, widths):
    """make(a, b) and a ReLU for every step between widths."""
    return [layer for a, b in zip(widths, widths[1:]) for layer in (make(a, b), nn.ReLU())]


class ParticleFlowNetwork(nn.Module):
    def __init__(self, inputs, classes, phi, f):
        super().__init__()
        self.phi = nn.Sequential(*chain(lambda a, b: nn.Conv1d(a, b, kernel_size=1), (inputs, *phi)))
        self.f = nn.Sequential(*chain(nn.Linear, (phi[-1], *f)), nn.Linear(f[-1], classes))
        for layer in self.modules():
            if isinstance(layer, (nn.Conv1d, nn.Linear)):
                nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)
        nn.init.xavier_uniform_(self.f[-1].weight)

    def forward(self, features, mask):
        """features [B, C, P], mask [B, 1, P] -> logits [B, classes]."""
        return self.f((self.phi(features) * mask).sum(-1))


def get_model(data_config, **options):
    """Called by weaver: the model, and what it would need for an export."""
    model = ParticleFlowNetwork(len(data_config.input_dicts["part_features"]), len(data_config.label_value),
                                phi=(100, 100, 256), f=(100, 100, 100))
    return model, {
        "input_names": list(data_config.input_names),
        "input_shapes": {name: (1, *shape[1:]) for name, shape in data_config.input_shapes.items()},
        "output_names": ["softmax"],
        "dynamic_axes": {name: {0: "N"} for name in (*data_config.input_names, "softmax")},
    }


def get_loss(data_config, **options):
    """Called by weaver."""
    return nn.CrossEntropyLoss()
