"""What a notebook shows: the only place for ipywidgets, anywidget, bqplot, traitlets, IPython."""
