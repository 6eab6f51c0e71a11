"""Values cannot leave their places: held against lexers of our own, and against the engines."""
