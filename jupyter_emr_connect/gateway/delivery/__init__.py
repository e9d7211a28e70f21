"""Each message once and in order, over connections that come and go."""
