"""neighbours.notation: what is the same in another notation, and what never is (docs/neighbours/registry.md)."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nakadachi.neighbours.notation import FORMS, address_key, date_key, name_key, sex_key

SAME_NAMES = [
    ("見本 花子", "見本　花子", "見本花子", " 見本\t花子 "),
    ("ミホン　ハナコ", "ﾐﾎﾝ ﾊﾅｺ", "みほん はなこ"),
    ("ジュン", "ジユン", "ｼﾞﾕﾝ", "シ\u3099ュン"),
    ("ユーキ", "ユ-キ", "ユ−キ", "ユ—キ", "ﾕｰｷ"),
    ("髙橋", "高橋"),
    ("山﨑", "山崎"),
    ("𠮷田", "吉田"),
    ("渡邊", "渡邉", "渡辺"),
    ("齋藤", "斎藤"),
    ("齊藤", "斉藤"),
    ("澤", "沢"),
    ("濱", "濵", "浜"),
    ("嶋", "嶌", "島"),
    ("櫻", "桜"),
    ("冨", "富"),
    ("辻\U000e0100", "辻"),
    ("神\ufe00", "神", "\ufa19"),
    ("佐々木", "佐佐木"),
    ("SAMPLE JOHN", "Sample, John", "ＳＡＭＰＬＥ　ＪＯＨＮ"),
    ("サンプル・ジョン", "サンプル ジョン"),
]
OTHER_NAMES = [
    ("斉藤", "斎藤"),
    ("大野", "小野"),
    ("オオノ", "オノ"),
    ("オオノ", "オーノ"),
    ("ユウキ", "ユーキ"),
    ("ハルカ", "ハルガ"),
    ("ハ", "バ"),
    ("ハ", "パ"),
    ("ジ", "ヂ"),
    ("ズ", "ヅ"),
    ("カ", "力"),
    ("ロ", "口"),
    ("ニ", "二"),
    ("エ", "工"),
    ("土田", "士田"),
    ("未来", "末来"),
    ("見本 花", "花 見本"),
    ("伊藤", "伊東"),
    ("ハナコ", "花子"),
]
SAME_ADDRESSES = [
    (
        "さくら県青葉市見本本町3丁目5番12号",
        "さくら県青葉市見本本町３－５－１２",
        "さくら県青葉市見本本町三丁目五番十二号",
        "さくら県青葉市見本本町3丁目5-12",
        "さくら県青葉市見本本町3−5ー12",
        "さくら県青葉市見本本町 3丁目 5番地の12",
        "さくら県青葉市見本本町3の5の12",
        "さくら県青葉市見本本町三-五-十二",
        "さくら県青葉市見本本町3丁目05番012号",
        "さくら県青葉市見本本町3丁目5番12号 見本荘201号室",
        "さくら県青葉市見本本町3-5-12見本荘A-201",
        "さくら県青葉市見本本町3-5-12 グリーンコーポ見本1-2",
    ),
    ("つばき市大字見本字本村5番地", "つばき市見本本村5番地", "つばき市大字見本字本村五番地", "つばき市見本本村5"),
    ("つばき市見本5番地イ", "つばき市見本5イ"),
    ("霞ヶ見本町", "霞ケ見本町", "霞が見本町"),
    ("見本二十四番地3", "見本24-3", "見本24番地の3"),
    ("見本百二番地", "見本一〇二番地", "見本102番地"),
    ("見本市南三条西5丁目1-2", "見本市南3条西5丁目1番2号"),
    ("見本区三番町5番1号", "見本区3番町5-1", "見本区三番町5－1"),
    ("澤見市見本台1-2", "沢見市見本台1-2"),
]
OTHER_ADDRESSES = [
    ("青葉市見本本町3丁目5番12号", "青葉市見本本町3丁目5番13号"),
    ("青葉市見本本町3丁目5番12号", "青葉市見本本町3丁目51番2号"),
    ("青葉市見本本町3丁目5番12号", "青葉市見本本町35番12号"),
    ("青葉市見本本町3丁目5番12号", "青葉市見本東町3丁目5番12号"),
    ("青葉市見本5番地イ", "青葉市見本5番地ロ"),
    ("青葉市見本5番地", "青葉市見本5番地2"),
    ("さくら県青葉市見本1-2", "青葉市見本1-2"),
    ("青葉市見本本町1-2-3-201", "青葉市見本本町1-2-3"),
    ("みどり市見本1-2", "緑市見本1-2"),
    ("つばき市十文字町1-2", "つばき市十文町1-2"),
]


@pytest.mark.parametrize("names", SAME_NAMES, ids=lambda names: names[0])
def test_one_name_in_several_notations_is_one(names):
    assert len({name_key(name) for name in names}) == 1


@pytest.mark.parametrize(("one", "other"), OTHER_NAMES)
def test_two_names_that_only_look_or_sound_alike_are_two(one, other):
    assert name_key(one) != name_key(other)


@pytest.mark.parametrize("addresses", SAME_ADDRESSES, ids=lambda addresses: addresses[0])
def test_one_address_in_several_notations_is_one(addresses):
    assert len({address_key(address) for address in addresses}) == 1


@pytest.mark.parametrize(("one", "other"), OTHER_ADDRESSES)
def test_two_addresses_are_two(one, other):
    assert address_key(one) != address_key(other)


JAPANESE = st.text(
    st.sampled_from("一二三十百千〇丁目番地号条の之ノ-ー－‐大字町村市区見本ヶケがアイ々佐県A1230９ ゙\ufe00髙ッｯﾞ・"),
    max_size=24,
)


@given(st.text() | JAPANESE)
@example("か \u3099")
@example("ｶ ﾞ")
@example("々々")
@example("三号室丁目")
@example("1番地番地2")
def test_any_text_has_one_notation_which_is_its_own(text):
    for key in (name_key, address_key):
        once = key(text)
        assert key(once) == once
        assert not any(character.isspace() for character in once)
    assert name_key(unicodedata.normalize("NFC", text)) == name_key(text)


def test_a_form_of_a_kanji_never_leads_to_a_further_form():
    assert len(FORMS) > 300
    for written, counts in FORMS.items():
        assert ord(counts) not in FORMS
        assert unicodedata.normalize("NFKC", chr(written)) == chr(written)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("1989-01-07", "1989-01-07"),
        ("19890107", "1989-01-07"),
        ("昭和64年1月7日", "1989-01-07"),
        ("昭和６４年１月７日", "1989-01-07"),
        ("S64.1.7", "1989-01-07"),
        ("s64/01/07", "1989-01-07"),
        ("平成元年五月一日", "1989-05-01"),
        ("平成31年4月30日", "2019-04-30"),
        ("令和元年5月1日", "2019-05-01"),
        ("R8-04-01", "2026-04-01"),
        ("大正十五年十二月二十四日", "1926-12-24"),
        ("明治45年7月29日", "1912-07-29"),
        ("西暦2000年2月29日", "2000-02-29"),
        ("昭和20年3月不詳", "1945-03-00"),
        ("昭和20年不詳", "1945-00-00"),
        ("1945-03-00", "1945-03-00"),
        ("19450000", "1945-00-00"),
    ],
)
def test_a_date_of_birth_in_any_notation_is_one(text, key):
    assert date_key(text) == key
    assert date_key(key) == key


@pytest.mark.parametrize(
    "text",
    ["", "不詳", "1989-02-29", "1989-13-01", "昭和0年1月1日", "昭和65年1月1日", "明治5年1月1日", "1872-12-31", "X1.1.1",
     "1989-00-07", "令和", "20000230", "1989-1-7\0", "１２３"],
)  # fmt: skip
def test_what_is_no_date_is_refused_and_not_repeated(text):
    with pytest.raises(ValueError, match=r"date|era|day|month|year") as wrong:
        date_key(text)
    assert not text or text not in str(wrong.value)


@given(st.text(max_size=12))
def test_any_text_is_a_date_or_is_refused(text):
    try:
        key = date_key(text)
    except ValueError:
        return
    assert date_key(key) == key


def test_an_unknown_day_equals_no_known_one():
    assert date_key("昭和20年3月不詳") != date_key("昭和20年3月1日")


@pytest.mark.parametrize(("text", "key"), [("1", 1), ("男", 1), ("男性", 1), ("m", 1), ("２", 2), ("女", 2), ("F", 2),
                                           ("0", 0), ("不明", 0), ("9", 9), ("3", 3)])  # fmt: skip
def test_a_sex_is_a_digit(text, key):
    assert sex_key(text) == key


@pytest.mark.parametrize("text", ["", "12", "x", "-1", "男女"])
def test_what_is_no_code_of_a_sex_is_refused(text):
    with pytest.raises(ValueError, match="not a code of a sex"):
        sex_key(text)
