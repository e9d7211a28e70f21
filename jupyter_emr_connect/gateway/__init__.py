"""Client of Jupyter Enterprise Gateway: REST, WebSocket and the bridge to ZeroMQ channels."""
