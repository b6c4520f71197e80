"""How requests are cut into shards, and in which order the first shard goes through them."""

from lm_eval.api.instance import Instance

from evaluator.engines.sharding import cut, in_order, place


def choices(task: str, documents: int, *, each: int = 4, context: str = "") -> list[Instance]:
    """Log-likelihood requests as lm-eval builds them: the choices of a document one after the other."""
    return [
        Instance(
            request_type="loglikelihood", doc={}, idx=number, metadata=(task, document, 1),
            arguments=(context or f"{task}, question {document}:", f" {number}"),
        )
        for document in range(documents)
        for number in range(each)
    ]  # fmt: skip


def texts(task: str, documents: int) -> list[Instance]:
    return [
        Instance(
            request_type="generate_until", doc={}, idx=0, metadata=(task, document, 1),
            arguments=(f"{task}, question {document}:", {"until": ["\n"]}),
        )
        for document in range(documents)
    ]  # fmt: skip


def test_shards_are_stretches_of_equal_work() -> None:
    shards = cut(choices("a", 400), 4)
    assert shards == sorted(shards)
    sizes = [shards.count(shard) for shard in range(4)]
    assert max(sizes) - min(sizes) <= 8, sizes


def test_a_document_and_a_context_are_of_one_shard() -> None:
    requests = choices("a", 50) + choices("b", 9, context="the same question") + texts("c", 30)
    shards = cut(requests, 7)
    assert set(shards) == set(range(7))
    of_document = {(place(request), shard) for request, shard in zip(requests, shards, strict=True)}
    assert len(of_document) == 50 + 9 + 30
    assert len({shard for request, shard in zip(requests, shards, strict=True) if request.task_name == "b"}) == 1


def test_more_shards_than_documents_leave_some_empty() -> None:
    assert sorted(cut(choices("a", 2), 5)) == [1] * 4 + [3] * 4
    assert cut([], 3) == []


def test_the_first_shard_helps_the_others_from_their_ends() -> None:
    requests = texts("a", 9)
    keyed = [(f"key {request.doc_id}", request) for request in requests]
    shard_of = {key: shard for (key, _), shard in zip(keyed, cut(requests, 3), strict=True)}
    assert [key for key, _ in in_order(keyed, shard_of, 0)] == [f"key {n}" for n in (0, 1, 2, 5, 8, 4, 7, 3, 6)]
    assert [key for key, _ in in_order(keyed[4:6], shard_of, 0)] == ["key 5", "key 4"]


def test_the_others_ask_their_own_and_nothing_else() -> None:
    keyed = [(f"key {request.doc_id}", request) for request in texts("a", 9)]
    shard_of = {key: int(key[4:]) // 3 for key, _ in keyed}
    assert [key for key, _ in in_order(keyed, shard_of, 1)] == ["key 3", "key 4", "key 5"]
