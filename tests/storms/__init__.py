"""Storms over the pretend chain, and the bugs that they must find."""
