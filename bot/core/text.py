"""What people type into a chat, read as sentences, words and stems, so that two ways of saying one thing look alike.

Pure and the same on every machine. Code, formulas, emoji and other scripts are read as far as they hold letters
or digits.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Final, NamedTuple

from snowballstemmer.english_stemmer import EnglishStemmer  # by name: the package's own choice may be PyStemmer

from bot.core.counting import without_spoiler_marks
from bot.core.counting import words as count
from bot.core.model import Effort

LONGEST: Final = 6000
"""Characters that are read; what stands behind them is not."""

_CHUNK: Final = 40
"""Words of a sentence at most; a longer one is cut."""

_JOINER: Final = "\u200d"
"""Joins emoji, so it is kept in what is quoted, and means nothing."""

_FEWEST_WORDS: Final = 3
_OWN_WORDS: Final = 3
_OWN_SHARE: Final = 0.15
_PROMPT_SHARE: Final = 0.5
_MOST_SENTENCES: Final = 80
_MISTAKEN: Final = 8
_FEWEST_REPEATED: Final = 5
_FEWEST_LISTED: Final = 3
_FRAGMENT: Final = 5
_LIST_SHARE: Final = 0.11
"""Of three words that stand together, or two with a comma, more are small ones where people make sentences."""
_LONG_RUN: Final = 7
"""So many words in a row without a small one are a list, too, wherever they stand."""


def _table(words: str) -> frozenset[str]:
    return frozenset(words.split())


STOP_WORDS: Final = _table(
    """a about after again all also although always am an and any are as at be because been before being both but by ca
    can could d did do does doing done down during each either else etc even ever every few for from further
    general generally get gets getting give gives go goes going got had has have having he her here hers him his
    how however i if im in into is it its itself ive just kind ll lot lots m many may maybe me might mine more most
    much must my neither nor of off often ok on once one ones only onto or our ours out over own per quite rather re
    really s shall she should since so some something sort still such t than that thats the their theirs them
    themselves then there these they thing things this those though through thus till to too under until up upon us
    use used uses using usually ve very via wo was way we well were what when where whereas whether which while who
    whom whose why will with within without would yes yet you your yours basically actually simply like e g eg ie
    vs no not never none nothing cannot hardly"""
)
"""Words that say little about any subject."""


def _inflected(words: str) -> frozenset[str]:
    """Words with the endings that English may give them; a form that no one writes does no harm."""
    found = set(words.split())
    for word in words.split():
        cut = word[:-1] if word[-1] in "ey" else word
        found.update(word + end for end in ("s", "es", "d", "ed", "ing", "ly", "r", "er", "st", "est"))
        found.update(cut + end for end in ("ing", "ies", "ied", "ier", "iest", "ily"))
        found.update(word + word[-1] + end for end in ("ed", "ing", "er", "est"))
    return frozenset(found)


EVERYDAY_WORDS: Final = _inflected(
    """able above accept accord across act active actual add advance afraid afternoon against age ago agree ahead aim
    air alive allow almost alone along already amount answer anybody anymore anyone anyway anywhere apart appear apply
    area argue around arrange arrive aside ask attempt avoid aware away awful back bad balance base basic bear beat
    beautiful become became begin began begun behave behind believe belong below beside best better between beyond
    big bigger biggest bill birthday bit blame block board body book bore borrow boss both bother bottom bought box
    boy break brief bring broke brother brought build built busy buy call came capable car card care careful carry
    case catch cause certain chance change charge chat cheap check child children choose chose chosen city claim
    clean clear clever close coffee cold collect come comfortable common company compare complete complex
    complicated concern consider contain continue control cool copy correct cost count country couple course cover
    crazy create cross cry cup curious current cut daily damage danger dark date day dead deal decide deep depend
    describe design desk detail die differ difference different difficult dinner direct dirty discover discuss do
    dog door doubt draw dream dress drink drive drop dry due early earlier earn easy easily eat edit effect effort
    eight else email empty encourage end enjoy enormous enough enter entire equal especially evening event
    everybody everyday everyone everything everywhere exact example excellent except exist expect expensive
    experience explain extra extreme eye face fact fail fair fall false family famous far fast favor favorite fear
    feel fell felt fetch field fifth fight figure file fill final find fine finish fire first fit five fix flat
    floor fly focus folk follow food fool force forever forget forgot form forth forward found four fourth free
    fresh friday friend front full fully fun funny future gain game gather gentle girl glad gone good got grade
    grand great ground group grow guess guest guy habit half hand happen happy hard hardly hate head health hear
    heard heart heavy held help hide high hit hold holiday home honest hope hot hour house hundred hungry hurry
    hurt husband idea imagine immediate important impossible improve include indeed individual inside instance
    instead intend interest introduce invite involve issue item job join joke judge jump just keep kept key kid
    kill kind knew know known lake large late later laugh lay lazy lead lean least leave left lend length less let
    letter level lie life light like limit line list listen little live local lock login long look lose lost loud
    love low lower luck lunch mad made main make manage manner mark market matter mean meant meet meeting mention
    mess message met method middle mind minute miss mistake mix moment monday money month mood morning mostly
    mother move movie much music name narrow natural near nearly necessary need neither nervous new news nice night
    nine nobody noise noon normally note nothing notice now nowhere number obvious occasion occur odd offer office
    old onto open opinion opposite option order ordinary other original otherwise outcome outside overall owe own
    pack page pain pair paper parent park part particular party pass past pay peace people perfect perhaps person
    personal phone photo pick picture piece place plan plane play please plenty plus point poor popular position
    possible post prefer prepare present press pretty prevent previous price print private probably problem produce
    promise proper prove provide public pull purpose push put quality question quick quiet quit quite ran range
    rare raise rather reach react read ready real realize reason receive recent recommend record reduce refer
    regard regular relate relax rely remain remember remind remove rent repeat reply report request require rest
    result return rich ride right ring rise road room rough round row rule run rush sad safe said sale same sat
    saturday save saw say scare school search season seat second secret see seek seem seen select sell send sense
    sent separate serious serve set settle seven several shall shape share sharp shift shop short shot shout show
    shut sick side sight sign silly similar simple simply single sister sit situation six size skip sleep slight
    slow small smart smell smile smooth snack soft sold solve somebody somehow someone something sometimes
    somewhere son soon sorry sort sound space speak special specific speech speed spend spent spoke sport spot
    spread spring stage stand standard star start stay steal step stick stood stop store story straight strange
    street stress strong stuck study stuff stupid style subject succeed success sudden suffer suggest suit summer
    sunday super suppose surprise sweet swim switch table take taken talk tall taste taught teach team teacher tell
    ten tend term terrible text thank thick thin think third thought thousand three threw throw thursday ticket tie
    tight time tiny tire today together told tomorrow tone tonight took top topic total touch toward town track
    train travel treat tree trick trip trouble true trust truth try tuesday turn twice two type typical understand
    understood unless unlike upper upset useful usual vacation valuable value various video view visit voice wait
    wake walk wall want warm wash waste watch water weak wear weather wednesday week weekend welcome went wet
    whatever whenever wherever whole wide wife wild win window winter wish woman wonder word wore work world worry
    worse worst worth write written wrote wrong year yesterday young zero"""
)
"""Words of everyday English that say something, but little about any subject."""

FIELD_WORDS: Final = _inflected(
    """accuracy activation algorithm architecture artificial computation compute data dataset error feature function
    gradient hidden input layer learn learning loss machine model network neural neuron node output parameter
    perform performance predict prediction process sample signal stochastic system task test train training unit
    update weight"""
)
"""Words that nearly every sentence about machine learning has, so that none of them tells much by itself."""

NEGATIONS: Final = _table("not no never none nothing neither nor cannot hardly barely false untrue wrong myth")

SMALL_TALK: Final = _table(
    """sorry honestly honest really afraid unfortunately sadly lol haha hahaha hmm hm uh um erm well guys folks hi
    hello hey thanks thank please today tomorrow yet tbh ngl fr yeah yep nope okay ok cool nice great good wait
    see later read look learn learned learnt study studied heard hear know knows remember recall sure unsure
    certain idea ideas clue clues guess think believe answer answers question questions asked asking asks ask
    tell say explain explained describe topic pass skip idk dunno stuff anything something head mind right now moment
    exactly bro dude man lmao test testing next week whatever curious wondering wonder interesting interested same
    give gives"""
)
"""Words of a chat that are no try at any question."""

_ACRONYMS: Final = {
    short: tuple(long.split())
    for short, long in {
        "ann": "neural network", "nn": "neural network", "nns": "neural networks", "dnn": "deep neural network",
        "net": "network", "nets": "networks", "ff": "feedforward", "ffn": "feedforward network",
        "mlp": "multilayer perceptron", "cnn": "convolutional neural network", "cnns": "convolutional neural networks",
        "convnet": "convolutional neural network", "convnets": "convolutional neural networks",
        "conv": "convolutional", "rnn": "recurrent neural network", "rnns": "recurrent neural networks",
        "gan": "generative adversarial network", "gans": "generative adversarial networks",
        "vae": "variational autoencoder", "rl": "reinforcement learning", "ml": "machine learning",
        "dl": "deep learning", "sgd": "stochastic gradient descent", "gd": "gradient descent", "lr": "learning rate",
        "bn": "batch normalization", "batchnorm": "batch normalization", "layernorm": "layer normalization",
        "bptt": "backpropagation time",
        "mse": "mean squared error", "ce": "cross entropy", "kl": "kullback leibler", "fc": "fully connected",
        "param": "parameter", "params": "parameters", "hyperparams": "hyperparameters", "acc": "accuracy",
        "nlp": "natural language processing", "llm": "large language model", "llms": "large language models",
        "σ": "sigmoid", "∇": "gradient",
    }.items()
}  # fmt: skip
"""Read as their long forms, so that either form is found by the other."""

_SAID_ALIKE: Final = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\b(batch|layer|group|instance|weight)[ -]?norm\b", r"\1 normalization"),
        (r"\bback[ -]?prop\w*", "backpropagation"),
        (r"\b(feed|over|under|fine|data|time)[ -](?=forward|fit|tun|sets?\b|steps?\b)", r"\1"),
        (r"\b(non|mini|multi|semi|auto|co|pre|hyper)[ -](?=[^\W\d_]{3})", r"\1"),
        (r"\b(over|under|back|re|un|sub|de)-(?=[^\W\d_]{3})", r"\1"),
        (r"\bw/o\b", " without "),
        (r"\bnot only\b", "only"),
        (r"\bwhether or not\b", "whether"),
        (r"\b(do|does|did|is|are|was|were|wo|would|could|should|ca|can|has|have|had|ai)n'?t\b", r"\1 not"),
        (r"'s\b", ""),
    )
)  # fmt: skip
_GIVES_UP: Final = re.compile(
    r"\b(?:(?:do|did|would|could|ca|can) not (?:\w+ )?(?:know|remember|recall|say|tell)|dunno|donno|ide?k|unsure"
    r"|(?:no|not a|not an|not the (?:slightest|faintest)|have not an?|without an?) (?:\w+ )?(?:idea|clue|guess|answer)"
    r"|clueless|not (?:\w+ )?(?:sure|certain)|never heard|give up|beats me)\b"
)
_PASSES: Final = _table("pass skip")
_UNREAD: Final = re.compile(r"https?://\S+|www\.\S+|<(?:@[!&]?|#|a?:\w+:)[\w-]*>|:[a-z0-9_+-]{2,32}:|```[a-z]*\n")
_END: Final = re.compile(r"(?<!\be\.g)(?<!\bi\.e)(?<!\bvs)(?<!\bcf)[.!?…]{1,8}[\"')*_]{0,8}\s+|[;\n]+|[。！？]+")
_CLAUSE: Final = re.compile(r"[,:()–—]|\s-\s|\b(?:but|because|while|whereas|since|so|although|though)\b")
_DENIES_ALL: Final = re.compile(r"\b(?:not (?:true|correct|right|the case)|false|untrue|wrong|a myth|a lie) that\b")
_WORD: Final = re.compile(r"\d+(?:\.\d+)+|[^\W_]+")
_COMMA: Final = re.compile(r"[,;]\s*\w|\s/\s")
_NAMES: Final = re.compile(
    r"\b(?:name|list|state|give|mention|enumerate|identify|write down)(?: and \w+)?"
    r"(?: (?:the|any|at least|up to))* (?:all|some|a few|several|\d+|two|three|four|five|six|seven|eight|nine|ten)\b"
    r"|(?:^|[?!;:] |(?<!vs)\. )(?:please )?(?:name|list|enumerate) "
)
_AND: Final = re.compile(r"\s+(?:and|or|&)\s+(?=\w)")
_RELATION: Final = re.compile(r"(?<![<=>-])(?:=|[-=]>|[≤≥≈→⇒∝]|(?<=\s)[<>](?=\s))")
"""A sign that says "is", "is less than" or "leads to"; what it joins is a statement."""
_TYPED: Final = re.compile(r"\S+")
_SIGNS: Final = re.compile(r"[\W_]+")
_PIECE: Final = re.compile(rf"(?:\S+(?:\s+|$)){{1,{_CHUNK}}}")
_BRITISH: Final = (
    (re.compile(r"(?<=\w{3})is(?=(?:e[ds]?|ing|ations?|er)$)"), "iz"),
    (re.compile(r"(?<=\w{3})our"), "or"),
)


class Word(NamedTuple):
    """A word as it was typed, without capitals, and whether its clause denies something."""

    text: str
    denied: bool = False

    @property
    def says_something(self) -> bool:
        """Whether it is more than a stop word, a letter or a digit."""
        return len(self.text) > 1 and self.text not in STOP_WORDS

    @property
    def small(self) -> bool:
        """Whether it is one of the words of which sentences are made; a lone letter is more often a symbol."""
        return self.text in STOP_WORDS and (len(self.text) > 1 or self.text in "ai")

    @property
    def symbol(self) -> bool:
        """Whether it is a figure or a lone letter, as in formulas: no keyword, whatever stands around it."""
        return self.text[0].isdigit() or (len(self.text) == 1 and not self.small)

    @property
    def tells(self) -> bool:
        """Whether it says something that is said about few subjects."""
        return self.says_something and self.text not in EVERYDAY_WORDS and self.text not in FIELD_WORDS


class Sentence(NamedTuple):
    """A sentence as its author typed it, and its words."""

    typed: str
    words: tuple[Word, ...]


def gives_up(said: Sequence[Word]) -> bool:
    """Whether words say that their author does not know, or nothing but that they pass."""
    plain = " ".join(word.text for word in said)
    rest = [word for word in said if word.says_something and word.text not in SMALL_TALK]
    return bool(_GIVES_UP.search(plain)) or (not rest and bool(_PASSES & {word.text for word in said}))


def sentences(text: str) -> list[Sentence]:
    """The sentences of a text; bullets and lines are sentences too."""
    seen = "".join(sign for sign in text[:LONGEST] if unicodedata.category(sign) != "Cf" or sign == _JOINER)
    seen = without_spoiler_marks(seen)
    pieces = [piece for piece in _cut(seen) if piece]
    if len(pieces) > _MOST_SENTENCES:
        pieces = _PIECE.findall(seen)
    return [Sentence(piece.strip(), words(piece)) for piece in pieces]


def runs(said: Sequence[str], length: int) -> list[tuple[str, ...]]:
    """Every so many words in a row; all of them where there are fewer."""
    return [tuple(said[at : at + length]) for at in range(max(1, len(said) - length + 1))]


def without_repetition(text: str) -> str:
    """The text without an end that only says its beginning again, be it once or ten thousand times."""
    if len(text) > LONGEST:
        kept = text[:LONGEST]
        text = kept[: kept.rindex(" ")] if " " in kept.strip() else kept
    found = list(_TYPED.finditer(text))
    said = [_SIGNS.sub("", word[0]).casefold() for word in found]
    borders = [0] * len(said)  # for each word, how many words up to it are also the text's first ones
    for at in range(1, len(said)):
        border = borders[at - 1]
        while border and said[at] != said[border]:
            border = borders[border - 1]
        borders[at] = border + (said[at] == said[border])
    again = borders[-1] if borders else 0
    if again < _FEWEST_REPEATED and 2 * again < len(said):
        return text
    return text[: found[len(said) - again].start()] if again else text


def _cut(text: str) -> list[str]:
    """The text cut behind every sentence's end, and long sentences into pieces."""
    found, start = [], 0
    for end in _END.finditer(text):
        found.append(text[start : end.end()])
        start = end.end()
    found.append(text[start:])
    return [piece.strip() for sentence in found for piece in _PIECE.findall(sentence.strip())]


def words(sentence: str) -> tuple[Word, ...]:
    """The words of one sentence, acronyms in their long form."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", sentence).casefold())[:LONGEST]
    plain = _UNREAD.sub(" ", plain.replace("’", "'").replace(_JOINER, ""))
    for pattern, replacement in _SAID_ALIKE:
        plain = pattern.sub(replacement, plain)
    found: list[Word] = []
    all_denied = bool(_DENIES_ALL.search(plain))
    for clause in _CLAUSE.split(plain):
        typed = [long for word in _WORD.findall(clause) for long in _ACRONYMS.get(word, (word,))]
        denied = all_denied or any(word in NEGATIONS for word in typed)
        found.extend(Word(word, denied) for word in typed)
    return tuple(found)


@lru_cache(maxsize=32_768)
def stem(word: str) -> str:
    """The English stem of a word, British and American spelling alike."""
    word = word[:40]
    for pattern, replacement in _BRITISH:
        word = pattern.sub(replacement, word)
    # A stemmer keeps the word it works on, so a shared one would not be safe among threads.
    stemmed: str = EnglishStemmer().stemWord(word)
    return stemmed


def content_stems(said: Iterable[Word]) -> list[str]:
    return [stem(word.text) for word in said if word.says_something]


def likeness(stem: str, other: str) -> float:
    """1 for the same stem, less for one slip of the finger or a shared beginning, else 0."""
    if stem == other:
        return 1.0
    short, long = sorted((stem, other), key=len)
    if len(short) >= 6 and len(long) - len(short) <= 1 and _one_slip(short, long):
        return 0.85
    same = next((i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    return 0.7 if same >= 5 and same >= 0.65 * len(long) else 0.0


def _one_slip(short: str, long: str) -> bool:
    """Whether one letter was left out, put in, swapped with its neighbor, or in a long word mistaken.

    Of shorter words that differ in one letter many are two words: concert and convert.
    """
    at = next((i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    if len(short) < len(long):
        return short[at:] == long[at + 1 :]
    swapped = short[at : at + 2][::-1] == long[at : at + 2] and short[at + 2 :] == long[at + 2 :]
    return swapped or (len(long) >= _MISTAKEN and short[at + 1 :] == long[at + 1 :])


def in_lists(spoken: Sequence[Sentence]) -> list[list[bool]]:
    """For each word of each sentence, whether it stands in a bare list: hardly any of the small words of sentences.

    Fragments that follow each other are judged together, since a list may stand in lines; and a list may stand inside
    a sentence.
    """
    found: list[list[bool]] = []
    for fragments, run in groupby(spoken, key=lambda sentence: len(sentence.words) < _FRAGMENT):
        together = list(run)
        for group in [together] if fragments else [[sentence] for sentence in together]:
            said = [word for sentence in group for word in sentence.words if not word.symbol]
            small = sum(1 for word in said if word.small)
            small += sum(len(_RELATION.findall(sentence.typed)) for sentence in group)
            commas = not small and any(_COMMA.search(sentence.typed) for sentence in group)
            if len(said) >= (_FEWEST_LISTED - commas) and small <= _LIST_SHARE * len(said):
                found.extend([True] * len(sentence.words) for sentence in group)
            else:
                found.extend(_long_runs(sentence.words) for sentence in group)
    return found


def _long_runs(said: Sequence[Word]) -> list[bool]:
    """For each word, whether it stands among so many in a row that none is a small one, a figure or a symbol."""
    found: list[bool] = []
    for breaks, run in groupby(said, key=lambda word: word.small or word.symbol):
        length = len(list(run))
        found.extend([not breaks and length >= _LONG_RUN] * length)
    return found


def is_list(text: str) -> bool:
    """Whether most of a text is a bare list, be it only one of two with an "and"."""
    without = _AND.sub(", ", text)
    listed = [yes for each in in_lists(sentences(without)) for yes in each]
    return 2 * sum(listed) > len(listed)


def asks_for_names(prompt: str) -> bool:
    """Whether a prompt asks for so many things by name, so that a short list is an answer."""
    return bool(_NAMES.search(" ".join(prompt.casefold().replace("-", " ").split())))


def says_untrue(sentence: str) -> bool:
    """Whether a sentence begins by saying that what follows is not true."""
    return bool(_DENIES_ALL.search(sentence.casefold()))


def effort(spoken: Sequence[Sentence], prompt: Collection[str]) -> Effort:
    """Whether an answer that touches no key point tried, by its words and the prompt's content stems."""
    said = [word for sentence in spoken for word in sentence.words]
    content = [w.text for w in dict.fromkeys(said) if w.says_something and w.text not in SMALL_TALK]
    own = [word for word in content if stem(word) not in prompt]
    if gives_up(said) and sum(map(count, own)) < _OWN_WORDS:
        return Effort.DONT_KNOW
    if not content or sum(map(count, sorted({word.text for word in said}))) < _FEWEST_WORDS:
        return Effort.NOTHING
    handed_back = len(content) - len(own) >= _PROMPT_SHARE * len(prompt)
    return Effort.QUESTION_BACK if handed_back and len(own) <= _OWN_SHARE * len(content) else Effort.HONEST
