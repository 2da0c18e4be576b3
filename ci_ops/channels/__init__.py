"""Channels: each module delivers messages to one kind of service.

A channel's dataclass fields are its configuration. It receives a finished `Message` in plain text,
builds its payload as data, escapes and truncates what the service cannot accept, and raises
`Undeliverable` when the delivery failed. Routing, deadlines, retries and dry runs are implemented
once, in `_dispatch.py`. CONTRIBUTING.md adds one step by step;
`tests/contract/test_channels_family.py` holds it to the rules of all.
"""
