"""One kernel's WebSocket: opened, watched, opened again."""
