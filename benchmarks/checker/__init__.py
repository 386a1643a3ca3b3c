"""The checker of the promise that an ended session is let in nowhere; see README.md beside it."""
