"""The points of Alibaba's SDK (ExampleOfMultiField), and a question for them."""

from __future__ import annotations

from typing import Any

T = 1537170208
TAGS = {"sensor": "95D8-7913", "city": "hangzhou", "province": "zhejiang"}
WIND = {
    "metric": "wind",
    "timestamp": T,
    "fields": {"speed": 45.2, "level": 1, "direction": "S"},
    "tags": TAGS,
}


def asking(*fields: dict[str, Any], **sub: Any) -> dict[str, Any]:
    return {
        "start": T,
        "end": T + 100,
        "queries": [{"metric": "wind", "tags": {"city": "hangzhou"}, "fields": list(fields), **sub}],
    }
