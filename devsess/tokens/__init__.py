"""Access, refresh and device tokens, and the keys that sign them."""
