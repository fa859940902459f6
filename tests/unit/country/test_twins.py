"""A country of twins as it is planned and founded: two processes, one address, and HAProxy's configuration for them."""

import asyncio
import json
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from nakadachi.country import proxy
from nakadachi.country.founding import Founding, _configure
from nakadachi.country.pki import new_authority
from nakadachi.country.plan import ORIGIN, SECOND_ORIGIN, TWINS, plan
from nakadachi.country.proxy import HEALTH_HOST, find_haproxy, write_proxy
from nakadachi.country.running import SYSTEMS, Settings, sample_plan
from nakadachi.crypto.notes import NoteSigner
from nakadachi.kit.config import ConfigError, load
from nakadachi.kit.tls import read_certificate
from nakadachi.law import lawbook
from nakadachi.node import World
from nakadachi.terms import OrganisationCode, Role

A = OrganisationCode("9901000000000001")
NOW = datetime(2026, 4, 1, tzinfo=UTC)
ROOT = Path(__file__).parents[3]


@pytest.fixture
def country():
    return plan(lawbook.sample(), (A,), port=7400, twins=True)


def test_core_interface_system_and_intermediate_server_run_twice_behind_one_address(country):
    assert {place.name.role for place in country.places if place.twins} == TWINS
    for place in country.places:
        assert place.url == f"https://127.0.0.1:{place.port}"
        assert [one.name for one in place.instances] == (["1", "2"] if place.twins else [""])
    ports = [place.port for place in country.places if place.twins]
    ports += [one.port for place in country.places for one in place.instances]
    assert len(set(ports)) == len(ports) == 3 + 2 + 3 * 2


def test_each_instance_has_a_configuration_of_its_own_and_each_core_a_log(country, tmp_path):
    founding = Founding(tmp_path, country, lawbook.sample(), None, World())
    read = {}
    for place in country.places:
        (tmp_path / place.folder).mkdir()
        trust = [NoteSigner.from_seed(name, bytes(32)).verifier.vkey for name in ("core", "commission")]
        _configure(founding, place, trust)
        for one in place.instances:
            config = load(tmp_path / place.folder / one.config, SYSTEMS[place.name.role][0])
            assert (config.node.listen, config.node.instance) == (f"127.0.0.1:{one.port}", one.name)
            read[place.name.role, one.name] = config
    one, other = read[Role.CORE, "1"], read[Role.CORE, "2"]
    assert (one.origin, one.log_key) == (ORIGIN, "log")
    assert (other.origin, other.log_key) == (SECOND_ORIGIN, "log-2")
    assert [(each.origin, each.key) for each in one.others] == [(SECOND_ORIGIN, "log-2")]
    assert [(each.origin, each.key) for each in other.others] == [(ORIGIN, "log")]


def test_the_proxys_certificate_is_that_of_no_node(country, tmp_path):
    authority = new_authority("authority", NOW)
    write_proxy(tmp_path, country, authority, NOW)
    pem = (tmp_path / "proxy" / "tls.crt").read_bytes()
    der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    peer = read_certificate(der)
    assert (peer.node, peer.existing) == (None, None)
    assert HEALTH_HOST.encode() in der
    assert (tmp_path / "proxy" / "proxy.pem").stat().st_mode & 0o077 == 0


def test_a_country_without_twins_has_no_proxy(tmp_path):
    write_proxy(tmp_path, plan(lawbook.sample(), (A,), port=7400), new_authority("authority", NOW), NOW)
    assert list(tmp_path.iterdir()) == []


def check(file):
    """What HAProxy says of a configuration."""
    try:
        program = find_haproxy()
    except ConfigError as missing:
        pytest.skip(str(missing))
    return subprocess.run([program, "-c", "-f", str(file)], capture_output=True, text=True, check=False, timeout=30)


def test_haproxy_takes_the_configuration_of_a_country(country, tmp_path):
    authority = new_authority("authority", NOW)
    (tmp_path / "authority.crt").write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    write_proxy(tmp_path, country, authority, NOW)
    checked = check(tmp_path / "proxy" / "haproxy.cfg")
    assert (checked.returncode, "WARNING" in checked.stderr) == (0, False), checked.stderr


def test_haproxy_takes_the_configuration_for_a_real_site(country, tmp_path):
    authority = new_authority("authority", NOW)
    (tmp_path / "authority.crt").write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    write_proxy(tmp_path, country, authority, NOW)
    shutil.copy(tmp_path / "proxy" / "proxy.pem", tmp_path / "proxy.pem")
    words = (ROOT / "deploy" / "haproxy.cfg").read_text(encoding="utf-8")
    (tmp_path / "site.cfg").write_text(words.replace("/etc/nakadachi", str(tmp_path)))
    checked = check(tmp_path / "site.cfg")
    assert (checked.returncode, "WARNING" in checked.stderr) == (0, False), checked.stderr


def test_the_rules_for_a_real_site_are_those_that_the_country_runs_under():
    def rules(words):
        lines = (line.strip() for line in words.partition("defaults")[2].partition("listen")[0].splitlines())
        own = {"log global", "option dontlognull"}
        return {line for line in lines if line and not line.startswith("#")} - own

    site = (ROOT / "deploy" / "haproxy.cfg").read_text(encoding="utf-8")
    assert rules(site) == rules(proxy._HEAD.format(health=HEALTH_HOST))


def test_without_haproxy_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(proxy.shutil, "which", lambda *_given, **_where: None)
    with pytest.raises(ConfigError, match="apt-get install haproxy"):
        find_haproxy()


def test_a_country_founded_with_twins_is_not_started_without_them(tmp_path):
    sample_plan(tmp_path, Settings(1, 7400, twins=True))
    with pytest.raises(ConfigError, match="founded with --seed 1 --port 7400 --twins"):
        sample_plan(tmp_path, Settings(1, 7400))
    # One that was founded before there were twins is one without them.
    (tmp_path / "settings.json").write_text(json.dumps({"seed": 1, "port": 7400}))
    assert not any(place.twins for place in sample_plan(tmp_path, Settings(1, 7400)).places)


async def test_a_proxy_that_cannot_run_ends_with_its_status(tmp_path):
    (tmp_path / "bad.cfg").write_text("nonsense\n")
    try:
        program = find_haproxy()
    except ConfigError as missing:
        pytest.skip(str(missing))
    assert await asyncio.wait_for(proxy.keep(program, str(tmp_path / "bad.cfg"), 1), 30) != 0
