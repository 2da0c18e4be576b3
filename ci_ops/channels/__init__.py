"""Channels: each module brings a message to one kind of place.

A channel's dataclass fields are its configuration. It gets a finished
`Message` in plain text, builds its payload as data, escapes and cuts what the
place cannot take, and raises `Undeliverable` when the message did not arrive.
Routing, deadline, repeating and dry run are done once, in `_dispatch.py`.

To add one:
1. copy `webhook.py` to `<name>.py`, with a class of the same name in CamelCase;
2. write its test, `tests/unit/channels/test_<name>.py`;
3. run `tests/contract/test_channels_family.py`, which holds it to the rules of all.
"""
