"""The network, its objectives, the one training loop, inference, metrics and checkpoints."""
