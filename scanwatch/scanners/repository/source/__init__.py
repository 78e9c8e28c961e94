"""Source files: which of a commit are read, what their comments are, and which tags those hold.

``selection`` says which files are read, ``languages`` in what language one is written, ``comments`` finds the comments
that hold tags, ``dialects`` reads the tags, and ``reading`` joins them into what one file says.
"""
