"""Algorithms written as programs instead of learnt. Knows nothing of training, tasks or text."""
