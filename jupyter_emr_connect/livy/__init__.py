"""Livy: an asynchronous client of its REST API (0.7 to 0.9, and what EMR Serverless has of it), and what it serves.

``client.py`` makes the calls, ``discovery.py`` finds out how a server wants to be spoken to, ``session.py`` is the life
of one Spark session, ``statement.py`` runs one statement in it, and ``output.py`` turns its answer into MIME bundles.
"""
