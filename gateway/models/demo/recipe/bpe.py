"""A byte-level BPE tokenizer as llama.cpp's 'gpt-2' pre-tokenizer runs it: trained here, exported into the GGUF."""
import re
from collections import Counter

# GPT-2's pattern with \\p{L} and \\p{N} written for Python's re.
PATTERN = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")
CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
USER_DEFINED = ["<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>"]
SPLIT_SPECIAL = re.compile("(" + "|".join(re.escape(t) for t in CONTROL + USER_DEFINED) + ")")


def byte_symbols():
    printable = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    symbols, shift = {}, 0
    for b in range(256):
        if b in printable:
            symbols[b] = chr(b)
        else:
            symbols[b] = chr(256 + shift)
            shift += 1
    return symbols


SYMBOLS = byte_symbols()


class Bpe:
    def __init__(self, merges):
        self.merges = merges
        self.ranks = {pair: i for i, pair in enumerate(merges)}
        self.tokens = [SYMBOLS[b] for b in range(256)] + [a + b for a, b in merges] + CONTROL + USER_DEFINED
        self.ids = {t: i for i, t in enumerate(self.tokens)}
        self.cache = {}

    def word(self, word):
        if word not in self.cache:
            parts = [SYMBOLS[b] for b in word.encode()]
            while len(parts) > 1:
                ranked = [(self.ranks.get((a, b), 1 << 30), i) for i, (a, b) in enumerate(zip(parts, parts[1:]))]
                rank, i = min(ranked)
                if rank == 1 << 30:
                    break
                parts[i:i + 2] = [parts[i] + parts[i + 1]]
            self.cache[word] = [self.ids[p] for p in parts]
        return self.cache[word]

    def encode(self, text):
        out = []
        for piece in SPLIT_SPECIAL.split(text):
            if piece in self.ids and SPLIT_SPECIAL.fullmatch(piece):
                out.append(self.ids[piece])
            elif piece:
                for word in PATTERN.findall(piece):
                    out.extend(self.word(word))
        return out


def train(texts, size):
    """Merges until the vocabulary has the size. Digits are never merged with letters; all digit pairs are merged."""
    merges = [(a, b) for a in "0123456789" for b in "0123456789"]
    counts = Counter()
    for text in texts:
        for piece in SPLIT_SPECIAL.split(text):
            if piece and not SPLIT_SPECIAL.fullmatch(piece):
                counts.update(w for w in PATTERN.findall(piece) if not any(c.isdigit() for c in w))
    words = [([SYMBOLS[b] for b in w.encode()], n) for w, n in counts.items()]
    while 256 + len(merges) + len(CONTROL) + len(USER_DEFINED) < size:
        pairs = Counter()
        for parts, n in words:
            for pair in zip(parts, parts[1:]):
                pairs[pair] += n
        if not pairs:
            break
        best = max(pairs, key=lambda p: (pairs[p], p))
        merges.append(best)
        for parts, _ in words:
            i = 0
            while i < len(parts) - 1:
                if (parts[i], parts[i + 1]) == best:
                    parts[i:i + 2] = [best[0] + best[1]]
                i += 1
    return Bpe(merges)
