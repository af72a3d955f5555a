"""Kernels against the floor of the machine and against torch, one entry for each kernel and shape.

python -m benchmarks.kernels [--quick] [--dry-run]
"""
