"""What the table and --help say of a setting's values is what loading takes."""

from __future__ import annotations

import re

import pytest
from pydantic.fields import FieldInfo

from headrace.config import Settings
from headrace.errors import Misconfigured
from headrace.loading import load
from headrace.settings.allowed import WHOLE_NUMBER, allowed

FIELDS = Settings.model_fields
UNITS = ("bytes", "seconds", WHOLE_NUMBER)


def takes(name: str, text: str) -> bool:
    try:
        load({"insecure": "true", name: text}, only=(name, "insecure"))
    except Misconfigured:
        return False
    return True


@pytest.mark.parametrize("name", FIELDS)
def test_what_is_said_is_allowed_and_nothing_beyond(name: str) -> None:
    said = allowed(FIELDS[name])
    if (choices := re.findall("`([^`]*)`", said)) and re.sub("`[^`]*`|[, ]", "", said) == "":
        assert all(takes(name, choice) for choice in choices)
        assert not takes(name, "nothing-of-this")
    elif said.startswith(UNITS):
        [number] = re.findall(r"(?:, |than )(\d+)", said.partition(", at most")[0])[-1:]
        assert takes(name, number) == ("or more" in said)
        assert takes(name, str(int(number) + 1))
        assert not takes(name, str(int(number) - 1))
        for most in re.findall(r"at most (\d+)", said):
            assert takes(name, most)
            assert not takes(name, str(int(most) + 1))
        assert takes(name, "7MB") == said.startswith("bytes")
        assert takes(name, "7s") == said.startswith("seconds")


def test_the_others_have_words_of_their_own() -> None:
    words = {name: said for name, field in FIELDS.items() if not (said := allowed(field)).startswith((*UNITS, "`"))}
    assert words.keys() == {
        *("host", "port", "data_dir", "host_names", "listeners", "retention", "kairosdb_rollups_after"),
        *("kairosdb_types", "apollo_org_id", "principals", "apollo_tokens", "jwt_issuers"),
        *("datazone_prefix", "datazone_credentials", "datazone_region"),
    }
    assert words["port"] == "0 to 65535, one or several"
    assert takes("port", "0,65535")
    assert not takes("port", "65536")


def test_a_setting_of_which_nobody_says_it() -> None:
    field = FieldInfo(annotation=str, description="Something.")
    with pytest.raises(ValueError, match="nobody says"):
        allowed(field)
