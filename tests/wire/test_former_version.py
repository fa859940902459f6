"""The version before this one: what it said is still read, and it is told nothing that it refuses (decision 0021)."""

import base64
import json

import msgspec
import pytest

from nakadachi import OLDEST_PEER, __version__
from nakadachi.crypto.signing import VerifyKey
from nakadachi.law.directory import MEMBERS_SINCE, is_older
from nakadachi.law.lawbook import PRIVATE_SINCE
from nakadachi.telegrams.catalogue import CATALOGUE
from nakadachi.telegrams.codec import check_signature, decode_envelope, encode_envelope, encode_json
from nakadachi.telegrams.permit import IssueSerial
from nakadachi.terms import Role
from tools.former_wire import FOLDER, FORMER, STRUCTS, spoken
from tools.vectors_telegrams import read

THEN = json.loads(STRUCTS.read_text(encoding="utf-8"))
NOW = spoken()
KNOWN = sorted(path.stem for path in FOLDER.glob("[A-Z]*.json"))
ADDED = {
    ("ReportOperation", "condition"): "goes to the core, which is upgraded first, and within one organisation",
    (
        "ReportOperation",
        "instance",
    ): "as condition; only a system of this version that runs as two names one",
    ("Operation", "running"): "stands in ReportOperation only",
    ("FindingKind", "RECORD_CODE_TAKEN"): "the core tells it to the Commission only",
    ("RequestLinkCode", "serial"): "goes to the registry organisation, which is upgraded first",
    ("RequestLinkCode", "check"): "as serial",
    ("LinkCodeRequested", "hits"): "answers lists only, and who is of the former version has one part per person",
    ("Node", "former_signing_keys"): "the core distributes no directory with it while its minimum version is lower",
    ("lawbook Organisation", "private"): "the core distributes no law book with it while the minimum version is lower",
    ("lawbook OrganisationKind", "company"): "only a private body is of this kind",
    ("lawbook _Document", "private_table"): "as private",
}
"""What was added to what the former version knows, and why no node of it gets to see it."""


def written(name):
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def raw(text):
    return base64.b64decode(text, validate=True)


def test_the_former_version_is_the_oldest_that_is_let_in():
    assert FORMER["version"] == OLDEST_PEER
    assert is_older(OLDEST_PEER, __version__)


@pytest.mark.parametrize("name", KNOWN)
def test_what_the_former_version_wrote_is_read_and_its_signature_holds(name):
    vector = written(name)
    telegram = check_signature(decode_envelope(raw(vector["envelope"])), VerifyKey.from_spki(vector["spki"]))
    assert type(telegram.header).__name__ == name
    assert encode_json(telegram.header).decode() == vector["header"]
    assert encode_envelope(telegram.envelope) == raw(vector["envelope"])


@pytest.mark.parametrize("name", sorted(THEN))
def test_nothing_of_the_former_version_is_gone_and_its_members_have_kept_their_order(name):
    then, now = THEN[name], NOW[name]
    assert set(then.get("values", ())) <= set(now.get("values", ()))
    assert [one for one in now.get("members", ()) if one in then["members"]] == then.get("members", [])
    # What it left out may still be left out, and what we leave out it may lack.
    for one in then.get("members", ()):
        assert (one in now["may be left out"]) == (one in then["may be left out"]), one


@pytest.mark.parametrize("name", sorted(THEN))
def test_what_was_added_is_left_out_unless_it_is_used_and_never_goes_to_the_former_version(name):
    then, now = THEN[name], NOW[name]
    for one in set(now.get("members", ())) - set(then.get("members", ())):
        assert one in now["may be left out"], one
        assert now["defaults are left out"], one
        assert (name, one) in ADDED, f"{name}.{one}: the former version refuses it; see docs/adr/0021"
    for one in set(now.get("values", ())) - set(then.get("values", ())):
        assert (name, one) in ADDED, f"{name}.{one}: the former version refuses it; see docs/adr/0021"


def test_what_is_added_to_a_report_of_operation_goes_to_the_core_or_stays_within_an_organisation():
    ends = {hop.path[-1] for hop in CATALOGUE if hop.telegram.__name__ == "ReportOperation"}
    assert ends == {Role.CORE.value, Role.INTERMEDIATE.value}


def test_every_member_added_to_the_directory_has_the_version_that_it_came_with():
    added = {one for name, one in ADDED if name == "Node"}
    assert added == MEMBERS_SINCE.keys()
    assert set(MEMBERS_SINCE.values()) == {__version__}


def test_what_was_added_to_the_law_book_came_with_this_version():
    assert __version__ == PRIVATE_SINCE


def keys(document):
    """Every member that stands in a JSON text, at any depth."""
    if isinstance(document, dict):
        return set(document) | {key for inner in document.values() for key in keys(inner)}
    return {key for inner in document for key in keys(inner)} if isinstance(document, list) else set()


@pytest.mark.parametrize("hop", [hop for hop in CATALOGUE if hop.number], ids=lambda hop: hop.telegram.__name__)
def test_an_inquiry_as_it_is_written_today_has_no_member_that_the_former_version_does_not_know(hop):
    known = {member for one in THEN.values() for member in one.get("members", ())} | {"telegram"}
    for kind in (hop.telegram, hop.answer):
        header = json.loads(read(kind.__name__)["header"])
        assert keys(header) <= known
        assert set(header) - {"telegram"} <= set(THEN[kind.__name__]["members"])


def test_a_member_that_is_not_known_is_refused_so_leaving_it_out_is_what_matters():
    header = json.loads(written("IssueSerial")["header"]) | {"added": 1}
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(json.dumps(header), type=IssueSerial)
