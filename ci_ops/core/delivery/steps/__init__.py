"""Types of steps, one class in each module: its text, how it is performed, how its change is probed.

The journal names a type by its module; `ci_ops.core.delivery.step` finds it there.
"""
