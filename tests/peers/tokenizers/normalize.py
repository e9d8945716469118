"""Prints lines of {text, nfc, nfd} by Python's unicodedata: what decomposes or combines, and mixtures."""
import json
import random
import unicodedata

chance = random.Random(7)
single = [chr(c) for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF
          and (unicodedata.decomposition(chr(c)) and not unicodedata.decomposition(chr(c)).startswith("<")
               or unicodedata.combining(chr(c)))]
pool = single + [chr(c) for a, b in ((0x1100, 0x1113), (0x1161, 0x1176), (0x11A7, 0x11C3), (0xAC00, 0xAC40))
                 for c in range(a, b)] + list("abcAEIOUe o")
mixed = ["".join(chance.choice(pool) for _ in range(chance.randint(1, 9))) for _ in range(20000)]
for text in single + mixed:
    forms = [unicodedata.normalize(form, text) for form in ("NFC", "NFD")]
    print(json.dumps({"text": text, "nfc": forms[0], "nfd": forms[1]}))
