"""Channels: each module brings a message to one kind of place.

A channel's dataclass fields are its configuration. It gets a finished
`Message` in plain text, builds its payload as data, escapes and cuts what the
place cannot take, and raises `Undeliverable` when the message did not arrive.
Routing, deadline, repeating and dry run are done once, in `_dispatch.py`.

CONTRIBUTING.md adds one step by step; `tests/contract/test_channels_family.py` holds it to the rules of all.
"""
