"""Headquarters: it judges what the stores tell, posts it in double entry, and tells every store the same.

It serves the store edge. A store that cannot reach it goes on selling; what it then tells is never
refused because it is late.
"""
