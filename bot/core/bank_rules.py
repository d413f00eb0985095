"""What `bank check` holds against any bank beyond what its reader refuses: text that reads badly or gives itself away.

A rule looks at one question and yields what it holds against it; where a value stands in the file is the reader's
business. Values that a bank leaves out break no rule here. Rules about words hold for banks in English only.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Container, Iterable, Iterator
from functools import lru_cache
from typing import Final

from bot.core.bank import Finding, Severity, Where
from bot.core.model import Bank, Exemplar, ExemplarKind, KeyPoint, Question, Reference, Status
from bot.core.text import stem, words

FEWEST_WORDS: Final = 5
"""A shorter message does not start an answer, so it is no example of one."""

_MOST_OF_PROMPT: Final = 0.6
"""Of a key point's words at most this share may be the prompt's: handing the prompt back must earn nothing."""

_MOST_IN_HINT: Final = 0.75
_SAME_PROMPT: Final = 0.8
_SAME_RUN: Final = 12
"""So many words in a row stand in two texts only where one was copied from the other."""

_LONGEST_SENTENCE: Final = 45
_COPIED: Final = 0.6
"""The share of an exemplar's four-word runs that may stand in the reference answer."""

_BANNED: Final = re.compile(
    r"\b(?:always|solve[sd]?|ensur(?:e[sd]?|ing)|simply|obviously|crucial(?:ly)?|powerful|delv(?:e[sd]?|ing)"
    r"|leverag(?:e[sd]?|ing)|robust(?:ly)?|play(?:s|ing)? an? (?:\w+ )?role|basically|needless to say"
    r"|it is (?:important|worth) (?:to note|noting)|it should be noted|in order to)\b",
    re.IGNORECASE,
)
_GUARANTEE: Final = re.compile(r"\bguarante(?:e[sd]?|eing)\b", re.IGNORECASE)
_DENIED: Final = re.compile(
    r"\b(?:no|not|nor|never|neither|nothing|without|cannot)\b|n't\b|guarantees? (?:nothing|no)\b", re.IGNORECASE
)
_BRITISH: Final = re.compile(
    r"\b\w*(?:generali|optimi|normali|regulari|initiali|minimi|maximi|parametri|summari|tokeni|quanti|memori|penali"
    r"|stabili|standardi|categori|randomi|factori|visuali|utili|organi|recogni|locali|vectori|speciali|digiti|ideali"
    r"|characteri|prioriti|paralleli|seriali|reali|critici|analy|lineari|discreti|formali"
    r")s(?:e[drs]?|ing|ation)\w*\b"
    r"|\b(?:learnt|spelt|whilst|fulfil|defence|offence|licence)\b"
    r"|\b(?:un)?(?:labell|modell|signall|cancell)(?:ed|ing)\b|\b(?:behavi|col|neighb|fav|hon)our\w*\b"
    r"|\bcent(?:re[ds]?|ring)\b|\bgrey\b|\bartefacts?\b",
    re.IGNORECASE,
)
_SENTENCE: Final = re.compile(r"[^.!?\n]+")
_ENDS: Final = re.compile(r"(?<=[.!?:])\s+|\n")
_FENCED: Final = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_PROGRAM: Final = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_PYTHON: Final = ("python", "python3", "py")
_INLINE: Final = re.compile(r"`[^`\n]*`")
_ONE_PLATFORM_ONLY: Final = (
    (re.compile(r"^#{1,6} "), "a heading"),
    (re.compile(r"^\s+[-*] "), "a bullet inside a bullet"),
    (re.compile(r"^\* "), "a bullet made with *, which reads as italics"),
    (re.compile(r"^\d+[.)] "), "a numbered list"),
    (re.compile(r"^\|.*\|\s*$"), "a table"),
    (re.compile(r"!?\[[^\]]+\]\([^)]+\)"), "a link or picture in brackets"),
    (re.compile(r"__\w|~~\w"), "underlined or struck text"),
    (re.compile(r"^> "), "a quote"),
    (re.compile(r"\$\$|\\\(|\\frac|\\sum"), "LaTeX"),
)

_Rule = Callable[[Question], Iterator[Finding]]


def check_rules(bank: Bank, written: Container[Where]) -> Iterator[Finding]:
    """What the rules for any bank hold against this one. `written` are the places of all values in the file."""
    for i, question in enumerate(bank.questions):
        rules = _RULES + _RULES_OF_WORDS if question.language.startswith("en") else _RULES
        if question.language in ("en", "en-US"):
            rules = (*rules, _spelling)
        for rule in rules:
            for found in rule(question):
                path: Where = ("questions", i, *found.path)
                if path[:3] in written:
                    yield Finding(path=path, message=found.message, row=found.row, severity=found.severity)
    yield from _one_sided(bank)
    yield from _alike(bank)


# --- the questions beside each other ---------------------------------------------------------------------------


def _one_sided(bank: Bank) -> Iterator[Finding]:
    related = {question.id: question.related for question in bank.questions}
    for i, question in enumerate(bank.questions):
        for j, other in enumerate(question.related):
            named = related.get(other, (question.id,))
            # Where the other names one that is not there, it is this one misspelt, most likely; that is told already.
            if question.id not in named and all(one in related for one in named):
                slug = other.partition(":")[2]
                message = f'"{question.slug}" is related to "{slug}", which does not say so; add it there'
                yield Finding(path=("questions", i, "related", j), message=message)


def _alike(bank: Bank) -> Iterator[Finding]:
    """Questions that ask the same, and answers that were copied from one another."""
    asked = [content(question.prompt) for question in bank.questions]
    holds: dict[tuple[str, ...], int] = {}
    for i, question in enumerate(bank.questions):
        for j in range(i):
            either = asked[i] | asked[j]
            if either and len(asked[i] & asked[j]) >= _SAME_PROMPT * len(either):
                message = f'"{question.slug}" asks the same as "{bank.questions[j].slug}"; ask something else'
                yield Finding(path=("questions", i, "prompt"), message=message)
        runs = _runs(_FENCED.sub(" ", question.answer), _SAME_RUN)
        copied = next((run for run in runs if holds.setdefault(run, i) != i), None)
        if copied:
            other = bank.questions[holds[copied]].slug
            message = f'answer of "{question.slug}" repeats “{" ".join(copied)}” from "{other}"; say it afresh'
            yield Finding(path=("questions", i, "answer"), message=message, severity=Severity.WARNING)


# --- the rules of one question; paths begin at the question ----------------------------------------------------


def _marks(question: Question) -> Iterator[Finding]:
    for path, text in _ours(question):
        of = f'{path[0]} of "{question.slug}"'
        fences = [row for row, line in enumerate(text.split("\n")) if line.lstrip(" ").startswith("```")]
        if len(fences) % 2:
            yield Finding(path=path, message=f"{of} opens a ``` that it does not close; close it", row=fences[-1])
        for row, line in enumerate(_prose(text)):
            for sign, plain in (("`", line.replace("```", "")), ("**", _INLINE.sub(" ", line))):
                if plain.count(sign) % 2:
                    message = f"{of} opens a {sign} that its line does not close; close it"
                    yield Finding(path=path, message=message, row=row)
    what = f'answer of "{question.slug}"'
    for row, line in enumerate(_prose(question.answer)):
        plain = _INLINE.sub(" ", line)
        for form, name in _ONE_PLATFORM_ONLY:
            if form.search(plain):
                message = f"{what} holds {name}, which Discord and Slack do not both show; say it without"
                yield Finding(path=("answer",), message=message, row=row, severity=Severity.WARNING)


def _code(question: Question) -> Iterator[Finding]:
    if question.code is not None and question.code.lang.lower() in _PYTHON:
        yield from _not_python(("code", "source"), f'code of "{question.slug}"', question.code.source)
    for block in _PROGRAM.finditer(question.answer):
        if block[1].lower() in _PYTHON:
            row = question.answer.count("\n", 0, block.start(2))
            yield from _not_python(("answer",), f'the program in the answer of "{question.slug}"', block[2], row)


def _not_python(path: Where, what: str, source: str, row: int = 0) -> Iterator[Finding]:
    try:
        ast.parse(source)
    except SyntaxError as error:
        row += max((error.lineno or 1) - 1, 0)
        yield Finding(path=path, message=f"{what} is not Python ({error.msg}); mend it", row=row)
    except (ValueError, RecursionError, MemoryError) as error:
        yield Finding(path=path, message=f"{what} is not Python ({error}); mend it", row=row)


def _exemplars(question: Question) -> Iterator[Finding]:
    essential = {point.id for point in question.key_points if point.essential}
    first: dict[str, int] = {}
    for i, sample in enumerate(question.exemplars):
        what = f'{sample.kind} exemplar {i + 1} of "{question.slug}"'
        if sample.text and len(sample.text.split()) < FEWEST_WORDS:
            message = f"{what} has fewer than {FEWEST_WORDS} words, which is no answer; write more"
            yield Finding(path=("exemplars", i, "text"), message=message)
        if fault := misjudged(sample, essential):
            yield Finding(path=("exemplars", i, "earns"), message=f"{what} {fault}; mend its text or its earns")
        if sample.text and (earlier := first.setdefault(sample.text, i)) != i:
            message = f"{what} is the same as exemplar {earlier + 1}; write another"
            yield Finding(path=("exemplars", i, "text"), message=message)
        if _share_of_runs(sample.text, question.answer) > _COPIED:
            message = f"{what} is taken from the reference answer; write it as a learner would"
            yield Finding(path=("exemplars", i, "text"), message=message, severity=Severity.WARNING)


def misjudged(sample: Exemplar, essential: Collection[str]) -> str:
    """How an exemplar earns what its kind cannot; empty where it fits."""
    earned = set(essential).intersection(sample.earns)
    match sample.kind:
        case ExemplarKind.FULL | ExemplarKind.SHORT if earned != set(essential):
            return "must earn every essential key point"
        case ExemplarKind.PARTIAL if essential and (not earned or earned == set(essential)):
            return "must earn an essential key point, but not all"
        case ExemplarKind.WRONG | ExemplarKind.DENIAL | ExemplarKind.KEYWORDS if sample.earns:
            return "must earn nothing"
    return ""


def _references(question: Question) -> Iterator[Finding]:
    for i, source in enumerate(question.references):
        if not _isbn_adds_up(source):
            message = f'isbn of reference {i + 1} of "{question.slug}" has a wrong digit; look it up again'
            yield Finding(path=("references", i, "isbn"), message=message)


def _given_away(question: Question) -> Iterator[Finding]:
    """Hints that say a key point word for word; in every language."""
    for i, hint in enumerate(question.hints):
        yield from _gives_away(question, i, _word_for_word(question, hint))


def _word_for_word(question: Question, hint: str) -> set[str]:
    """The key points of which a hint holds a phrasing of three words or more as it stands."""
    phrasings = [(p.id, said) for p in question.key_points for t in (p.text, *p.any_of) if len(said := _spoken(t)) >= 3]
    runs = {length: set(_runs(hint, length)) for length in {len(said) for _, said in phrasings}}
    return {point for point, said in phrasings if said in runs[len(said)]}


def _gives_away(question: Question, number: int, points: Iterable[str]) -> Iterator[Finding]:
    for point in sorted(points):
        message = f'hint {number + 1} of "{question.slug}" gives key point "{point}" away; hint at it in other words'
        yield Finding(path=("hints", number), message=message)


def _dates(question: Question) -> Iterator[Finding]:
    if question.status is Status.DRAFT and question.reviewed is not None:
        message = f'"{question.slug}" is a draft with a date of review; make it reviewed, or take the date out'
        yield Finding(path=("reviewed",), message=message, severity=Severity.WARNING)


_RULES: Final[tuple[_Rule, ...]] = (_marks, _code, _exemplars, _references, _given_away, _dates)


# --- the rules about words, for banks in English ----------------------------------------------------------------


def _wording(question: Question) -> Iterator[Finding]:
    what = f'answer of "{question.slug}"'
    for row, line in enumerate(_prose(question.answer)):
        plain = _INLINE.sub(" ", line)
        for word in _overstated(plain):
            message = f'{what} says "{word}"; say what is true in plainer words'
            yield Finding(path=("answer",), message=message, row=row, severity=Severity.WARNING)
        for sentence in _ENDS.split(_INLINE.sub("code", line)):
            if (count := len(sentence.split())) > _LONGEST_SENTENCE:
                message = f"{what} has a sentence of {count} words; {_LONGEST_SENTENCE} are the most one reads at once"
                yield Finding(path=("answer",), message=message, row=row, severity=Severity.WARNING)
    for i, point in enumerate(question.key_points):
        for word in _overstated(point.text):
            message = f'{_named(point, question)} says "{word}"; say what is true in plainer words'
            yield Finding(path=("key_points", i, "text"), message=message, severity=Severity.WARNING)


def _overstated(line: str) -> Iterator[str]:
    yield from (found[0] for found in _BANNED.finditer(line))
    for sentence in _SENTENCE.findall(line):
        if not _DENIED.search(sentence):
            yield from (found[0] for found in _GUARANTEE.finditer(sentence))


def _spelling(question: Question) -> Iterator[Finding]:
    for path, text in _ours(question):
        for row, line in enumerate(_prose(text)):
            for found in _BRITISH.findall(_INLINE.sub(" ", line)):
                message = f'"{found}" in {path[0]} of "{question.slug}" is not US spelling; use one spelling throughout'
                yield Finding(path=path, message=message, row=row, severity=Severity.WARNING)


def _ours(question: Question) -> Iterator[tuple[Where, str]]:
    """The texts that the bank says in its own voice; learners spell as they like."""
    yield ("prompt",), question.prompt
    yield ("answer",), question.answer
    yield from ((("key_points", i, "text"), point.text) for i, point in enumerate(question.key_points))
    for i, claim in enumerate(question.misconceptions):
        yield ("misconceptions", i, "claim"), claim.claim
        yield ("misconceptions", i, "why"), claim.why
    yield from ((("hints", i), hint) for i, hint in enumerate(question.hints))
    yield from ((("follow_ups", i), asked) for i, asked in enumerate(question.follow_ups))


def _key_points(question: Question) -> Iterator[Finding]:
    asked = content(question.prompt)
    first: dict[frozenset[str], str] = {}
    for i, point in enumerate(question.key_points):
        what, at = _named(point, question), ("key_points", i)
        if point.text and _share(point.text, asked) > _MOST_OF_PROMPT:
            message = f"{what} repeats words of the prompt; say it as a learner would"
            yield Finding(path=(*at, "text"), message=message)
        if point.text in (other.text for other in question.key_points[:i]):
            yield Finding(path=(*at, "text"), message=f"{what} says the same as an earlier one; say another thing")
        for j, phrasing in enumerate(point.any_of):
            if phrasing and _share(phrasing, asked) == 1:
                nothing = "nothing but words of the prompt" if content(phrasing) else "nothing that could be looked for"
                message = f"phrasing {j + 1} of {what} says {nothing}; add what answers it"
                yield Finding(path=(*at, "any_of", j), message=message)
            said = content(phrasing)
            if said and (holder := first.setdefault(said, point.id)) != point.id:
                message = f'phrasing {j + 1} of {what} has the words of one of "{holder}"; a phrasing earns one point'
                yield Finding(path=(*at, "any_of", j), message=message, severity=Severity.WARNING)


def _hints(question: Question) -> Iterator[Finding]:
    # Short phrasings are left out: two words of a subject stand in any hint about it.
    phrasings = [
        (point, said)
        for point in question.key_points
        for text in (point.text, *point.any_of)
        if len(said := content(text)) >= 3
    ]
    for i, hint in enumerate(question.hints):
        hinted = content(hint)
        given = {point.id for point, said in phrasings if len(said & hinted) >= _MOST_IN_HINT * len(said)}
        yield from _gives_away(question, i, given - _word_for_word(question, hint))  # Those are told anyway.


_RULES_OF_WORDS: Final[tuple[_Rule, ...]] = (_wording, _key_points, _hints)


# --- words ------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def content(text: str) -> frozenset[str]:
    """The stems of the words that say something, read as answers are read."""
    return frozenset(stem(word.text) for word in words(text) if word.says_something)


def _share(text: str, of: Collection[str]) -> float:
    """How much of what `text` says is among the stems."""
    said = content(text)
    return len(said.intersection(of)) / len(said) if said else 1.0


def _share_of_runs(text: str, of: str) -> float:
    """How many of a text's four-word runs stand in another."""
    mine, theirs = set(_runs(text, 4)), set(_runs(of, 4))
    return len(mine & theirs) / len(mine) if mine else 0.0


@lru_cache(maxsize=1024)
def _spoken(text: str) -> tuple[str, ...]:
    return tuple(word.text for word in words(text))


def _runs(text: str, length: int) -> list[tuple[str, ...]]:
    """Every so many words in a row."""
    said = _spoken(text)
    return [said[at : at + length] for at in range(len(said) - length + 1)]


def _prose(text: str) -> list[str]:
    """The lines of a text with fenced code blanked, not cut out: lines must keep their numbers."""
    return _FENCED.sub(lambda code: "\n" * code[0].count("\n"), text).split("\n")


def _named(point: KeyPoint, question: Question) -> str:
    return f'key point "{point.id}" of "{question.slug}"'


def _isbn_adds_up(source: Reference) -> bool:
    """Whether the check digit fits: digits count once and three times in turn, and the sum is a multiple of ten."""
    digits = [int(digit) for digit in (source.isbn or "").replace("-", "") if digit.isdigit()]
    return (sum(digits[::2]) + 3 * sum(digits[1::2])) % 10 == 0
