from evaluator import jobs


def test_chunks_are_cut_by_number_and_by_size() -> None:
    small, large = [b"x" * 10] * 600, [b"x" * (jobs.BYTES_A_CHUNK // 2)] * 3
    assert [len(batch) for batch in jobs.batches(small)] == [250, 250, 100]
    assert [len(batch) for batch in jobs.batches(large)] == [2, 1]
    assert [len(batch) for batch in jobs.batches([b"x" * (2 * jobs.BYTES_A_CHUNK), b"y"])] == [1, 1]
    assert list(jobs.batches([])) == []
    assert [line for batch in jobs.batches([*small, *large]) for line in batch] == [*small, *large]
