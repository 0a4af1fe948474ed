"""The network, its objectives, the one training loop, inference, metrics and checkpoints."""

import os

# oneDNN, by which torch multiplies bfloat16 on CPUs, keeps the compiled code of the last 1,024
# shapes of matrices, half a gigabyte. Batches hardly ever have the shapes of earlier ones, and one
# needs a few dozen. oneDNN reads this once, when it first computes, which is after this import.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")
