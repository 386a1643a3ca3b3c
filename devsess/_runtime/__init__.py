"""Running operations: the cache, faces of stores, drivers, threads."""
