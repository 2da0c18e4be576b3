"""Types of steps, one class per module: description, action and probe.

The journal names a type by its module; `ci_ops.core.delivery.step` finds it there.
"""
