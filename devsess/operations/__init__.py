"""
The operations: each one `async def` over an `Operation`, which gives it instant, keys and store.

They judge and decide; nothing here waits, sleeps or reads a clock by itself.
"""
