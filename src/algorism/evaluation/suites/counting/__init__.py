"""Counting letters: word tasks (arXiv 2410.14166), letter strings in four formats (arXiv 2410.19730), strategies."""
