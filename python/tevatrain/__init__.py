"""Python side of Tevatrain: operator loading, reports, the parity check of exports. It knows the engine through files, the CLI and torch.ops."""
