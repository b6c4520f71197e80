"""Equal prompts, and nearly equal ones: MinHash over runs of three words, many prompts at a time.

Two prompts count as nearly equal when about `ALIKE` of these are the same (Jaccard), as their signatures
estimate it; a pair that is that alike is found with a probability of about 94 %, a pair that is half alike never.
Source: Broder 1997 (min-wise hashing), Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, section 3.4 (bands).
"""

import hashlib
import zlib
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

HASHES, BANDS = 32, 8
ALIKE = 0.8
LEAST_WORDS = 8
"""Shorter prompts differ in few words by nature: only equal ones are told."""
BATCH = 512

Words = npt.NDArray[np.uint32]
_rng = np.random.default_rng(20_261_129)
FACTORS = _rng.integers(1, 2**32, HASHES, dtype=np.uint64).astype(np.uint32) | np.uint32(1)
OFFSETS = _rng.integers(0, 2**32, HASHES, dtype=np.uint64).astype(np.uint32)


class Like(NamedTuple):
    """A prompt (its line) that says again what an earlier one said."""

    line: int
    earlier: int
    equal: bool


class Likeness:
    """Takes prompts one after the other; tells which are like earlier ones, a batch at a time."""

    def __init__(self) -> None:
        self._digests: dict[bytes, int] = {}
        self._bands: list[dict[int, int]] = [{} for _ in range(BANDS)]
        self._signatures: list[Words] = []
        self._lines: list[int] = []
        self._waiting: list[tuple[int, Words]] = []

    def add(self, line: int, prompt: str) -> list[Like]:
        """What is known after one more prompt: of it when it is equal to another, of a batch when one is full."""
        words = prompt.lower().encode("utf-8", "surrogatepass").split()
        digest = hashlib.blake2b(b" ".join(words), digest_size=12).digest()
        earlier = self._digests.setdefault(digest, line)
        if earlier != line:
            return [Like(line, earlier, equal=True)]
        shingles = shingles_of(words)
        if shingles is not None:
            self._waiting.append((line, shingles))
        return self.rest() if len(self._waiting) >= BATCH else []

    def rest(self) -> list[Like]:
        """What is known of those that still wait."""
        if not self._waiting:
            return []
        lines, parts = [line for line, _ in self._waiting], [part for _, part in self._waiting]
        self._waiting = []
        starts = np.concatenate([[0], np.cumsum([len(part) for part in parts])[:-1]])
        together = np.concatenate(parts)
        signatures = np.empty((len(parts), HASHES), dtype=np.uint32)
        for place in range(HASHES):
            mixed = together * FACTORS[place] + OFFSETS[place]
            signatures[:, place] = np.minimum.reduceat(mixed ^ (mixed >> np.uint32(15)), starts)
        rows = signatures.reshape(len(parts), BANDS, HASHES // BANDS)
        keys = [[hash(band.tobytes()) for band in row] for row in rows]
        return [like for line, signature, key in zip(lines, signatures, keys, strict=True)
                if (like := self._nearest(line, signature, key))]  # fmt: skip

    def _nearest(self, line: int, signature: Words, keys: list[int]) -> Like | None:
        """The first prompt that is alike, or none, and then this one is remembered for others."""
        place = len(self._lines)
        candidates = {earlier for band, key in zip(self._bands, keys, strict=True)
                      if (earlier := band.setdefault(key, place)) != place}  # fmt: skip
        self._lines.append(line)
        self._signatures.append(signature)
        for earlier in sorted(candidates):
            if float((self._signatures[earlier] == signature).mean()) >= ALIKE:
                return Like(line, self._lines[earlier], equal=False)
        return None


def shingles_of(words: list[bytes]) -> Words | None:
    """A hash for each run of three words, of letters where there are no spaces, (n,); None if there are too few."""
    text = b"".join(words)
    if len(text) > 20 * len(words):  # without spaces between its words
        letters = text.decode("utf-8", "surrogatepass").encode("utf-32-le", "surrogatepass")
        codes = np.frombuffer(letters, dtype=np.uint32)
    else:
        codes = np.fromiter(map(zlib.crc32, words), dtype=np.uint32, count=len(words))
    if len(codes) < LEAST_WORDS:
        return None
    mixed: Words = (codes[:-2] * np.uint32(2_654_435_761) + codes[1:-1]) * np.uint32(40_503) + codes[2:]
    return mixed
