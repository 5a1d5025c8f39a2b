"""All that a report's page shows, as plain values: `nincost.report`.

`report.py` gathers a profile, the predicted memory of a training step and of a forward pass, and
the data of the page's charts: `step_curve.py` the memory over a step, `batches.py` the memory by
batch size with the largest batch of common cards, `roofline.py` each layer's arithmetic intensity
under a card's peaks, `bars.py` the profile's rows summed up to as many as a chart can show.
`command_line.py` writes the command that makes the report again. `results.py` has the values, which
`nincost/_render/report` and `nincost/_render/page` draw.
"""
