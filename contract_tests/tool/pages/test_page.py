"""Every HTML page has a policy that lets in its own style and script alone, and text that stays text."""

import base64
import hashlib
import re
from pathlib import Path

import pytest
from jinja2 import ChoiceLoader, DictLoader, Environment, UndefinedError
from markupsafe import Markup

import opay_contract
from opay_contract.pages import build_environment, render_page

TEMPLATE = (
    '{% extends "base.html" %}{% block main %}<p>{{ words }}</p><pre>{{ words | lines }}</pre>{% endblock %}'
)


@pytest.fixture(scope="module")
def environment() -> Environment:
    environment = build_environment("opay_contract.pages")
    assert environment.loader
    environment.loader = ChoiceLoader([environment.loader, DictLoader({"page.html": TEMPLATE})])
    return environment


def test_text_cannot_become_markup_or_drive_a_terminal(environment: Environment) -> None:
    page = render_page(environment, "page.html", styles=(), title="A & B", words='<b>\n\x1b[1m"')
    assert "<title>A &amp; B</title>" in page
    assert "<p>&lt;b&gt;\\n\\x1b[1m&#34;</p>" in page
    assert "<pre>&lt;b&gt;\n\\x1b[1m&#34;</pre>" in page


def test_markup_that_is_meant_stays_as_it_is(environment: Environment) -> None:
    page = render_page(environment, "page.html", styles=(), title="", words=Markup("<i>meant</i>\n"))
    assert "<p><i>meant</i>\n</p>" in page


def test_the_policy_names_the_style_and_each_script_by_its_digest(environment: Environment) -> None:
    scripts = ("let a = 1 < 2;", "let b = a && 2;")
    page = render_page(environment, "page.html", styles=("p { x: 1 }",), scripts=scripts, title="", words="")
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style.endswith("p { x: 1 }")
    assert re.findall(r"<script>(.*?)</script>", page) == list(scripts)
    allowed = {_digest(text) for text in (style, *scripts)}
    assert set(re.findall(r"'sha256-[^']*'", policy)) == allowed
    assert policy.startswith("default-src 'none'; ")


def test_a_page_without_scripts_lets_none_in_and_a_directive_can_be_set(environment: Environment) -> None:
    policy = {"style-src": "'unsafe-inline'", "connect-src": "'self'"}
    page = render_page(environment, "page.html", styles=(), policy=policy, title="", words="")
    assert "script-src 'none'; style-src 'unsafe-inline'; " in page
    assert "; connect-src 'self'\"" in page


def test_a_name_that_a_template_does_not_get_is_a_defect(environment: Environment) -> None:
    with pytest.raises(UndefinedError):
        render_page(environment, "page.html", styles=(), title="")


def test_no_template_of_the_package_marks_text_as_safe() -> None:
    templates = [*Path(opay_contract.__file__).parent.rglob("*.html")]
    assert templates
    assert not [one for one in templates if re.search(r"\|\s*safe|autoescape", one.read_text("utf-8"))]


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
