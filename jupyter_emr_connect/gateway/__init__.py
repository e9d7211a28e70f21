"""Jupyter Enterprise Gateway's client: REST, one WebSocket per kernel, and the bridge to local ZeroMQ channels.

::

    local clients                this package, on the gateway loop (loop.py)                the compute
    ─────────────   ┌───────────────────────────────────────────────────────────────┐    ───────────
    shell   ROUTER ─┤ ports.py ── wire.py ──┐                    ┌── framing.py     │
    control ROUTER ─┤ (ZeroMQ)   (signatures)├─ bridge.py ──────┤   (v1, legacy)    ├── WebSocket ──► JEG
    stdin   ROUTER ─┤                        │  (who asked what) └── socket.py       │
    iopub   XPUB   ─┤                        │                       (life cycle)    │
    hb      ROUTER ─┤ echo                   └─ client.py ── failures.py ────────────├── REST ───────► JEG
                    └───────────────────────────────────────────────────────────────┘

``target.py`` says where a gateway is and who we are there, ``probe.py`` finds that out. The connection's states are
drawn in ``socket.py``. Outputs travel: WebSocket → decode (header parsed, content as bytes) → sign → XPUB. When a
subscriber is slow, ``bridge.py`` reads no further, so that TCP slows the gateway down; requests wait in ``socket.py``'s
bounded outbox.
"""
