"""
What "who is signed in?" costs a real server: its processor time for a request, beside its peers.

    python -m benchmarks.served [--quick]

Each app is run by a server of its own, in a process of its own: those for ASGI by uvicorn, those
for WSGI by waitress. All answer the user's id; the bare one of a framework answers without looking.
Requests come one after another over one connection, by many users in turn.
"""
