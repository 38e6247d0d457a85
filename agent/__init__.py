"""The store's side: a till's own durable book, its counter, its paper and its nightly conversation.

The agent sells whether or not there is a network. It never waits for headquarters to record what
happened, and it never spends a point that somebody else might spend too.
"""
