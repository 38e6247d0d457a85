"""A grant policy is rehearsed before it grants: a history of visits is played by the product's own rules.

What is played is `hub.policy`, `points.rights` and `points.holding`, the code that runs in stores and at
headquarters; only the wire, the disk and the clock are pretended. Nothing here touches a real store's points.
"""
