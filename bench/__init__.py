"""Benchmarks: each runs the real thing and a bound or a peer in the same run, and writes `results/<name>.json`."""
