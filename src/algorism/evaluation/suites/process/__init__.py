"""Right answers for wrong reasons: chains of arithmetic whose every line can be checked (arXiv 2502.06217)."""
