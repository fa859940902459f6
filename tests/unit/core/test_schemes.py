"""What every way to make link codes promises, shown on both of them over a real database (C2, C5)."""

import random
from itertools import combinations

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.core.codes import IdCode, Meaning, Scheme
from nakadachi.core.schemes import open_scheme
from nakadachi.kit.entropy import SystemEntropy
from nakadachi.refusal import Refusal
from nakadachi.terms import LinkCode
from tests.unit.core.asked_schemes import FIRST_BYTE, A, Asked, B, keys_of, new_database, shown

pytestmark = pytest.mark.asyncio(loop_scope="module")

people = st.binary(min_size=10, max_size=10).map(IdCode)
meanings = st.builds(Meaning, st.sampled_from((A, B)), people, st.integers(1, 3), st.integers(0, 255))


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=list(Scheme))
async def asked(request, postgres):
    """A scheme, and a way to ask it."""
    name = f"test_schemes_{request.param}"
    database = await new_database(await postgres.create_tenant(name))
    yield Asked(await open_scheme(request.param, database, keys_of, SystemEntropy()), database, request.param)
    await database.close()
    await postgres.drop_tenant(name)


# What both promise


@given(st.lists(meanings, max_size=8))
async def test_every_code_reads_back_as_what_it_was_issued_for(asked, wanted):
    assert await asked.read(*shown(wanted, await asked.issue(*wanted))) == wanted


@given(st.lists(meanings, unique=True, max_size=8))
async def test_no_two_people_organisations_keys_or_generations_share_a_code(asked, wanted):
    assert len(set(await asked.issue(*wanted))) == len(wanted)


@given(meanings)
async def test_asked_again_it_is_the_same_code_also_twice_in_one_batch(asked, one):
    (first,) = await asked.issue(one)
    assert await asked.issue(one, one) == [first, first]


@given(people, st.integers(1, 3), st.integers(0, 255))
async def test_another_organisation_that_shows_the_code_is_refused(asked, person, key_index, generation):
    for owner, other in ((A, B), (B, A)):
        (code,) = await asked.issue(Meaning(owner, person, key_index, generation))
        assert await asked.refuses(other, code)


@given(people, st.integers(1, 3), st.integers(0, 254))
async def test_another_generation_is_another_code_and_each_still_says_which_it_is(asked, person, key_index, generation):
    wanted = [Meaning(A, person, key_index, generation + step) for step in (0, 1)]
    former, new = await asked.issue(*wanted)
    assert former != new
    assert await asked.read((A, former), (A, new)) == wanted


@given(people, st.integers(0, 255))
async def test_another_key_index_is_another_code_and_stands_in_it(asked, person, generation):
    former, new = await asked.issue(*(Meaning(A, person, index, generation) for index in (1, 2)))
    assert former.to_bytes()[3:] != new.to_bytes()[3:]
    assert [code.to_bytes()[:3] for code in (former, new)] == [
        bytes((FIRST_BYTE[asked.kind], 0, index)) for index in (1, 2)
    ]


@given(meanings, st.integers(0, 151))
async def test_a_code_with_a_changed_bit_is_refused(asked, one, bit):
    (code,) = await asked.issue(one)
    changed = int.from_bytes(code.to_bytes(), "big") ^ 1 << bit
    assert await asked.refuses(one.organisation, LinkCode.of_bytes(changed.to_bytes(19, "big")))


@given(meanings, st.integers(0, 31), st.integers(0, 31))
async def test_a_mistyped_code_is_no_code_at_all(asked, one, place, step):
    (code,) = await asked.issue(one)
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    other = alphabet[(alphabet.find(code.value[place]) + 1 + step % 31) % 32]
    if other != code.value[place]:
        with pytest.raises(ValueError, match="LinkCode"):
            LinkCode(code.value[:place] + other + code.value[place + 1 :])


@given(st.sampled_from((2, 3)), st.integers(0, 0xFFFF), st.binary(min_size=16, max_size=16))
async def test_a_made_up_code_of_either_form_is_refused(asked, first, key_index, block):
    assert await asked.refuses(A, LinkCode.of_bytes(bytes((first,)) + key_index.to_bytes(2, "big") + block))


@given(st.lists(meanings, min_size=1, max_size=12), st.integers(1, 12), st.randoms(use_true_random=False))
async def test_order_and_size_of_a_batch_change_nothing(asked, wanted, size, chance):
    at_once = dict(zip(wanted, await asked.issue(*wanted), strict=True))
    mixed = list(wanted)
    chance.shuffle(mixed)
    batches = [mixed[place : place + size] for place in range(0, len(mixed), size)]
    for batch in batches:
        codes = await asked.issue(*batch)
        assert codes == [at_once[one] for one in batch]
        assert await asked.read(*shown(batch, codes)) == batch


async def test_one_bad_code_of_a_batch_spoils_none_of_the_others(asked):
    wanted = [Meaning(A, IdCode(bytes((number,)) * 10), 1, 1) for number in range(3)]
    codes = shown(wanted, await asked.issue(*wanted))
    codes[1] = (B, codes[1][1])
    first, bad, last = await asked.read(*codes)
    assert (first, last) == (wanted[0], wanted[2])
    assert isinstance(bad, Refusal)


async def test_nothing_asked_is_nothing_answered(asked):
    assert (await asked.issue(), await asked.read()) == ([], [])


@pytest.mark.parametrize(("key_index", "generation"), [(-1, 0), (65_536, 0), (1, -1), (1, 256)])
async def test_numbers_that_do_not_fit_are_an_error_and_leave_nothing_behind(asked, key_index, generation):
    with pytest.raises(ValueError, match=r"0 to (255|65535)"):
        await asked.issue(Meaning(A, IdCode(bytes(10)), key_index, generation))


async def test_codes_of_two_organisations_say_nothing_of_each_other(asked):
    """Of 256 people, held against chance: the bits of L_A and L_B agree as those of two strangers' codes do."""
    everybody = [IdCode(number.to_bytes(10, "big")) for number in range(256)]
    blocks = {
        organisation: [
            int.from_bytes(code.to_bytes()[3:], "big")
            for code in await asked.issue(*(Meaning(organisation, person, 1, 1) for person in everybody))
        ]
        for organisation in (A, B)
    }
    own = [(a ^ b).bit_count() for a, b in zip(blocks[A], blocks[B], strict=True)]
    strangers = [(a ^ b).bit_count() for a, b in zip(blocks[A], blocks[B][1:] + blocks[B][:1], strict=True)]
    # 256 × 128 coins: 16,384 heads, standard deviation 90.5; six of them are met once in a thousand million runs.
    for differing in (own, strangers):
        assert abs(sum(differing) - 16_384) < 6 * 91
    # Every bit of the one against every bit of the other: none follows it more than chance allows.
    for bit_a, bit_b in combinations(random.Random(1).sample(range(128), 24), 2):
        agree = sum((a >> bit_a & 1) == (b >> bit_b & 1) for a, b in zip(blocks[A], blocks[B], strict=True))
        assert abs(agree - 128) < 6 * 8
    # Ordered by code, the people stand in another order at each: by no more than chance the same.
    order = [sorted(range(256), key=blocks[organisation].__getitem__) for organisation in (A, B)]
    assert sum(a == b for a, b in zip(*order, strict=True)) < 10
