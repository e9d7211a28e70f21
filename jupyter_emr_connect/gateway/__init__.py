"""Jupyter Enterprise Gateway's client: REST, one WebSocket per kernel, and the bridge to local ZeroMQ channels.

::

    local clients             this package, on the gateway loop (loop.py)                    the compute
    ─────────────   ┌────────────────────────────────────────────────────────────────┐    ──────────────
    shell   ROUTER ─┤ local.py ── wire.py ──┐                      ┌── framing.py    │
    control ROUTER ─┤ (ports.py)            ├─ bridge.py ─ line.py ┤                 ├── WebSocket ── JEG ── kernel
    stdin   ROUTER ─┤                       │  requests.py fate.py └── socket.py     │
    iopub   XPUB   ─┤                       │  own.py                  outbox.py     │
    hb      ROUTER ─┤                       └─ client.py ── failures.py ─────────────├── REST ────── JEG
                    └────────────────────────────────────────────────────────────────┘

``target.py`` says where a gateway is and who we are there, ``probe.py`` finds that out, and ``http.py`` has the
connections that calls and WebSockets are made over.

How nothing is lost. A kernel's connection (``socket.py``) and the order of its messages (``line.py``) each have their
states; together::

                    ready: the kernel is asked who it is, and given a journal
      CONNECTING ─────────────────────────────────────────────────────────────► CONNECTED, FLOWING
                                                                                  │         ▲
          cut, closed, or silent for 12 s (health.py)                             │         │ in order again; what
      ┌───────────────────────────────────────────────────────────────────────────┘         │ is lost is marked
      ▼                                                                                      │
      RECONNECTING ── reach.py, opening.py: the gateway answers ──► CONNECTED, RECOVERING ───┘
      │  requests wait in the outbox                             the gateway replays, the journal is asked (journal.py),
      │                                                          messages are held back (held.py), and what became of
      │ the gateway knows the kernel no more                     requests under way is settled (fate.py)
      ▼
      GONE: culled | restarted | credentials | unreachable

- Each message has a number (``sequence.py``): what comes twice is dropped, what does not come is missed (without a
  journal: ``doubts.py``); and a kernel that does not hear us on a new connection gets another (``recovery.py``, without
  a journal: ``hearing.py``).
- ``kernel_journal.py`` runs in the remote kernel, keeps the last of what it sent, and gives it back by number.
- A request is sent once. Before one is sent to a peer that was not heard lately, it must answer a ping; and what waited
  for a connection is sent on it once the kernel is known to hear us there.
- When a subscriber is slow, ``local.py`` takes no further message, so that ``socket.py`` reads no further and TCP slows
  the gateway down. The browsers of a Jupyter server in this process ask, and hear, without ZeroMQ (``tap.py``); for
  one that takes nothing at all, or has left for a while, outputs are put into a file (``overflow.py``).

How it is fast: contents are never parsed; what nobody subscribed to is not made (``ports.py``); what comes is
acknowledged at once (``acks.py``); and while kernels flood us with small messages, many are taken at once
(``pace.py``).
"""
