"""Cues of structure: what imitates a prompt, or speaks of one in set phrases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple


class Cue(NamedTuple):
    """A place in a text that counts towards its being an order; of two with one name only one counts."""

    start: int
    end: int
    name: str
    weight: int


ROLE = (
    r"(?:system|assistant|user|human|ai|bot|chatbot|developer|llm|agent|chatgpt|gpt(?:-?\d\w{0,3})?"
    r"|claude|gemini|copilot|siri"
    r"|alexa|llama)"
)
_REPLIER = r"(?:assistant|ai|bot|chatbot|model|gpt|llm)"
_OURS = (
    r"(?:passages?|context|documents?|sources?|prompt|instructions?|input|retriev\w+|user|articles?|evidence"
    r"|system)"
)
# Name, weight, what must be there (one of these, to be quick), pattern; all in lower case.
_PATTERNS: list[tuple[str, int, tuple[str, ...], str]] = [
    ("template", 4, ("<|", "inst]", "sys>"), r"<\|[\w ]{2,30}\|?>|\[/?inst\]|<</?sys>>"),
    (
        "tag",
        4,
        ("<",),
        r"</?(?:system|assistant|user|human|instructions?|context|passages?|documents?|doc|answer|question|query"
        r"|prompt|tool_\w+|function_\w+|retriev\w+|results?|chunk|snippet|evidence|citation|messages?|turn|context_\w+"
        r"|system_\w+)\b[^<>]{0,80}>",
    ),
    (
        "heading",
        4,
        ("#",),
        rf"^\s{{0,3}}#{{1,6}} ?(?:{ROLE}|instruction|response|input)s?(?: message| prompt)?\s{{0,3}}:",
    ),
    (
        "headline",  # of a passage as prompts number them
        4,
        ("]",),
        r"^\s{0,3}\[\d{1,2}\] [^\n]{5,120} \(\d{4}-\d\d-\d\d\)\s?:\s{0,3}$",
    ),
    (
        "processors",
        4,
        ("processor", "program", "reader", "crawler"),
        r"\b(?:remarks?|notes?|notices?|messages?|directions?|instructions?|orders?) (?:for|to) (?:all )?(?:text|"
        r"language|reading|automatic|automated|mechanical) (?:processors?|programs?|readers?|crawlers?)\b"
        r"|\breading (?:program|machine)s?\b[^.\n]{0,120}\b(?:has to|have to|must|shall|is to|are to)\b",
    ),
    (
        "decode",
        4,
        ("decod",),
        r"\bdecod\w+ [^\n]{0,80}\b(?:do (?:as|what) it says|outranks?|obey|overrides?)\b",
    ),
    (
        "maker",
        4,
        ("citewise",),
        r"\b(?:developers?|makers?|authors?|owners?|team) of citewise\b[^.\n]{0,60}\b(?:authori[sz]es?|orders?|"
        r"instructs?|permits?|allows?|commands?)\b",
    ),
    (
        "unanswered",
        4,
        ("not answered",),
        r"\b(?:is|are) not (?:to be )?answered (?:from|by|with) the (?:articles?|passages?|sources?|documents?)\b",
    ),
    (
        "fence",
        4,
        ("begin", "end", "start"),
        rf"(?:^|[=\-*#_~]{{3}}|[\[<(])\s{{0,3}}(?:begin|end|start)(?:ing)? of (?:\w{{1,12}} )?{_OURS}\b"
        rf"|(?:[=\-*#_~]{{3}}|[\[<(])\s{{0,3}}(?:begin|end|start) (?:\w{{1,12}} )?{_OURS}\b",
    ),
    (
        "role",
        2,
        (":",),
        rf"^[\W_]{{0,6}}{ROLE}(?: (?:message|prompt|answer|reply|response|notice|note|override|alert|update"
        r"|instruction|say|ask|asked|said|answered|replied|replie|answer)s?)?[\W_]{0,4}:",
    ),
    (
        "turns",
        4,
        (":",),
        rf"^[\W_]{{0,6}}(?:user|human|prompt)[\W_]{{0,4}}:[^\n]{{0,300}}\n+[\W_]{{0,6}}{_REPLIER}\b[^\n:]{{0,20}}:",
    ),
    (
        "noted",
        4,
        ("note", "message", "instruction", "prompt", "notice"),
        r"[\[({<](?:system|assistant|ai|bot|developer|admin\w{0,12})\W{0,3}(?:note|message|instruction|prompt|notice)",
    ),
    ("json", 4, ("role",), rf"\brole[\"']?\s?[:=]\s?[\"']?{ROLE}\b"),
    (
        "bracketed",
        4,
        ("]", ">", "}", "*"),
        r"^\W{0,3}[\[<{(*]{1,2}/?(?:system|user|assistant|human|chatbot|bot)[\]>})*]{1,2}|^(?:system|user"
        r"|assistant|human|bot)"
        r"\s?>{1,3}\s",
    ),
    (
        "turn",
        4,
        (" of ",),
        r"\b(?:end|start|beginning) of (?:the )?(?:system|user|assistant)(?:'s)? (?:message|prompt|turn|reply)",
    ),
    (
        "steps",
        2,
        (":",),
        r"^[\W_]{0,4}(?:thought|action input|observation|tool (?:result|output|call)|function (?:call"
        r"|result)|search results?"
        r"|final answer|system[_ ]prompt)\s?:",
    ),
    (
        "pair",
        1,
        ("question", "frage", "pregunta"),
        r"^[\W_]{0,4}(?:question|frage|pregunta)\b[^\n:]{0,12}:[^\n]{0,300}\s{1,3}[\W_]{0,4}"
        r"(?:(?:final |correct |short )?answer|reponse|antwort|respuesta)\b[^\n:]{0,12}:",
    ),
    ("listed", 2, ("[",), r"^\s?\[\d{1,2}\][^\n]{20,400}\n{1,2}\s?\[\d{1,2}\][^\n]{8}"),
    (
        "numbered",
        2,
        ("passage", "source", "excerpt"),
        r"\bpassages? (?:no\.? ?)?[\[(#]?\d|\b(?:source|excerpt)s? [\[(#]\d",
    ),
    (
        "ticked",
        2,
        ("\u2713", "\u2714", "\u2611", "verified"),
        r"[\u2713\u2714\u2611]|\bverified (?:quote|citation|answer|source)",
    ),
    (
        "ranked",
        2,
        ("rank", "relevant", "best", "top", "authoritative", "supersede", "place", "put", "list"),
        r"\b(?:rank|place|put|list|show) (?:this|it) (?:article |passage |text )?(?:first|on top|at the top|above)"
        r"|\bmost relevant (?:passage|source|article|result)|\b(?:top|best|highest)[- ](?:ranked|scoring)\b"
        r"|\bauthoritative (?:source|answer|passage)|\bsupersedes? (?:all|any|every)",
    ),
    (
        "answers",
        2,
        ("in all", "in every", "in any", "in each", "this ", "the "),
        r"\bin (?:all|every|any|each) (?:answers?|repl(?:y|ies)|summar\w{1,5}|responses?|citations?)\b"
        r"|\b(?:summar\w{1,5}|answers?|repl(?:y|ies)|quotations?|citations?) (?:of|from|based on|drawn from|about) this"
        r" (?:article|text|page|passage|document)",
    ),
    (
        "operator",
        2,
        (" of this ", " of the ", " of your "),
        r"\b(?:operator|maintainer|administrator|developer|owner|provider|vendor|maker)s? of (?:this|the"
        r"|your) (?:service|system"
        r"|archive|index|collection|corpus|model|assistant|search|machine|bot|tool|software|app)\b",
    ),
    (
        "notice",
        2,
        ("update", "notice", "alert", "override", "directive", "bulletin", "advisory"),
        r"\b(?:system|policy|compliance|configuration|priority|retrieval|index|model) (?:update|notice"
        r"|alert|override|directive"
        r"|bulletin|advisory)\b",
    ),
    (
        "obliged",
        1,
        ("you are", "comply", "obey", "binding"),
        r"\byou are (?:hereby )?(?:required|obliged|authori[sz]ed|permitted"
        r"|instructed|ordered|expected|to)\b|\bfailure to (?:comply|obey)|\bbe obeyed|\bbinding (?:on|for|upon)",
    ),
    (
        "before",
        2,
        ("you ",),
        r"\byou (?:were|have been|had been) (?:told|instructed|asked|shown) (?:to|not|never|before|earlier)\b",
    ),
    (
        "secret",
        2,
        ("hide", "conceal", "keep"),
        r"\b(?:hide|conceal|keep) (?:this|it)(?: \w{1,12})? (?:from|secret|to yourself)\b",
    ),
    (
        "inside",
        1,
        ("this ",),
        r"\bthis (?:collection|index|corpus|knowledge base|dataset|prompt|conversation|chat|session)\b",
    ),
    (
        "whatever",
        4,
        ("summari", "index", "crawl", "scrape", "parse", "ingest", "retriev", "process", "answer"),
        r"\b(?:whoever|whatever|any(?:one|thing|body) (?:that|who|which)) (?:summari[sz]es"
        r"|indexes|crawls|scrapes|parses"
        r"|ingests|retrieves|answers questions)\b",
    ),
    (
        "device",
        3,
        ("that ", "which "),
        r"\b(?:program|software|system|machine|tool|computer|app|engine|service|device)s? (?:that"
        r"|which) (?:answers?|reads?"
        r"|summari[sz]es?|quotes?|retrieves?|searches)\b[^.\n]{0,80}\b(?:must|should|shall|are to|is to"
        r"|has to|have to|will|say)\b",
    ),
    ("pushed", 2, ("\n\n\n\n\n\n", "                    "), r"\n{12,200}|[ \t]{80,400}"),
    (
        "aside",
        2,
        (
            "<meta",
            "<noscript",
            "<template",
            "<script",
            "alt=",
            "title=",
            "content=",
            "data-",
            "[//]",
            "[comment]",
        ),
        r"<(?:meta|noscript|template|script)\b|(?:alt|title|content|data-\w{1,12}) ?= ?[\"'][^\"'<>\n]{60}"
        r"|^\[(?://|comment)\]: ?[#<]",
    ),
    (
        "json",
        2,
        ("answer", "response", "output"),
        r"[\"'](?:final_)?(?:answer|response|output|instruction)s?[\"']\s?:",
    ),
    (
        "header",
        2,
        (
            "passage",
            "source",
            "doc",
            "excerpt",
            "context",
            "result",
            "chunk",
            "citation",
            "evidence",
            "quelle",
        ),
        r"^[\W_]{0,6}(?:passage|source|document|excerpt|context|result|chunk|citation|evidence|quelle|doc)"
        r" ?(?:no\.? ?)?[#\[(]{0,2}\d{1,3}[\])]?(?: ?[\]:(|-]|$)",
    ),
    (
        "rated",
        2,
        (
            "confidence",
            "score",
            "relevance",
            "similarity",
            "rank",
            "trust level",
            "status",
            "offset",
            "quote ",
        ),
        r"\b(?:confidence|score|relevance|similarity|rank|trust level) ?[:=]? ?(?:[01][.,]\d|[a1]\b|100 ?%|high)"
        r"|\bstatus ?: ?(?:supported|verified)|\boffsets? \d+ ?[:-] ?\d+|\bquote (?:located|verified)",
    ),
    ("agents", 2, ("user-agent", "crawl-"), r"^(?:user-agent|crawl-delay) ?:"),
    ("required", 2, ("require-", "force-", "prefer-"), r"^(?:require|force|prefer)-\w+ ?:"),
    (
        "recital",
        4,
        ("briefing", "prompt", "instructions", "orders", "passages"),
        r"\b(?:line|sentence|words?)s? of (?:my|your|the|its) (?:briefing|\w{0,9} ?prompt|instructions|orders)\b"
        r"|\bpassages (?:that|which) (?:i|you) (?:was|were|have been|had been) (?:shown|given)\b",
    ),
    (
        "answer",
        2,
        ("final answer", "the answer to", "to your ", "in your "),
        r"\bfinal answer\b|\bthe answer to (?:the|this|that|any) question (?:is|must|should)\b"
        r"|\bin(?:to)? your (?:answer|reply|response)\b",
    ),
    (
        "strict",
        2,
        ("nothing", "no other", "word for word", "without"),
        r"\bnothing (?:else|more)\b|\bno other (?:answer|text|words?|figure|name|number|sum|date)\b|\bword for word\b"
        r"|\bwithout (?:further |any )?(?:comment|explanation|quotation marks)\b",
    ),
    (
        "play",
        2,
        ("you are", "from now on", " mode", "jailbr", "task is"),
        r"\bfrom now on,? you\b|\byou are now\b|\b(?:developer|debug|dan|god|maintenance) mode\b|\bjailbr"
        r"|\byou are an? (?:helpful|honest|obedient)\b|\byour (?:new )?task is\b",
    ),
    (
        "above",
        2,
        ("above", "before", "told", "given", "taught", "instructed"),
        r"\b(?:everything|all|text|words) (?:that (?:stands|comes|came|is) )?(?:above|before) (?:this|the) "
        r"(?:line|article|passage|sentence)\b|\b(?:words|text) above\b"
        r"|\b(?:everything|all|what|rules|words|instructions) (?:that )?"
        r"(?:you|u) (?:were|have been|had been|are) (?:told|given|taught|instructed)\b",
    ),
    (
        "omit",
        2,
        ("caso omiso", "compte", "en cuenta", "abstraction", "beachte"),
        r"\bhaz caso omiso|\bne tenez (?:pas|aucun) compte|\bno tengas? en cuenta|\bfaites abstraction"
        r"|\bbeachten? (?:nicht|keine)",
    ),
    (
        "formula",
        2,
        (" with ",),
        r"\b(?:starting|beginning|begin|start|end) (?:it |your \w{1,9} )?with (?:the )?(?:words?|phrase|sentence)\b",
    ),
    ("with", 1, (" with ",), r"\b(?:reply|respond|answer) (?:only |solely )?with\b"),
    (
        "reader",
        2,
        ("machine", "made of", "built of"),
        r"\bmachine[- ](?:readable edition|consumed|readers?)\b|\b(?:made|built) of (?:weights|tokens|parameters)\b",
    ),
    (
        "glued",
        4,
        ("ignore", "disregard", "forget"),
        r"(?:ignore|disregard|forget)[a-z_]{0,30}(?:instruction|prompt|previous|passages|articles)",
    ),
]
_MARKS = [(name, weight, needs, re.compile(pattern, re.M)) for name, weight, needs, pattern in _PATTERNS]


def marked(place: int, window: str) -> Iterator[Cue]:
    """Yield the cues of structure in a part of a text, which begins at ``place`` of it."""
    for name, weight, needs, pattern in _MARKS:
        if any(need in window for need in needs):
            for match in pattern.finditer(window):
                yield Cue(place + match.start(), place + match.end(), name, weight)
