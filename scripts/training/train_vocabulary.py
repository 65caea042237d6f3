"""Stage 1 of the bundled encoder: a Unigram vocabulary whose tokens are whole Vietnamese words.

    python scripts/training/train_vocabulary.py DATA WORK [--tokens 62000]

Words are counted in text segmented by pyvi (``khu_vực`` becomes the token ``▁khu▁vực``). To them are added their forms
without accents, English words, numbers, and sequences of characters for all other words. The tokenizer itself needs no
segmenter. Writes WORK/tokenizer.json.
"""

from __future__ import annotations

import argparse
import itertools
import math
import random
import re
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from training_data import rows

from semsearch.text import canonical, clean, fold
from semsearch.text.normalize import NEW_TONE_PLACEMENT

SPACE = "▁"


def normalizer() -> normalizers.Normalizer:
    """Return what ``text.clean`` and ``text.canonical`` do to letters; all but letters and digits becomes a space."""
    tone = [normalizers.Replace(Regex(rf"(?<!q){old}(?!\p{{L}})"), new) for old, new in NEW_TONE_PLACEMENT.items()]
    return normalizers.Sequence(
        [
            normalizers.NFC(),
            normalizers.Lowercase(),
            normalizers.Replace("ð", "đ"),
            *tone,
            normalizers.Replace(Regex(r"[^\p{L}\p{N}\p{M}]+"), " "),
            normalizers.Strip(),
        ]
    )


def count_words(texts: list[str]) -> Counter[str]:
    """Count the words of texts, as tokens."""
    from pyvi import ViTokenizer

    counts: Counter[str] = Counter()
    for text in texts:
        for word in canonical(ViTokenizer.tokenize(text)).split():
            syllables = [s for s in word.split("_") if s]
            if len(syllables) <= 4 and all(s.isalpha() for s in syllables):
                counts[SPACE + SPACE.join(syllables)] += 1
            else:
                counts.update(SPACE + s for s in re.findall(r"[^\W_]+", word))
    return counts


def sample(data: Path, limit: int) -> list[str]:
    """Return at most ``limit`` lines of news, Wikipedia and questions, and the Vietnamese side of all translations."""
    rng = random.Random(0)
    texts: list[str] = []
    for row in rows(data, "news"):
        lines = [row["title"] or "", row["abstract"] or "", *(row["text"] or "").split("\n")]
        texts.extend(rng.sample(lines, min(3, len(lines))))
    for row in rows(data, "wiki"):
        lines = row["text"].split("\n")
        texts.extend(rng.sample(lines, min(3, len(lines))))
    for row in rows(data, "qa"):
        texts.append(row["question"])
        texts.append(rng.choice(row["context"].split("\n")))
    texts = [clean(t)[:600] for t in texts if t]
    rng.shuffle(texts)
    return texts[:limit] + [clean(r["vi"]) for r in rows(data, "parallel_en_vi")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--tokens", type=int, default=62_000)
    parser.add_argument("--sentences", type=int, default=400_000)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)

    texts = sample(args.data, args.sentences)
    counts: Counter[str] = Counter()
    with ProcessPoolExecutor() as pool:
        for part in pool.map(count_words, [texts[i : i + 4000] for i in range(0, len(texts), 4000)]):
            counts.update(part)
    english: Counter[str] = Counter()
    for row in rows(args.data, "parallel_en_vi"):
        english.update(SPACE + w for w in re.findall(r"[a-z]+", row["en"].lower()))

    single = Counter({p: n for p, n in counts.items() if p.count(SPACE) == 1 and p[1:].isalpha()})
    multi = Counter({p: n for p, n in counts.items() if p.count(SPACE) > 1 and p.replace(SPACE, "").isalpha()})
    numbers = Counter({p: n for p, n in counts.items() if p[1:].isdigit()})
    tokens: dict[str, float] = {}

    def take(some: list[tuple[str, int]], weight: float = 1.0) -> None:
        for token, count in some:
            tokens.setdefault(token, count * weight)

    take([(p, n) for p, n in single.most_common(15_000) if n >= 4])
    take([(p, n) for p, n in english.most_common(13_000) if n >= 3])
    take(numbers.most_common(2_000))
    room = args.tokens - len(tokens) - 5_000
    folded: Counter[str] = Counter()
    for token, count in (single + multi).items():
        if fold(token) != token and len(token) > 2:
            folded[fold(token)] += count
    take(multi.most_common(int(room * 0.68)))
    take([(p, n) for p, n in folded.most_common(int(room * 0.45))], 0.05)

    # Sequences of characters for all other words: names, typos, foreign words.
    remaining: Counter[str] = Counter()
    for token, count in itertools.chain(single.items(), english.items()):
        if token not in tokens:
            word = token[1:]
            for size in range(2, 6):
                for i in range(len(word) - size + 1):
                    remaining[word[i : i + size]] += min(count, 5)
                remaining[SPACE + word[:size]] += min(count, 5)
    letters = Counter(itertools.chain.from_iterable(p.strip(SPACE) for p in counts))
    chars = [c for c, n in letters.most_common() if n >= 20 or c.isascii()]
    sub = [*chars, *(SPACE + c for c in chars if SPACE + c not in tokens)]
    sub += [f"{i:02d}" for i in range(100)] + [SPACE]
    for token, _ in remaining.most_common():
        if len(tokens) + len(sub) >= args.tokens - 1:
            break
        if token not in tokens:
            sub.append(token)

    total = sum(tokens.values())
    scores = {p: math.log(n / total) for p, n in tokens.items()}
    floor = min(scores.values())
    # A sequence of characters costs more than any word: whole words win, then the fewest tokens.
    vocabulary = [("<unk>", 0.0), *sorted(scores.items(), key=lambda item: (-item[1], item[0]))]
    vocabulary += [(p, floor - 8.0 - 0.001 * i) for i, p in enumerate(dict.fromkeys(sub)) if p not in scores]

    tokenizer = Tokenizer(models.Unigram([(p, round(s, 4)) for p, s in vocabulary], unk_id=0, byte_fallback=False))
    tokenizer.normalizer = normalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme="always", split=False)
    tokenizer.decoder = decoders.Metaspace(replacement=SPACE, prepend_scheme="always", split=False)
    tokenizer.save(str(args.work / "tokenizer.json"), pretty=False)
    print(f"{len(vocabulary)} tokens: {len(single)} syllables seen, {len(multi)} words seen")
    for text in ("Hoà bình khu vực phòng thủ 11,5 tỷ", "khu vuc phong thu nam 2017", "How many people?"):
        print(tokenizer.encode(text, add_special_tokens=False).tokens)


if __name__ == "__main__":
    main()
