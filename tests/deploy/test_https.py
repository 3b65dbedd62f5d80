"""HTTPS before the service, by the example of deploy/nginx and a real nginx."""

import contextlib
import ssl
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from evergreen.settings import PROJECT
from evergreen_workshop.stack.ports import free_port
from serving.conftest import Shop, eventually, shop
from tools import tool

__all__ = ["shop"]  # a fixture

pytestmark = pytest.mark.system

CONF = PROJECT / "deploy" / "nginx" / "evergreen.conf"
NAME, KEY = "models.example.com", "a-key"
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
ROW = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}


def certificate(folder: Path) -> None:
    """Write a certificate that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)]), datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "tls.crt").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "tls.key").write_bytes(private)


@contextlib.contextmanager
def nginx(folder: Path, service: str) -> Iterator[tuple[int, int]]:
    """Run nginx by the example, on free ports; yield those of HTTP and HTTPS."""
    plain, secure = free_port(), free_port()
    places = "".join(f"    {each}_temp_path {folder};\n" for each in TEMPORARY)
    conf = CONF.read_text()
    for old, new in {
        "events {}": f"pid {folder}/pid; daemon off; error_log {folder}/log;\nevents {{}}",
        "http {\n": f"http {{\n    access_log off;\n{places}",
        "/etc/nginx/tls/": f"{folder}/",
        "127.0.0.1:8100": service,
        "listen 80;": f"listen 127.0.0.1:{plain};",
        "listen 443 ssl;": f"listen 127.0.0.1:{secure} ssl;",
    }.items():
        assert old in conf
        conf = conf.replace(old, new)
    (folder / "nginx.conf").write_text(conf)
    program = tool("nginx", of="make test-system")
    process = subprocess.Popen([program, "-p", folder, "-e", folder / "log", "-c", "nginx.conf"])
    try:
        yield plain, secure
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def site(shop: Shop, tmp_path: Path) -> Iterator[tuple[httpx.Client, int]]:
    """A client of the site as others see it, and the port of its HTTP."""
    certificate(tmp_path)
    shop.promote(shop.put("iris", "logistic"), 1)
    trusted = ssl.create_default_context(cafile=tmp_path / "tls.crt")
    with (
        shop.open(api_keys=(KEY,)) as service,
        nginx(tmp_path, service.base_url.netloc.decode()) as (plain, secure),
        httpx.Client(
            base_url=f"https://127.0.0.1:{secure}", verify=trusted, timeout=30,
            headers={"Host": NAME, "X-API-Key": KEY},
        ) as client,
    ):  # fmt: skip
        eventually(lambda: answers(client), 20)
        yield client, plain


def answers(client: httpx.Client) -> bool:
    with contextlib.suppress(httpx.ConnectError):
        return ask(client, "/health").status_code == 200
    return False


def ask(client: httpx.Client, path: str, **more: object) -> httpx.Response:
    """Ask by name: the certificate is of it, and not of the address."""
    method = "POST" if "json" in more or "content" in more else "GET"
    return client.request(method, path, extensions={"sni_hostname": NAME}, **more)  # type: ignore[arg-type]


def test_the_service_answers_behind_https(site: tuple[httpx.Client, int]) -> None:
    client, plain = site
    predicted = ask(client, "/iris/predict", json={"row": ROW})
    without = ask(client, "/iris/predict", json={"row": ROW}, headers={"X-API-Key": ""})
    own = ask(client, "/iris/predict", json={"row": ROW}, headers={"Origin": f"https://{NAME}"})
    large = ask(client, "/iris/predict", content=b" " * 2_000_001)
    moved = httpx.get(f"http://127.0.0.1:{plain}/iris/predict", headers={"Host": NAME})

    assert (predicted.status_code, predicted.json()["prediction"]) == (200, "setosa")
    assert predicted.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert (without.status_code, own.status_code, large.status_code) == (401, 200, 413)
    assert (moved.status_code, moved.headers["Location"]) == (301, f"https://{NAME}/iris/predict")
