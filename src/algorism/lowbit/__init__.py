"""Small numbers: quantizers, calibration, and arithmetic with few bits, on any tensor or torch module."""
