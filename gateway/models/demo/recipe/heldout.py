"""Writes held-out tickets with the calls and answers that are right: heldout.py COUNT [SEED] > ../heldout.jsonl"""
import json
import random
import sys

import tickets

rng = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 4711)
for _ in range(int(sys.argv[1])):
    conv = tickets.ticket(rng, "heldout")
    while not conv["tools"]:
        conv = tickets.ticket(rng, "heldout")
    print(json.dumps({
        "intent": conv["intent"], "tools": conv["tools"],
        "messages": [{"role": role, "content": content} for role, content in conv["messages"]]}, ensure_ascii=False))
