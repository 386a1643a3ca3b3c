"""Reading the device of a request, and recognising a known one."""
