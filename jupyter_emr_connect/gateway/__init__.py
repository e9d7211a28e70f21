"""Jupyter Enterprise Gateway's client: REST, one WebSocket per kernel, and the bridge to local ZeroMQ channels.

::

    local clients       on the gateway loop (event_loop.py)                                       the compute
    ─────────────   ┌────────────────────────────────────────────────────────────────────────┐    ──────────────
                    │ channels/             delivery/               connection/              │
    shell   ROUTER ─┤ zmq_channels ┐                                                         │ control ROUTER ─┤
    (zmq_port,   ├ bridge ── inbox ◄─────────────── websocket ─────────────├── WebSocket ── JEG ── kernel stdin   ROUTER
    ─┤  flood)      │   │       (gaps, replay,         (handshake,            │ iopub   XPUB   ─┤              │   │
    reorder_buffer)        reachability,         │ hb      ROUTER ─┤              │   ├────── pending
    status)               │ this process   ─┤ in_process ──┘   │       reconciliation           ▲                    │
                    │                  │       (liveness)               │                    │
                    │                  └───────────────────────────► send_queue              │
                    │                          rest.py ── failures.py ───────────────────────├── REST ────── JEG
                    └────────────────────────────────────────────────────────────────────────┘

``protocol/`` has what a message is: its WebSocket frames (``framing.py``), its signed ZeroMQ frames (``signing.py``),
its number (``numbering.py``), and files and queues of messages. ``injected/`` is text that runs in the remote kernel.
``target.py`` says where a gateway is and who we are there, and ``discovery.py`` finds that out.

How nothing is lost. A kernel's connection (``connection/websocket.py``) and the order of its messages
(``delivery/inbox.py``) each have their states; together::

                    ready: the kernel is asked who it is, and given a journal
      CONNECTING ─────────────────────────────────────────────────────────────► CONNECTED, FLOWING
                                                                                  │         ▲
          cut, closed, or silent for 12 s                                         │         │ in order again; what
      ┌───────────────────────────────────────────────────────────────────────────┘         │ is lost is marked
      ▼                                                                                     │
      RECONNECTING ── the gateway answers ──► CONNECTED, REPLAYING ─────────────────────────┘
      │  requests wait in the send queue      the gateway replays, the journal is asked (replay.py), messages are held
      │                                       back (reorder_buffer.py), and what became of requests under way is
      │                                       settled (reconciliation.py)
      │ the gateway knows the kernel no more
      ▼
      GONE: culled | restarted | credentials | unreachable

- Each message has a number: what comes twice is dropped, what does not come is missed (without a journal: ``gaps.py``);
  and a kernel that does not hear what is sent on a new connection gets another (``replay.py``, without a journal:
  ``liveness.py``).
- ``injected/kernel_journal.py`` runs in the remote kernel, stores the last of what it sent, and gives it back by
number. - A request is sent once. Before one is sent to a peer from which nothing came lately, that must answer a ping;
and what
  waited for a connection is sent on it once the kernel is known to hear it there.
- When a subscriber is slow, ``zmq_channels.py`` takes no further message, so that ``websocket.py`` reads no further and
  TCP slows the gateway down. The browsers of a Jupyter server in this process ask, and are answered, without ZeroMQ
  (``in_process.py``); for one that takes nothing at all, or has left for a while, outputs are put into a file
  (``protocol/message_queue.py``).

How it is fast: contents are never parsed; what nobody subscribed to is not made (``zmq_port.py``); what comes is
acknowledged at once; and while kernels flood the loop with small messages, many are taken at once (``flood.py``).

Nothing is imported here or in the ``__init__`` of a subpackage: a Jupyter server's start imports ``protocol.framing``,
and neither aiohttp nor ZeroMQ may come with it.
"""
