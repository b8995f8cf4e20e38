"""What is said of a form type: its model is of the syntax that the service's examples have."""

from __future__ import annotations

import json

import pytest

from headrace.protocols.datazone import form_types
from headrace.protocols.datazone.form_types import PostedType


@pytest.mark.parametrize(
    ("type_id", "smithy"),
    [
        ("MyFormType", "structure MyFormType {}"),
        ("com.example.MyFormType", "structure MyFormType {}"),
        ("com.example.2nd", "structure _2nd {}"),
        ("a..b", "structure b {}"),
    ],
)
def test_the_model_of_a_posted_type(type_id: str, smithy: str) -> None:
    posted = PostedType("1", 1_704_164_645_678_901)
    assert form_types.posted_type(form_types.posted_type_document(posted)) == posted
    answer = json.loads(form_types.posted_type_json("dzd_1", type_id, posted))
    assert (answer["name"], answer["model"], answer["createdAt"]) == (type_id, {"smithy": smithy}, 1704164645.678901)


def test_the_model_of_data_quality_names_every_shape_that_it_uses() -> None:
    smithy = json.loads(form_types.data_quality_json("dzd_1"))["model"]["smithy"]
    words = smithy.replace("{", " { ").split()
    assert words.count("{") == smithy.count("}")
    defined = {words[at + 1] for at, word in enumerate(words) if word in ("structure", "list", "map", "enum")}
    used = {words[at + 1] for at, word in enumerate(words) if word.endswith(":") and not word.startswith("$")}
    assert used - defined == {"Double", "Integer", "String"}
    assert defined - used == {"DataQualityResultFormType"}
