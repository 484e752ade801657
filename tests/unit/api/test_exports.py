"""The pipe between who makes a file and who reads it."""

import asyncio

import pytest

from api.exports import PIECE, WAITING, _Pipe
from api.long import Abandoned
from tests.live import until


def test_whoever_makes_it_waits_for_whoever_reads_it() -> None:
    made: list[int] = []

    async def main() -> int:
        loop = asyncio.get_running_loop()
        pipe = _Pipe(loop)

        def make() -> None:
            for number in range(3 * WAITING):
                pipe.write(bytes(PIECE))
                made.append(number)
            pipe.write(b"end")
            pipe.flush()

        work = loop.run_in_executor(None, make)
        work.add_done_callback(pipe.end)
        await asyncio.to_thread(until, lambda: len(made) >= WAITING)
        await asyncio.sleep(0.1)
        assert len(made) == WAITING
        read = 0
        while (piece := await pipe.read()) is not None:
            read += len(piece)
            assert len(made) * PIECE <= read + (WAITING + 1) * PIECE
        return read

    assert asyncio.run(main()) == 3 * WAITING * PIECE + 3


def test_small_pieces_are_gathered() -> None:
    async def main() -> list[int]:
        pipe = _Pipe(asyncio.get_running_loop())
        for _ in range(1_000):
            pipe.write(bytes(PIECE // 500))
        pipe.flush()
        await asyncio.sleep(0)
        pipe.end(None)
        sizes = []
        while (piece := await pipe.read()) is not None:
            sizes.append(len(piece))
        return sizes

    sizes = asyncio.run(main())
    assert sum(sizes) == 1_000 * (PIECE // 500)
    assert len(sizes) == 2


def test_nobody_makes_what_nobody_reads() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        pipe = _Pipe(loop)

        def make() -> None:
            while True:
                pipe.write(bytes(PIECE))

        work = loop.run_in_executor(None, make)
        await asyncio.sleep(0.05)
        pipe.stop()
        with pytest.raises(Abandoned):
            await work

    asyncio.run(main())
