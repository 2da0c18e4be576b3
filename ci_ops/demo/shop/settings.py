"""What the shop needs of its environment.

Readiness reads it here before a deployment.
"""

from __future__ import annotations

from ci_ops.service import ConfigValidator

config = ConfigValidator()
config.register("SHOP_DATABASE", description="The file of the SQLite database.")
config.register("SHOP_PORT", int, minimum=1, maximum=65535, description="The port to listen on.")
