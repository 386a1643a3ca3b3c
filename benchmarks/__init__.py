"""What devsess costs, and whether its promise holds between real processes."""
