"""The card by its commands, byte for byte as software for a real one sends them."""

from __future__ import annotations

from hashlib import sha256

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.neighbours.card import signing
from nakadachi.neighbours.card.apdu import Command
from nakadachi.neighbours.card.card import Card
from nakadachi.neighbours.card.counter_commands import counter_key, proof
from nakadachi.neighbours.card.medium import Medium
from nakadachi.neighbours.card.pin import Secret
from nakadachi.neighbours.card.texts import CardError, Trouble
from tests import cards

JPKI, SUPPORT = "00A4040C0AD392F000260100000001", "00A4040C0AD3921000310001010408"
MESSAGE = b"an application"


def send(card, *commands):
    """The last answer, as hex."""
    for one in commands:
        last = card.transmit(bytes.fromhex(one))
    return last.hex().upper()


def chosen(file):
    return f"00A4020C02{file:04X}"


def typed(text, p1=0):
    return f"0020{p1:02X}80{len(text):02X}{text.encode().hex()}"


def certificate(card):
    content = b""
    send(card, JPKI, chosen(0x0A))
    while (part := card.transmit(Command(0, 0xB0, len(content) >> 8, len(content) & 255, b"", 256).encode()))[
        -2:
    ] == b"\x90\x00":
        content += part[:-2]
    return x509.load_der_x509_certificate(content)


def test_the_token_says_that_it_is_a_card_and_not_a_phone(town):
    assert bytes.fromhex(send(town.card(), JPKI, chosen(6), "00B0000020"))[:15] == b"JPKIAPICCTOKEN2"


def test_tries_are_told_without_spending_one(town):
    card = town.card()
    for _ in range(9):
        assert send(card, JPKI, chosen(0x18), "00200080") == "63C3"
        assert send(card, JPKI, chosen(0x1B), "00200080") == "63C5"
        assert send(card, SUPPORT, chosen(0x11), "00200080") == "63C3"


def test_three_wrong_pins_lock_and_the_right_one_opens_no_more(town):
    card = town.card()
    answers = [send(card, JPKI, chosen(0x18), typed("0000")) for _ in range(3)]
    assert answers == ["63C2", "63C1", "63C0"]
    assert send(card, JPKI, chosen(0x18), typed(cards.PIN)) == "6983"
    assert send(card, JPKI, chosen(0x18), "00200080") == "63C0"


def test_five_wrong_passwords_lock(town):
    card = town.card()
    answers = [send(card, JPKI, chosen(0x1B), typed("WRONG1")) for _ in range(6)]
    assert answers == ["63C4", "63C3", "63C2", "63C1", "63C0", "6983"]


def test_a_right_one_gives_all_tries_back(town):
    card = town.card()
    assert send(card, JPKI, chosen(0x18), typed("0000"), typed("0001")) == "63C1"
    assert send(card, typed(cards.PIN), "00200080") == "63C3"


def test_what_cannot_be_a_pin_spends_no_try(town):
    assert send(town.card(), JPKI, chosen(0x18), typed("12345")) == "6A80"
    assert send(town.card(), JPKI, chosen(0x18), "00200080") == "63C3"


def test_the_signature_certificate_needs_its_password_and_the_other_needs_nothing(town):
    card = town.card()
    assert send(card, JPKI, chosen(0x0A), "00B0000000").endswith("9000")
    assert send(card, JPKI, chosen(0x01), "00B0000000") == "6982"
    assert send(card, JPKI, chosen(0x18), typed(cards.PIN), chosen(0x01), "00B0000000") == "6982"
    assert send(card, JPKI, chosen(0x1B), typed(cards.PASSWORD), chosen(0x01), "00B0000000").endswith("9000")


@pytest.mark.parametrize("between", ["reset", JPKI, SUPPORT, typed("0000")])
def test_a_reset_another_application_or_a_wrong_try_closes_the_card(town, between):
    card = town.card()
    sign = f"802A008033{signing.digest_info(sha256(MESSAGE).digest()).hex()}00"
    assert send(card, JPKI, chosen(0x18), typed(cards.PIN), chosen(0x17), sign).endswith("9000")
    if between == "reset":
        card.reset()
    elif between.startswith("0020"):
        send(card, chosen(0x18), between)
    else:
        send(card, between)
    send(card, *([] if between.startswith("0020") else [JPKI]), chosen(0x17))
    assert send(card, sign) == "6982"


def signature(card, p1, data):
    send(card, JPKI, chosen(0x18), typed(cards.PIN), chosen(0x17))
    raw = card.transmit(Command(0x80, 0x2A, p1, 0x80, data, 256).encode())
    assert raw[-2:] == b"\x90\x00"
    return raw[:-2]


@pytest.mark.parametrize(
    ("p1", "data"),
    [
        (0, signing.digest_info(sha256(MESSAGE).digest())),
        (2, signing.digest_info(sha256(MESSAGE).digest())),
        (3, MESSAGE),
    ],
)
def test_raw_digest_info_and_hash_on_card_give_the_same_signature(town, p1, data):
    card = town.card()
    key = certificate(card).public_key()
    made = signature(card, p1, data)
    key.verify(made, MESSAGE, padding.PKCS1v15(), hashes.SHA256())
    assert made == signature(card, 3, MESSAGE)


@pytest.mark.parametrize(("p1", "data"), [(4, sha256(MESSAGE).digest()), (5, MESSAGE)])
def test_pss_of_a_digest_and_of_a_text(town, p1, data):
    card = town.card()
    rule = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    certificate(card).public_key().verify(signature(card, p1, data), MESSAGE, rule, hashes.SHA256())


@pytest.mark.parametrize(
    ("p1", "data", "status"),
    [(0, bytes(246), "6A80"), (2, bytes(51), "6A80"), (4, bytes(31), "6A80"), (1, bytes(32), "6A86"), (0, b"", "6A80")],
)
def test_what_a_variant_does_not_take_is_refused(town, p1, data, status):
    card = town.card()
    send(card, JPKI, chosen(0x18), typed(cards.PIN), chosen(0x17))
    assert card.transmit(Command(0x80, 0x2A, p1, 0x80, data, 256).encode()).hex().upper() == status


def test_a_pin_is_changed_by_who_has_shown_it(town):
    card = town.card()
    change = f"0024018004{b'9630'.hex()}"
    assert send(card, JPKI, chosen(0x18), change) == "6982"
    assert send(card, typed(cards.PIN), change) == "9000"
    assert send(card, typed(cards.PIN)) == "63C2"
    assert send(card, typed("9630")) == "9000"


def test_the_counters_commands_need_the_counters_proof(town):
    counter = "00A4040C0A" + (b"\xf0NAKADACHI").hex()
    for command in ("002C0201043132333400", "0046000100", "00DA10010101", "00E60000"):
        assert send(town.card(), counter, command) == "6982"
    card = town.card()
    assert send(card, counter, "0084000000").endswith("9000")
    assert send(card, "00820000" + "20" + "00" * 32) == "6982"
    with pytest.raises(CardError) as refused:
        cards.Reader(town.card()).at_counter(b"another key")
    assert refused.value.trouble is Trouble.NOT_COUNTER


def test_a_challenge_of_the_counter_serves_once(town):
    card = town.card()
    key = counter_key(cards.MASTER, town.reader().serial())
    challenge = bytes.fromhex(send(card, "00A4040C0A" + (b"\xf0NAKADACHI").hex(), "0084000000"))[:-2]
    shown = "00820000" + "20" + proof(key, challenge).hex()
    assert send(card, shown) == "9000"
    assert send(card, shown) == "6982"


def test_a_secret_set_anew_elsewhere_closes_what_the_old_one_opened(town):
    holding = town.card()
    send(holding, JPKI, chosen(0x18), typed(cards.PIN), chosen(0x17))
    town.reader().change(Secret.AUTHENTICATION, cards.PIN, "9630")
    assert send(holding, f"802A008033{signing.digest_info(bytes(32)).hex()}00") == "6982"


@pytest.mark.parametrize(
    ("commands", "status"),
    [
        (["00A4040C0AD392F000260100000002"], "6A82"),
        (["00B0000000"], "6986"),
        ([JPKI, "00B0000000"], "6986"),
        ([JPKI, chosen(0x7777)], "6A82"),
        ([JPKI, chosen(0x18), "00B0000000"], "6986"),
        ([JPKI, chosen(0x0A), "00B0700000"], "6B00"),
        ([JPKI, chosen(0x0A), "00B00000"], "6700"),
        ([JPKI, chosen(0x0A), "0020008004" + b"2580".hex()], "6986"),
        ([JPKI, chosen(0x18), "0020018004" + b"2580".hex()], "6A86"),
        (["10A4040C00"], "6E00"),
        (["00FF0000"], "6D00"),
        (["00A4"], "6700"),
    ],
)
def test_what_a_card_does_not_do_has_its_status(town, commands, status):
    assert send(town.card(), *commands) == status


def test_without_a_card_in_the_reader_there_is_no_answer(town):
    card = town.card()
    send(card, JPKI, chosen(0x18), typed(cards.PIN))
    town.medium().path.rename(town.folder / "in-a-pocket")
    with pytest.raises(CardError) as refused:
        send(card, chosen(0x17))
    assert refused.value.trouble is Trouble.ABSENT
    (town.folder / "in-a-pocket").rename(town.medium().path)
    assert send(card, chosen(0x17)) == "6A82"  # nothing is chosen any more


def test_another_key_or_an_altered_file_is_no_card(town):
    with pytest.raises(CardError) as refused:
        Card(Medium(town.medium().path, b"another", cards.ENTROPY), cards.ENTROPY).transmit(bytes.fromhex(JPKI))
    assert refused.value.trouble is Trouble.UNREADABLE
    raw = bytearray(town.medium().path.read_bytes())
    raw[-1] ^= 1
    town.medium().path.write_bytes(raw)
    with pytest.raises(CardError):
        send(town.card(), JPKI)


def test_nothing_that_a_card_holds_stands_in_its_file_or_in_what_is_shown_of_it(town):
    raw = town.medium().path.read_bytes()
    state = town.medium().read()
    for needle in ("見本", "さくら県", cards.NUMBER, cards.PASSWORD):
        assert needle.encode() not in raw
        assert needle not in repr(state) + str(state)
    assert cards.PASSWORD.encode() not in state.own_key + b"".join(one.mac for one in state.secrets.values())


@given(
    st.lists(
        st.binary(max_size=40) | st.from_regex(rb"\x00[\xa4\x20\xb0\x24\x84\x82\x2c\xda\x46]...*", fullmatch=True),
        max_size=12,
    )
)
def test_any_bytes_have_a_status_word_and_never_open_the_card(handed_over, raws):
    card = handed_over.card()
    for raw in raws:
        assert len(card.transmit(raw)) >= 2
    card.transmit(bytes.fromhex(JPKI))
    card.transmit(bytes.fromhex(chosen(1)))
    assert card.transmit(bytes.fromhex("00B0000000")) == b"\x69\x82"


@pytest.fixture(scope="module")
def handed_over(tmp_path_factory):
    return cards.issued_town(tmp_path_factory.mktemp("town"))
