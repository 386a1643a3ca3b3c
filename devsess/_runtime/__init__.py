"""What runs operations: faces of stores, drivers, threads."""
