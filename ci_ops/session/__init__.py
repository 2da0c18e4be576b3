"""The composition root: from a call to a flow's job, and from its report to an exit code."""
