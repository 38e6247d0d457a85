"""The store's durable book: every operation of this till, in order, signed for by a chain of hashes.

Nothing here is ever changed or removed. It knows no rule about points and no page.
"""
