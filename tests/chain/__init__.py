"""The pretend chain: real tills and a real headquarters, one thread, a pretend world around.

Everything of the product that decides or remembers is the product's own: counters, recorder, log, second
file, contact and night on one side, the device doors with all that stands behind them on the other, each on
its own SQLite. Pretended are only time, network, disks that fail, people and chance, and all of these come
from one seed: the same seed is the same chain, to the byte.
"""
