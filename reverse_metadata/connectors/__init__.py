"""How sources are read and written: one small file a system."""
