"""Real servers from wheels, each in a folder of its own, for tests and benchmarks."""
