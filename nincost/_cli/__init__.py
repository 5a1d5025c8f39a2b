"""The command line: a file a subcommand, loaded only when it is called.

A subcommand parses its options, calls the function of the same name, and shows the result:
`Output.show` finds the renderer by the format, as the result's own methods do. `options.py` has
what subcommands share, `step_flags.py` the options of a training step. `main.py` turns every error
into one line on stderr and an exit status; `stdout.py` keeps standard output for results alone, and
`time_limit.py` ends what takes too long.
"""
