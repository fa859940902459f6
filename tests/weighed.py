"""What a verifier of certificates is given: lists and answers, and the fault it finds."""

from __future__ import annotations

from datetime import timedelta

import pytest

from nakadachi.neighbours.jpki.authority import issue_responder
from nakadachi.neighbours.jpki.faults import NotAccepted
from nakadachi.neighbours.jpki.lists import Issue, read_list, write_list
from nakadachi.neighbours.jpki.ocsp import Responder, read_question, write_question
from nakadachi.neighbours.jpki.profile import Kind, partition
from nakadachi.neighbours.jpki.verifying import Answered, verify
from tests.certified import CHIYODA, NOW, a_key

DAY = timedelta(days=1)


def a_list(authority, *entries, place=CHIYODA, now=NOW, life=2 * DAY, kind=Kind.SIGNATURE):
    return read_list(write_list(authority, partition(kind, place), entries, Issue(1, now, now + life)))


def responder(authority, *, now=NOW, key=7):
    made = issue_responder(authority, a_key(key).public_key(), serial=9, now=now)
    return Responder(authority, made, a_key(key))


def answer(authority, certificate, status, *, nonce=None, now=NOW, life=DAY, by=None):
    question = read_question(write_question(certificate, authority.certificate, nonce))
    der = (by or responder(authority)).answer(question, status, now=now, next_update=now + life)
    return Answered(der, nonce)


def fault(*asked, **more):
    with pytest.raises(NotAccepted) as refused:
        verify(*asked, **more)
    return refused.value.fault
