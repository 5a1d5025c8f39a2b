"""How results look: a folder a result, a file a format. Nothing here computes.

`memory/markdown.py` is what `Memory.to_markdown` and `nincost memory --format markdown` give; a
format that a result's folder lacks is the general one beside this file, `csv.py` say.
`nincost._result` finds the module by these names when it is asked, so no result imports a renderer,
and a new format is a new file with `render(result, **options)`. In a result's folder, `text.py` has
the words that its formats share, `figure.py` draws its picture (svg, png and pdf), and
`notebook.py` is what Jupyter shows.

`parts/` has the pieces of tables, `figures/` those of pictures, `page/` those of HTML pages with
charts.
"""
