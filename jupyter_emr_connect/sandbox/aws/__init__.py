"""The AWS front: moto's backends and our own handlers behind the checks that AWS makes.

A request goes through small steps, one module each; the first that refuses answers::

    server ─ app ─┬─ incoming    method, path, headers, body; service and region
                  ├─ protocol    operation and parameters, by botocore's service models
                  ├─ faults      what ``jupyter emr sandbox fault`` switched on
                  ├─ sigv4       the signature, for real (``streams``: S3's signed streams)
                  ├─ identity    whose key it is: an IAM user of moto's, or a session of ours
                  ├─ limits      AWS's documented rates, token buckets
                  ├─ authorize   IAM: collects policies; ``policy`` and ``conditions`` evaluate
                  └─ registry    the service's handler (``emr``, ``sts`` …), or moto's (``iam``, ``s3``) by ``backend``

The modules point one way: ``app`` knows all others, a service knows ``service`` (its :class:`~.service.Call` and the
:class:`~.service.AWSContext` that the call works on) and never the application. ``lifecycle`` moves computes from state
to state. ``failures`` knows each error's code and form in each protocol; ``seed`` and ``policies`` say what a sandbox
comes with. A new service is a module with a :class:`~.service.Service` and a line in ``registry``.
"""
