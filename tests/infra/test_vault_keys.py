"""The vault's master keys: made, read, refused."""

from __future__ import annotations

import base64
import secrets
import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from infra import vault_keys
from infra.trouble import Trouble
from tests.infra.vault_at_work import in_home


def test_a_new_home_gets_a_master_key_that_only_its_owner_reads(tmp_path: Path) -> None:
    settings = in_home(tmp_path)

    vault_keys.make_file(settings)
    first = vault_keys.read_keys(settings)
    vault_keys.make_file(settings)

    assert len(first) == 1 and len(first[0]) == 32
    assert vault_keys.read_keys(settings) == first
    assert stat.S_IMODE((tmp_path / "vault.keys").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["vault.keys"]


def test_no_master_key_is_made_beside_a_database_of_ones_own(tmp_path: Path) -> None:
    settings = in_home(tmp_path).model_copy(update={"database_url": "postgresql://there/loans"})

    vault_keys.make_file(settings)

    with pytest.raises(Trouble, match="LOANS_VAULT_KEY_FILE"):
        vault_keys.read_keys(settings)


def test_a_key_file_that_everybody_can_read_is_refused(tmp_path: Path) -> None:
    settings = in_home(tmp_path)
    vault_keys.make_file(settings)
    (tmp_path / "vault.keys").chmod(0o644)

    with pytest.raises(Trouble, match="chmod 600"):
        vault_keys.read_keys(settings)


def test_a_new_master_key_stands_before_those_there_are(tmp_path: Path) -> None:
    settings = in_home(tmp_path)
    vault_keys.make_file(settings)
    before = vault_keys.read_keys(settings)

    vault_keys.add_key(settings)

    assert vault_keys.read_keys(settings)[1:] == before
    assert stat.S_IMODE((tmp_path / "vault.keys").stat().st_mode) == 0o600


def test_master_keys_come_from_the_environment_where_they_stand_there(tmp_path: Path) -> None:
    keys = [secrets.token_bytes(32) for _ in range(2)]
    text = ",".join(base64.b64encode(key).decode() for key in keys)
    settings = in_home(tmp_path, vault_keys=SecretStr(text))

    assert vault_keys.read_keys(settings) == keys
    assert text not in repr(settings)
    with pytest.raises(Trouble, match="openssl"):
        vault_keys.add_key(settings)


def test_master_keys_come_from_the_file_that_the_environment_names(tmp_path: Path) -> None:
    file = tmp_path / "mounted" / "keys"
    file.parent.mkdir()
    key = secrets.token_bytes(32)
    file.write_text(f"# of the secret store\n\n{base64.b64encode(key).decode()}\n")
    file.chmod(0o440)

    assert vault_keys.read_keys(in_home(tmp_path, vault_key_file=file)) == [key]
    assert in_home(tmp_path, vault_key_file="").vault_key_file is None
    assert in_home(tmp_path, vault_key_file="keys").vault_key_file == Path("keys").absolute()


@pytest.mark.parametrize(
    "wrong", ["", "short", "AAAA", "%%%", base64.b64encode(b"x" * 16).decode()]
)
def test_a_master_key_that_is_none_is_refused_without_being_shown(
    wrong: str, tmp_path: Path
) -> None:
    settings = in_home(tmp_path, vault_keys=SecretStr(wrong or ","))

    with pytest.raises(Trouble) as trouble:
        vault_keys.read_keys(settings)

    assert not wrong or wrong not in str(trouble.value)
