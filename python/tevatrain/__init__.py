"""Python side of Tevatrain: operator loading, reports, sweeps. It knows the engine through files, the CLI and torch.ops."""
