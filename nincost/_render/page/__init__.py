"""What the pages of `report` and `compare` share: one HTML file with all that it needs inside.

`shell.py` puts a page together from a template of `templates/`, the style and scripts of `static/`,
and charts, under a policy that lets nothing else run or load. `vega.py` compiles the charts of
`bars.py`, `batches.py`, `roofline.py` and `step.py`, which are plain Vega-Lite.
"""
