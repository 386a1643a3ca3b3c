"""What a request says of its device, and which known device it is."""
