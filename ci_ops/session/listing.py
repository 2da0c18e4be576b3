"""A listing of deployments, as lines for people and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ci_ops.core.text.lines import console_line

if TYPE_CHECKING:
    from ci_ops.core.delivery.record import DeploymentRecord
    from ci_ops.flows.history import Listing


def listing_text(listing: Listing) -> str:
    """Return one line a deployment; the first word is what `rollback --to` takes."""
    if not listing.records:
        return f"no deployment is known in {console_line(listing.environment)}\n"
    return "".join(f"{_line(each, is_live=listing.is_live(each))}\n" for each in listing.records)


def listing_json(listing: Listing) -> str:
    """Return the listing as a JSON document."""
    return json.dumps(listing.to_json(), indent=2) + "\n"


def _line(record: DeploymentRecord, *, is_live: bool) -> str:
    when = f"{record.started_at:%Y-%m-%d %H:%M:%S} UTC" if record.started_at else "-"
    columns = [record.id, record.state, record.kind, record.short_revision, when, record.actor or "-"]
    columns += ["(live)"] if is_live else []
    columns += [f"to {record.release}"] if record.release and record.release != record.id else []
    columns += [each for each in (record.reason, record.error) if each]
    return "  ".join(console_line(each) for each in columns)
