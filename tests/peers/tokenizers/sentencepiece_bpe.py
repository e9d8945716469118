"""sentencepiece_bpe.py FILE    trains a byte-fallback BPE with SentencePiece itself, writes it as the tokenizer.json
that transformers makes of one (convert_slow_tokenizer.py) to FILE, and prints a line for each text: {text, tokens}."""
import io
import json
import random
import sys

import sentencepiece

chance = random.Random(3)
WORDS = ("the quick brown fox jumps over lazy dog agent runtime serves tokens from engines with policy and limits "
         "while streams go on elsewhere Hello world naive café über straße").split()
model = io.BytesIO()
sentencepiece.SentencePieceTrainer.train(
    sentence_iterator=iter(" ".join(chance.choice(WORDS) for _ in range(chance.randint(3, 14))) for _ in range(3000)),
    model_writer=model, vocab_size=600, model_type="bpe", byte_fallback=True, normalization_rule_name="identity",
    add_dummy_prefix=True, remove_extra_whitespaces=False, character_coverage=1.0, split_digits=True,
    allow_whitespace_only_pieces=True, hard_vocab_limit=False, minloglevel=2)
pieces = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
vocabulary = {pieces.id_to_piece(i): i for i in range(pieces.get_piece_size())}
merges = []
for piece, token in vocabulary.items():
    cuts = [(piece[:at], piece[at:]) for at in range(1, len(piece))]
    cuts = [(a, b, pieces.get_score(token)) for a, b in cuts if a in vocabulary and b in vocabulary]
    merges += sorted(cuts, key=lambda cut: (vocabulary[cut[0]], vocabulary[cut[1]]))
merges.sort(key=lambda cut: cut[2], reverse=True)


def added(token):
    return {"id": token, "content": pieces.id_to_piece(token), "single_word": False, "lstrip": False, "rstrip": False,
            "normalized": False, "special": True}


begin = pieces.bos_id()
with open(sys.argv[1], "w", encoding="utf-8") as file:
    json.dump({
        "version": "1.0",
        "added_tokens": [added(pieces.unk_id()), added(begin), added(pieces.eos_id())],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
        "pre_tokenizer": None,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [], "special_tokens": {"<s>": {"id": "<s>", "ids": [begin], "tokens": ["<s>"]}}},
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"},
            {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": True, "byte_fallback": True, "vocab": vocabulary,
                  "merges": [[a, b] for a, b, _ in merges]}}, file)
more = WORDS + ["日本", "😀", "\n", "  ", "123", "x=1;", "<unk"]
texts = [" ".join(chance.choice(more) for _ in range(chance.randint(1, 30))) for _ in range(400)] + ["the " * 5000]
for text in texts:
    print(json.dumps({"text": text, "tokens": [begin] + pieces.encode(text)}))
