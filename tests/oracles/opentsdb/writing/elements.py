"""Elements of a body of /api/put, at random: good points, and points with one member that is strange."""

from __future__ import annotations

import json
from collections.abc import Mapping
from random import Random
from typing import Any

Element = dict[str, str] | str
"""Each member as it is spelled in JSON; or a text in place of an object. "P." begins a name of the element's own, "S."
one of the case's, and "¤" is a number that nobody had before."""

TIME = 1365465600

METRICS = r"""null|""|"P.x!"|"P. sp"|¤|"P.ü"|"P.中"|"P.(b"|"P.:b"|"P.,b"|"P.=b"|"P.#b"|"P.[b]"|"P.;b"|"P.\"b"|"P.\\b"
"P.@b"|"P.'b"|"P.%b"|"P.*b"|"P.\u007cb"|"P.\tb"|"P.😀"|"P.&b"|"P./"|"P.-"|"P..."|"P.A"|"P."|" P.a"|[]|{}
["P.a"]|{"P.a":1}|¤.50|"P.é"|"P.\u00e9"|"P.٣"|"P._"|"P.\u0000"|"P.\n"|-¤"""

TIMES = r"""null|""|0|-1|1|100|4284767|4284768|4293999999|4294967296|9999999999|10000000000|1365465600|"1365465600"
"abc"|" 1365465600"|"1365465600.5"|1365465600.9|true|[]|{}|1365465600123|9999999999999|10000000000000
12345678901234|99999999999999999999|"-5"|"1365465600123"|1.3654656e9|1e12|"1e9"|"+1365465600"|1365465600.123
"0"|-0|1365465600.0|"01365465600"|1365465600999|[1365465600]|false|"1365465600 "|1e-5|0.5|NaN|Infinity
-1365465600|4294970000000|-1.5|9223372036854775807|9223372036854775808|-9223372036854775808
"9223372036854775808"|1e400|281474976710656|"true"|1365465600e0|1365465600E0|13654656000e-1|0x51635E80|" "
"1365465600\n"|281474976710655|17592186044415"""

VALUES = r'''null|""|"NaN"|"nan"|"Infinity"|"-Infinity"|"abc"|"true"|true|false|"1"|"1.5"|" 1"|"1 "|"+1"|"-1"|"--1"
"0x1F"|"1e3"|"1E3"|".5"|"5."|"1,5"|"1_000"|NaN|Infinity|-Infinity|INF|+INF|1e400|-1e400|1e308|1e-320
9223372036854775807|9223372036854775808|-9223372036854775808|-9223372036854775809|"9223372036854775808"
"9223372036854775807"|1.50|-0|-0.0|01|+1|1.|.5|[]|{}|"1f"|"1d"|"1L"|"1.5f"|"0b1"|"١"|"1e"|"e1"|"-"|"+"|"."
"-.5"|"1.5.5"|"Inf"|"-inf"|"1e999"|"0.1"|"42.5 "|0.1|1E+2|12345678901234567890.0|[1]|{"a":1}|"\""|"up"|"1e5"
"1.5d"|" 1.5"|"1 .5"|"-0"|"007"|007|-007|16777217|16777217.0|0.30000000000000004|1e22|1e23|127|128|-129
32768|2147483648|4.9e-324|1.0e0|123456.789e3|9007199254740993|"0x1.8p1"|"1.5e"|"1e+"|"\t1"|"1\n"|"é"|" "
"1e3 "|" 1e3"|"1 2"|00|-00|0.0|0|"0"|1e0|5e-1|5E-1|0e0|100000000000000000000|"100000000000000000000"|-1.5E-5
nan|undefined|'1'|1 2|1.5.5|--1|3.4028235e38|3.5e38|1.17549435e-38|1e-400|"1e-400"|00012345678901234567
"00012345678901234567"'''

TAGS = r"""null|{}|{"host":null}|{"host":""}|{"":"x"}|{"host":"a!"}|{"h!":"a"}|{"host":5}|{"host":true}|{"host":1.50}
{"host":[]}|{"host":{}}|[]|"host=a"|5|{"host":"a b"}|{"host":"ü"}|{"host":"a=b"}|{"host":"a:b"}
{"host":"a,b"}|{"host":"a(b)"}|{"host":"中"}|{"host":"a*"}|{"host":"a'b"}|{"host":"😀"}|{" host":"a"}
{"host":" a"}|{"host":"a","host":"b"}|{"host":"a","dc":""}|{"host":"a","dc":null}|{"dc":"a","host":"b"}
{"host":"a/b"}|{"host":"a.b-c_d"}|{"ü":"a"}|{"host":"a#b"}|{"host":"[a]"}|{"h(":"a"}|{"host":"a","":""}|true
[{"host":"a"}]|{"host":"a","HOST":"a"}|{"host":"\u0061"}|{"host":"a\"b"}|{"host":NaN}|{"host":"\n"}"""

OTHERS = [
    "null",
    "5",
    '"x"',
    "[]",
    "true",
    "{}",
    "[[]]",
    '{"foo":1}',
    "nul",
    '{"metric":"P.a",}',
    '{metric:"P.a"}',
    '[{"metric":"P.a"}]',
    "",
    "-",
]
"""In place of an object."""

MANY_TAGS = (1, 7, 8, 9, 16, 24, 32, 33, 40)

GOOD_VALUES = ("1", "-7", "2.5", "1e3", '"3"', '"4.5"', "0", "300", "70000", "12345678901", "-0.125")


def good(random: Random, name: str = "P.a") -> dict[str, str]:
    """A point that every server takes."""
    time = TIME + random.randrange(1000)
    return {
        "metric": f'"{name}"',
        "timestamp": str(time if random.random() < 0.7 else time * 1000 + random.randrange(1000)),
        "value": random.choice(GOOD_VALUES),
        "tags": json.dumps({"host": random.choice(("a", "b")), **({"dc": "x"} if random.random() < 0.3 else {})}),
    }


def strange(random: Random) -> Element:
    """A point with one member that is strange, or none, or no point at all."""
    made = good(random)
    what = random.choice((*made, "value", "value", "timestamp", "left out", "more", "other", "many tags", "long"))
    match what:
        case "metric":
            made[what] = random.choice(_choices(METRICS))
        case "timestamp":
            made[what] = random.choice(_choices(TIMES))
        case "value":
            made[what] = random.choice(_choices(VALUES))
        case "tags":
            made[what] = random.choice(_choices(TAGS))
        case "left out":
            return {name: made[name] for name in made if random.random() < 0.6}
        case "more":
            made["foo"] = random.choice(("1", "null", '{"a":[1]}', '"x"', "[]"))
        case "other":
            return random.choice(OTHERS)
        case "many tags":
            made["tags"] = json.dumps({f"k{number}": "v" for number in range(random.choice(MANY_TAGS))})
        case _:
            made["value"] = random.choice(("1" * 19, "0." + "3" * 40, "9" * 30, '"' + "1" * 25 + '"', "1" + "0" * 18))
    return made


def spelled(element: Element, own: str, shared: str, number: int) -> str:
    """As it stands in a body. own, shared: in place of "P." and "S."."""
    text = element if isinstance(element, str) else "{" + ",".join(f'"{n}":{v}' for n, v in element.items()) + "}"
    return text.replace("P.", own).replace("S.", shared).replace("¤", str(number))


def _choices(listed: str) -> list[str]:
    return listed.replace("\n", "|").split("|")


def metric_of(element: Element, own: str, shared: str, number: int) -> str | None:
    """The name under which it would be stored; None if it says none."""
    said = member(element, "metric")
    if isinstance(said, str):
        return said.replace("P.", own).replace("S.", shared)
    raw = element.get("metric", "") if isinstance(element, Mapping) else ""
    return raw.replace("¤", str(number)) if "¤" in raw else None


def member(element: Element, name: str) -> Any:
    """What JSON makes of a member; None if it is not there or no JSON."""
    try:
        return json.loads(element[name], strict=False) if isinstance(element, dict) else None
    except (ValueError, KeyError):
        return None
