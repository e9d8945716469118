"""Writes held-out tickets with the calls and answers that are right: heldout.py COUNT [SEED [wide]] > ../heldout.jsonl"""
import json
import random
import sys

import tickets

split = sys.argv[3] if len(sys.argv) > 3 else "heldout"
rng = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 4711)
for _ in range(int(sys.argv[1])):
    conv = tickets.ticket(rng, split)
    while not conv["tools"]:
        conv = tickets.ticket(rng, split)
    print(json.dumps({
        "intent": conv["intent"], "tools": conv["tools"],
        "messages": [{"role": role, "content": content} for role, content in conv["messages"]]}, ensure_ascii=False))
