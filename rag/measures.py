"""Numbers in English text, with the currency before them and the unit behind them."""

from __future__ import annotations

import re
from collections.abc import Callable

from rag.text import Span

_SMALL = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen"
    "|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
)
_N = rf"(?:(?<![\w.,])\d[\d,]*(?:\.\d+)?|\b(?:{_SMALL})(?:-(?:{_SMALL}))?\b)"
_MANY = r"(?:hundred|thousand|million|billion|trillion|dozen)\b"
_MONEY = (
    r"(?:(?:US|U\.S\.|American|Canadian|Australian) )?(?:dollars?|euros?|pounds?|yen|yuan|rupees?|roubles?|rubles?"
    r"|francs|cents|pence)"
)
_LENGTH = (
    r"(?:square |cubic |nautical )?(?:(?:kilo|centi|milli)?met(?:re|er)s?|miles|feet|yards|inches|km²?|cm|mm|mi|ft"
    r"|m²?|acres|hectares|litres|liters|gallons)"
)
_OTHERS = (
    r"(?:metric )?tons|tonnes|(?:kilo)?grams?|kilos|kg|mg|g|lbs?|ounces|km/h|kph|mph|(?:k|M|G|T)Wh?|(?:k|M|G)?Hz|[GMT]B"
    r"|(?:mega|giga|kilo)?watts|volts|degrees(?: (?:Celsius|Fahrenheit))?|light[- ]years|percentage points"
    r"|decades|centuries|years|months|weeks|days|hours|minutes|seconds|percent|per cent"
)
_UNIT = re.compile(rf"(?:\s?%|\s?°\s?[CF]?|\s(?:{_LENGTH}|{_MONEY}|{_OTHERS})(?![\w-]))")
_NUMBER_AT_END = re.compile(rf"{_N}(?:[\s-]{_MANY})*\Z", re.I)
_MORE_DIGITS = re.compile(r"(?:[.,]\d+)+")
_FEWER_DIGITS = re.compile(r"(?<!\w)\d[\d.,]*[.,]\Z")
_SCALE = re.compile(rf"(?:\s(?:{_MANY}))+", re.I)
_CURRENCY = re.compile(r"(?:(?:\b(?:US|A|C|NZ|HK|AU))?[$€£¥₹]\s?|\b(?:USD|EUR|GBP|CHF|JPY|Rs\.?)\s)\Z")
_SCALE_AT_START = re.compile(rf"(?:{_MANY}|%|percent\b|per cent\b)", re.I)
_NUMBER_BEFORE = re.compile(rf"{_N}(?:\s{_MANY})*\s?\Z", re.I)


def measured(text: str, start: int, end: int, asked: Callable[[int, int], bool]) -> Span:
    """Return the slice with the currency before the number that it begins with and the unit behind its last one.

    What the question has already, as ``asked`` says of a slice, is not added.
    """
    if text[start].isdigit() and (digits := _FEWER_DIGITS.search(text[:start])):
        start = digits.start()
    if text[end - 1].isdigit() and (digits := _MORE_DIGITS.match(text, end)):
        end = digits.end()
    if _SCALE_AT_START.match(text, start, end) and (number := _NUMBER_BEFORE.search(text[:start])):
        start = number.start()
    if text[start].isdigit() and (sign := _CURRENCY.search(text[:start])):
        start = sign.start()
    for behind in (_SCALE, _UNIT):
        more = behind.match(text, end)
        if more and _NUMBER_AT_END.search(text[start:end]) and not asked(*more.span()):
            end = more.end()
    return start, end
