"""The public API under random requests: schemathesis against the real server, as everybody who may call it."""
