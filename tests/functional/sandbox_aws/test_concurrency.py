"""Many callers at once: nothing is lost, mixed up or handed out twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from botocore.exceptions import ClientError


def test_a_burst_from_many_threads_gets_exactly_its_tokens(front):
    client = front.client("emr")

    def call(_):
        try:
            client.list_clusters()
        except ClientError as error:
            return error.response["Error"]["Code"]
        return "ok"

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(call, range(60)))
    assert answers.count("ok") == 20
    assert answers.count("ThrottlingException") == 40


def test_callers_are_not_mixed_up(front):
    clients = {name: front.client("sts", name) for name in front.profiles}

    def call(number):
        name = sorted(clients)[number % len(clients)]
        return clients[name].get_caller_identity()["Arn"] == f"arn:aws:iam::123456789012:user/{name}"

    with ThreadPoolExecutor(24) as pool:
        assert all(pool.map(call, range(200)))


def test_tags_of_many_threads_are_all_there(front):
    client, cluster = front.client("emr", "administrator"), front.ids["open"]

    def call(number):
        client.add_tags(ResourceId=cluster, Tags=[{"Key": f"t{number}", "Value": "x"}])

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(call, range(40)))
    assert {f"t{number}" for number in range(40)} <= front.world.clusters[cluster].tags.keys()


def test_slow_callers_do_not_hold_up_the_others(front):
    slow, quick = front.client("emr"), front.client("sts")
    front.world.faults.set("slow:10000", options={"service": "elasticmapreduce"})
    with ThreadPoolExecutor(12) as pool:
        waiting = [pool.submit(slow.list_clusters) for _ in range(10)]
        for _ in range(20):
            quick.get_caller_identity()
        assert not any(call.done() for call in waiting)
