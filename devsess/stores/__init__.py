"""Where sessions are kept: one file a backend, `base.py` the contract they share."""
