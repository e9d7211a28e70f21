"""Who we are to AWS, and the secrets by which a role is proved to a gateway."""
