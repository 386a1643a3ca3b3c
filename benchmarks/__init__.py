"""The cost of devsess, and whether its promise holds between real processes."""
