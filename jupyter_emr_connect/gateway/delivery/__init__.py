"""Each message once and in order, and each request answered, over connections that come and go.

The bridge makes an ``OrderedInbox`` for what the kernel sends, ``PendingRequests`` for what clients ask, and a
``RequestReconciler`` for what a lost connection left open; others need no more than ``pending.PendingRequest``.
"""
