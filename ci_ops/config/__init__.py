"""The configuration: from a file, variables and flags to one frozen value.

    load      finds the file, lays environment and flags over it, reads it
    model     what comes out: `Config` and its sections
    yamlfile, jsonfile → tree      documents with the place of every key and value
    overlay   one tree over another
    shapes → walk      what the fields of a dataclass accept, and reading a tree into them
    schema, show, check      the same fields for editors, for people, for `ci-ops config check`

A plugin's fields are read like the sections' own; nothing here names a plugin.
"""
