"""What holds for every test. Read before torch is imported."""

import os

# The tests' networks are tiny: several threads gain them nothing, and fight each other where cores are shared.
os.environ.setdefault("OMP_NUM_THREADS", "1")
