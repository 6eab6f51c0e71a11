"""How each engine reads SQL, written from its vendor's documentation alone.

These lexers judge the renderer, so they share no code and no table with it. They know strings, names and comments in
every form that the documentation has, and nothing more.
"""
