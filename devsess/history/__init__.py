"""
Login history for people: an event, and what is known of its session, as a sentence.

`words` is the table of the words, `sentences` puts them together, `entries` has the record
that an application shows. Nothing here reads a store, a clock or a locator: what an operation
has read is handed in.
"""
