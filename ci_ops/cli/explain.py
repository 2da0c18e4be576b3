"""Explain what a reason or a rule means, and what to do about it."""

from __future__ import annotations

import click


@click.command("explain")
@click.argument("name", default="")
@click.option("--page", is_flag=True, help="Print the whole troubleshooting page as Markdown.")
def command(name: str, *, page: bool) -> int:
    """Explain what a REASON or a RULE means, and what to do about it.

    Without a name: list them all.
    """
    from ci_ops.core.errors import UsageError  # noqa: PLC0415 - kept out of `--help`
    from ci_ops.core.text.nearmiss import did_you_mean  # noqa: PLC0415 - the same
    from ci_ops.flows.explain import explanations, troubleshooting_page  # noqa: PLC0415 - the same

    if page:
        click.echo(troubleshooting_page(), nl=False)
        return 0
    known = explanations()
    if not name:
        click.echo("\n".join(f"{each.name}: {each.meaning}" for each in known.values()))
        return 0
    if name not in known:
        raise UsageError(
            f"nothing is called {name!r}{did_you_mean(name, known)}",
            hint="`ci-ops explain` lists every name.",
        )
    click.echo(known[name].text)
    return 0
