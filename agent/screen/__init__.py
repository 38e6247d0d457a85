"""The cashier's page and the API behind it, on this PC only: a guard, JSON, one stream of events.

It decides nothing about points; it turns values of the desk into words and pictures.
"""
