"""Pictures of results, drawn with matplotlib: one file a picture.

Nothing here uses pyplot, so neither a display nor a chosen backend matters, and no figure is left
open. `picture.py` is the figure itself and how it becomes a file, `style.py` how things look,
`lettering.py` how names are written.
"""

from nincost._render.figures.headless import load_matplotlib

load_matplotlib()  # before any file of this folder imports it
