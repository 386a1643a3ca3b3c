"""A worked example: a store over a plain dict behind a socket, for both managers."""
