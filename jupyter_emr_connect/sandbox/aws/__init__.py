"""The AWS front: moto, extended by what EMR needs and checked as AWS checks.

A request goes through small steps, one module each; the first that refuses answers::

    server ─ app ─┬─ incoming    method, path, headers, body; service and action
                  ├─ faults      what ``jupyter emr sandbox fault`` switched on
                  ├─ sigv4       the signature, for real (``chunked``: S3's signed streams)
                  ├─ identity    whose key it is: an IAM user of moto's, or a session of ours
                  ├─ limits      AWS's documented rates, token buckets
                  ├─ authorize   IAM: ``policy`` and ``conditions`` evaluate, ``principals`` collects
                  └─ services    the service's own handler (``emr``, ``sts``) or moto's (``iam``, ``s3``)

``failures`` knows each error's code and shape in each protocol. A new service is one module that calls
:func:`jupyter_emr_connect.sandbox.aws.services.register`.
"""
