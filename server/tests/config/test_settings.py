"""Settings are documented, and what is unsafe does not start."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from dakora_server.config import Settings, UnsafeSettings, load_settings
from dakora_server.core.storage.registry.addresses import parse_place
from dakora_server.core.storage.registry.opening import azure_account

ROOT = Path(__file__).resolve().parents[3]
AZURE = {"azure_storage_connection_string": "AccountName=a;AccountKey=c2VjcmV0"}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"host": "0.0.0.0"}, "HOST"),
        ({"host": "::"}, "HOST"),
        ({"host": "192.168.1.5"}, "ALLOW_PUBLIC_NO_AUTH"),
        ({"auth_required": True}, "AUTH_REQUIRED"),
        ({"registry_url": "ftp://bucket"}, "REGISTRY_URL"),
        ({"registry_url": "file:"}, "REGISTRY_URL"),
        ({"registry_url": "az://"}, "REGISTRY_URL"),
        ({"registry_url": "s3://bucket/../other"}, "REGISTRY_URL"),
        ({"registry_url": "s3://bucket"}, "AWS_REGION"),
        ({"registry_url": "s3://bucket", "aws_region": "eu-west-1", "aws_access_key_id": "a"}, "AWS_SECRET_ACCESS_KEY"),
        ({"registry_url": "s3://bucket", "aws_region": "eu-west-1", "aws_secret_access_key": "a"}, "AWS_ACCESS_KEY_ID"),
        ({"registry_url": "s3://bucket", "aws_region": "eu-west-1", "aws_session_token": "a"}, "AWS_SESSION_TOKEN"),
        ({"registry_url": "s3://bucket", "aws_endpoint_url": "minio:9000"}, "AWS_ENDPOINT_URL"),
        ({"registry_url": "az://documents"}, "AZURE_STORAGE_CONNECTION_STRING"),
        ({"registry_url": "az://documents", **AZURE, "azure_storage_account_name": "b"}, "AZURE_STORAGE_ACCOUNT_NAME"),
        (
            {"registry_url": "az://documents", **AZURE, "azure_storage_blob_endpoint": "https://a.example.com"},
            "AZURE_STORAGE_BLOB_ENDPOINT",
        ),
        (
            {
                "registry_url": "az://documents",
                "azure_storage_account_name": "a",
                "azure_storage_blob_endpoint": "http://a.example.com",
            },
            "AZURE_STORAGE_BLOB_ENDPOINT",
        ),
        ({"registry_url": "gs://bucket", "google_application_credentials": "none.json"}, "GOOGLE_APPLICATION"),
        ({"registry_url": "gs://bucket", "storage_emulator_host": "localhost:1"}, "STORAGE_EMULATOR_HOST"),
        ({"database_url": "sqlite:///x.db"}, "DATABASE_URL"),
        ({"port": 70000}, "PORT"),
        ({"render_workers": 1}, "RENDER_WORKERS"),
    ],
)
def test_an_unsafe_or_senseless_setting_stops_the_start_with_one_sentence(given, says):
    with pytest.raises(UnsafeSettings) as refused:
        load_settings(**given)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.8.8"])
def test_loopback_needs_nothing_else(host):
    assert load_settings(host=host).host == host


def test_a_public_address_is_possible_when_asked_for():
    assert load_settings(host="0.0.0.0", allow_public_no_auth=True).host == "0.0.0.0"


def test_every_setting_is_documented_with_its_default():
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    documented = dict(re.findall(r"^\| `([A-Z_]+)` \| `?([^|`]*)`? \|", page, re.MULTILINE))
    assert set(documented) == {name.upper() for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        shown = documented[name.upper()].strip()
        default = field.default
        expected = "" if default is None else ",".join(default) if isinstance(default, tuple) else str(default)
        assert shown == (str(expected).lower() if isinstance(default, bool) else expected), name
        assert field.description, name


@pytest.mark.parametrize(
    "broken",
    [
        "c2VjcmV0",
        "AccountName=a",
        "AccountName=a;AccountKey=not base64: c2VjcmV0",
        "AccountName=a;AccountKey=c2VjcmV0;SharedAccessSignature=c2VjcmV0",
        "AccountKey=c2VjcmV0",
        "AccountKey=c2VjcmV0;BlobEndpoint=https://a.example.com",
        "AccountName=a;AccountKey=c2VjcmV0;BlobEndpoint=a.example.com",
    ],
)
def test_a_broken_connection_string_is_refused_and_not_shown(broken):
    with pytest.raises(UnsafeSettings) as refused:
        load_settings(registry_url="az://documents", azure_storage_connection_string=broken)
    assert str(refused.value).startswith("AZURE_STORAGE_CONNECTION_STRING is not valid")
    assert "c2VjcmV0" not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "account", "endpoint"),
    [
        ("UseDevelopmentStorage=true", "devstoreaccount1", "http://127.0.0.1:10000/devstoreaccount1"),
        ("AccountName=a;AccountKey=c2VjcmV0", "a", "https://a.blob.core.windows.net"),
        (
            "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=c2VjcmV0==;EndpointSuffix=core.chinacloudapi.cn",
            "a",
            "https://a.blob.core.chinacloudapi.cn",
        ),
        (
            "BlobEndpoint=https://a.blob.core.windows.net/;SharedAccessSignature=?sv=2024&sig=c2VjcmV0%3D",
            "a",
            "https://a.blob.core.windows.net",
        ),
    ],
)
def test_a_connection_string_of_azure_is_understood(given, account, endpoint):
    given = given.replace("c2VjcmV0==", "c2VjcmV0")
    settings = load_settings(registry_url="az://documents/prompts", azure_storage_connection_string=given)
    found = azure_account(settings.registry_credentials)
    assert (found.name, found.endpoint) == (account, endpoint)
    assert (found.key is None) != (found.signature is None)


def test_no_secret_is_shown_with_the_settings():
    settings = load_settings(
        registry_url="s3://bucket",
        aws_region="eu-west-1",
        aws_access_key_id="name",
        aws_secret_access_key="canary-1",
        aws_session_token="canary-2",
        azure_storage_connection_string="AccountName=a;AccountKey=Y2FuYXJ5;x=canary-3",
    )
    for shown in (repr(settings), str(settings), repr(settings.registry_credentials)):
        assert "canary" not in shown
        assert "Y2FuYXJ5" not in shown


@pytest.mark.parametrize("url", ["prompts/registry", "file:prompts/registry", "./prompts/registry"])
def test_a_folder_may_be_named_as_it_is(url):
    assert parse_place(load_settings(registry_url=url).registry_url).kind == "file"


def test_a_folder_starts_without_the_library_of_the_clouds():
    program = (
        "import sys\n"
        "from dakora_server.config import load_settings\n"
        "from dakora_server.main import registry_of\n"
        "registry_of(load_settings())\n"
        "sys.exit('obstore' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
