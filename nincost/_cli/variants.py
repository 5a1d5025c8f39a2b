"""`nincost variants`: the built-in models and where each comes from."""

from __future__ import annotations

from typing import Any

import click

from nincost._cli.options import Output, output_options


@click.command("variants", epilog="Example: nincost variants --format markdown")
@output_options("variants")
def command(**options: Any) -> None:
    """List the built-in variants: source, input size, parameters and MACs."""
    output = Output.from_options(options)
    from nincost._profile.variants import variants

    output.show(variants())
