"""What travels between a store and headquarters, and how it is signed.

Bytes in, bytes or values out. Nothing here opens a socket, reads a clock, draws
chance or touches a disk, so that every message and every ending of a conversation
can be played in a test and read again in ten years. Bytes defined here change
only with a version.
"""
