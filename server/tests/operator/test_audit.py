"""`audit verify` and `audit head`, as an auditor uses them."""

import json
import time

import pytest


@pytest.fixture
def sealed(in_keys_mode, serving, migrated, owner):
    """A trail of five events that a server has sealed, and the head that the auditor took away."""
    for number in range(5):
        assert in_keys_mode("projects", "create", f"Project {number}").returncode == 0
    waiting = in_keys_mode("audit", "verify")
    assert (waiting.returncode, waiting.stdout) == (0, "0 events hold\n")
    assert waiting.stderr.startswith("5 events without a seal yet")
    with serving(DATABASE_URL=migrated, AUTH_MODE="keys", SECRET_KEY="zyxwvutsrqponmlkjihgfedcba9876543210-operator"):
        for _ in range(200):
            if owner("SELECT count(*) FROM audit_seals").fetchone() == (5,):
                break
            time.sleep(0.1)
    return in_keys_mode("audit", "head").stdout.strip()


def test_an_untouched_trail_holds_and_goes_on_holding_against_its_old_head(in_keys_mode, sealed):
    held = in_keys_mode("audit", "verify")
    assert (held.returncode, held.stdout, held.stderr) == (0, "5 events hold\n", "")
    in_keys_mode("projects", "create", "Later")
    later = in_keys_mode("audit", "verify", "--head", sealed, "--json")
    assert later.returncode == 0
    verdict = json.loads(later.stdout)
    assert (verdict["holds"], verdict["events"], verdict["broken"], verdict["waiting"]) == (True, 5, None, 1)
    head = json.loads(in_keys_mode("audit", "head", "--json").stdout)
    assert f"{head['seq']}:{head['hash']}:{head['signature']}" == sealed


def test_the_first_broken_event_is_named(in_keys_mode, sealed, owner):
    owner("UPDATE audit_events SET subject = 'else' WHERE id IN (SELECT event_id FROM audit_seals WHERE seq IN (3, 4))")
    broken = in_keys_mode("audit", "verify")
    assert broken.returncode == 1
    assert broken.stdout.startswith("broken at event 3: ")
    verdict = json.loads(in_keys_mode("audit", "verify", "--json").stdout)
    assert (verdict["holds"], verdict["events"], verdict["broken"]["event"]) == (False, 2, 3)


def test_a_trail_cut_short_is_found_by_a_head_kept_elsewhere(in_keys_mode, sealed, owner):
    owner("DELETE FROM audit_events WHERE id = (SELECT event_id FROM audit_seals WHERE seq = 5)")
    owner("DELETE FROM audit_seals WHERE seq = 5")
    assert in_keys_mode("audit", "verify").stdout == "4 events hold\n"
    broken = in_keys_mode("audit", "verify", "--head", sealed)
    assert broken.returncode == 1
    assert broken.stdout.startswith("broken at event 5: ")


@pytest.mark.parametrize(
    "spoil", [lambda head: head[:-1] + ("0" if head[-1] != "0" else "1"), lambda _: "5", str.upper]
)
def test_a_head_that_this_server_did_not_sign_is_refused(in_keys_mode, sealed, spoil):
    refused = in_keys_mode("audit", "verify", "--head", spoil(sealed))
    assert (refused.returncode, refused.stdout, len(refused.stderr.splitlines())) == (2, "", 1)


def test_a_trail_cut_short_is_found_by_the_head_that_a_server_kept(in_keys_mode, sealed, owner, serving, migrated):
    secret = "zyxwvutsrqponmlkjihgfedcba9876543210-operator"
    with serving(DATABASE_URL=migrated, AUTH_MODE="keys", SECRET_KEY=secret) as server:
        folder = server.folder / ".dakora" / "registry" / "_audit"
        for _ in range(200):
            if folder.is_dir() and list(folder.glob("*.json")):
                break
            time.sleep(0.05)
    assert in_keys_mode("audit", "verify", "--kept").stdout == "5 events hold\n"
    owner("DELETE FROM audit_events WHERE id = (SELECT event_id FROM audit_seals WHERE seq = 5)")
    owner("DELETE FROM audit_seals WHERE seq = 5")
    assert in_keys_mode("audit", "verify").stdout == "4 events hold\n"
    broken = in_keys_mode("audit", "verify", "--kept")
    assert (broken.returncode, broken.stdout[:19]) == (1, "broken at event 5: ")
    (head,) = folder.glob("*.json")
    head.write_text("{}")
    told = in_keys_mode("audit", "verify", "--kept")
    assert (told.returncode, told.stderr.startswith("1 kept heads were not signed")) == (0, True)
