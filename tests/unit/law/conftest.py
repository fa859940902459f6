"""A small law of our own: two towns, one prefecture, a core; one affair of two procedures; two information names."""

import pytest

MASTERS = {
    "version.toml": 'version = "test-1"\neffective = 2026-04-01\n',
    "organisations.toml": """
[[organisation]]
code = "0000000000000001"
name_ja = "甲市"
name_en = "City A"
kind = "municipality"

[[organisation]]
code = "0000000000000002"
name_ja = "乙市"
name_en = "City B"
kind = "municipality"

[[organisation]]
code = "0000000000000003"
name_ja = "丙県"
name_en = "Prefecture C"
kind = "prefecture"

[[organisation]]
code = "0000000000000009"
name_ja = "中核"
name_en = "Core"
kind = "operator"
""",
    "affairs.toml": """
[[affair]]
code = "JM00000000000001"
name_ja = "手当"
name_en = "Allowance"

[[affair.procedures]]
code = "JT00000000000001"
name_ja = "請求"
name_en = "Claim"

[[affair.procedures]]
code = "JT00000000000002"
name_ja = "届出"
name_en = "Report"

[[affair]]
code = "JM00000000000002"
name_ja = "住宅"
name_en = "Housing"

[[affair.procedures]]
code = "JT00000000000003"
name_ja = "入居"
name_en = "Tenancy"
""",
    "informations.toml": """
[[information]]
code = "TM00000000000001"
name_ja = "税の情報"
name_en = "Tax"

[[information.items]]
code = "TM00000000000001-0001"
name_ja = "所得"
name_en = "Income"
value = "amount"

[[information.items]]
code = "TM00000000000001-0002"
name_ja = "年度"
name_en = "Year"
value = "text"

[[information.items]]
code = "TM00000000000001-0003"
name_ja = "健診"
name_en = "Check-up"
value = "text"
consent_required = true

[[information]]
code = "TM00000000000002"
name_ja = "住民の情報"
name_en = "Resident"

[[information.items]]
code = "TM00000000000002-0001"
name_ja = "続柄"
name_en = "Relation"
value = "code"
""",
}

ROW = """
text_ja = "市町村は税の情報を得ることができる。"
text_en = "A municipality may obtain tax information."
citation_ja = "法第19条第8号"
citation_en = "Act, art. 19(8)"
modelled_on = "別表第2 第1項"
inquirers = { kinds = ["municipality"] }
affair = "JM00000000000001"
from = 2026-04-01

[[grant]]
information = "TM00000000000001"
providers = { kinds = ["municipality", "prefecture"] }
procedures = ["JT00000000000001"]
items = ["TM00000000000001-0001", "TM00000000000001-0002"]
until = 2027-03-31
"""

ASSESSMENTS = """
[edition]
version = "test-1"
effective = 2026-05-01

[[assessment]]
number = "A-1"
organisation = "0000000000000001"
title_ja = "手当の事務"
title_en = "Allowance"
kind = "basic"
published_on = 2026-04-10
affairs = ["JM00000000000001"]

[[assessment]]
number = "B-1"
organisation = "0000000000000002"
title_ja = "税の事務"
title_en = "Tax"
kind = "full"
published_on = 2026-04-10
withdrawn_on = 2026-10-01
informations = ["TM00000000000001"]
"""


@pytest.fixture
def master_texts():
    return dict(MASTERS)


@pytest.fixture
def table_texts():
    return {"version.toml": 'version = "test-1"\neffective = 2026-04-01\n', "001.toml": ROW}


@pytest.fixture
def assessment_text():
    return ASSESSMENTS


@pytest.fixture
def law_folder(tmp_path, master_texts, table_texts, assessment_text):
    """The same law as a folder of files."""
    for folder, texts in (("masters", master_texts), ("table2", table_texts)):
        (tmp_path / folder).mkdir()
        for name, text in texts.items():
            (tmp_path / folder / name).write_text(text, encoding="utf-8")
    (tmp_path / "assessments.toml").write_text(assessment_text, encoding="utf-8")
    return tmp_path
