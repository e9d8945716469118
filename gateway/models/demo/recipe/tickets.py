"""Synthetic shop conversations: a ticket, tool calls, tool results, an answer.

Disjoint sets of wordings, names and items: 'train', 'heldout' and 'wide', which has more of them and was written later, to
see how far the model goes beyond what it knows. Numbers are drawn, so they differ everywhere.
"""
import json
import random

from wordings import (
    CLOSINGS, CODAS, COMPLAINTS, DELETIONS, DEMANDS, FIRST, ITEMS, KINDS, LAST, NOUNS, NUMBERS, ONSETS, OPENINGS,
    OTHER_ANSWER, PARTS, PREFIXES, QUESTIONS, REFUSALS, STATES, SYLLABLES, SYSTEMS, VOWELS, WORDS)

# The share of names, items and wordings that are put together from parts.
INVENTED = 0.0


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def call(name, arguments):
    return "<tool_call>" + compact({"name": name, "arguments": arguments}) + "</tool_call>"


def number(rng, digits):
    return "".join(rng.choice("0123456789") for _ in range(digits))


def invent(rng, least, most):
    if rng.random() < 0.6:
        parts = [rng.choice(ONSETS) + rng.choice(VOWELS) + rng.choice(CODAS) for _ in range(rng.randint(max(1, least), max(2, most - 1)))]
    else:
        parts = [rng.choice(SYLLABLES) for _ in range(rng.randint(least, most))] + [rng.choice(["", "", "n", "s", "r", "t", "nd", "ck"])]
    if rng.random() < 0.35:
        # As in Yamamoto or feeder: what follows a part is another the second time.
        again = rng.choice(parts)
        parts.insert(rng.randint(0, len(parts)), again[:rng.randint(1, len(again))] if again else "e")
    return "".join(parts)


def spelled(rng):
    """A name; some are double, some begin as names of some languages do."""
    name, kind = invent(rng, 1, 4).capitalize(), rng.random()
    if kind < 0.1:
        return name + "-" + invent(rng, 1, 3).capitalize()
    if kind < 0.2:
        return rng.choice(["O'", "D'", "N'", "Mc", "Mac", "Al-", "El-"]) + name
    return rng.choice(["van ", "de ", "de la ", "van der ", "di ", "bin "]) + name if kind < 0.25 else name


def thing(rng):
    """An item by words that exist."""
    noun, kind = rng.choice(NOUNS), rng.choice(KINDS)
    return rng.choice([f"{kind} {noun}", f"{rng.choice(NOUNS)} {noun}", f"{kind} {rng.choice(NOUNS)} {noun}", f"{kind}-{noun} {rng.choice(NOUNS)}",
                       f"set of {rng.choice(NUMBERS)} {noun}s", f"{rng.choice(NUMBERS)} {kind} {noun}s", f"pair of {noun}s", f"{noun}'s {rng.choice(NOUNS)}",
                       f"{noun} for {rng.choice(NUMBERS)}", noun])


def refusal(rng, tool, amount):
    """Why a call was not made, as the platform says it or in short."""
    if rng.random() < 0.4:
        return rng.choice(REFUSALS)
    agent = rng.choice(["demo/triage", "shop/desk", f"{invent(rng, 1, 2)}/{invent(rng, 1, 3)}"])
    tool = tool.replace("__", "/")
    why = rng.choice([": refunds above 50.00 are for the service desk", "", ": ask the service desk", f": {rng.choice(WORDS)} {rng.choice(WORDS)} first"])
    if amount is not None and rng.random() < 0.7:
        most = rng.choice([500, 1000, 2000, 5000, 10000, rng.randint(1, max(1, amount))])
        return f"refused AR2002: the agent '{agent}' may call '{tool}' only with amount_cents at most {most}, and amount_cents is {amount}{why}"
    return rng.choice([f"refused AR2002: the agent '{agent}' is not granted the tool '{tool}'{why}",
                       f"refused AR2005: nobody approved the call of '{tool}' in time", f"refused AR2005: a person denied the call{why}",
                       f"refused AR5004: the tool '{tool}' did not answer within 10 s", f"refused AR2003: a rule forbids '{tool}'{why}"])


def wording(rng, split, kind):
    """A sentence from a list, or one put together from parts."""
    lists = {"refund": DEMANDS, "delete": DELETIONS, "question": QUESTIONS}[kind]
    if split != "train" or rng.random() >= INVENTED:
        return rng.choice(lists[split])
    while True:
        parts = PARTS[rng.choice([k for k in PARTS if k.startswith(kind)])]
        text = " ".join(p for p in (rng.choice(part.split("|")) for part in parts) if p).replace(" ,", ",")
        text += "?" if kind == "question" or text.startswith("C") else rng.choice([".", ".", "!"])
        if text not in lists["heldout"] + lists["wide"]:
            return text


def conversation(rng, split):
    """One conversation: dict with messages, tools, intent."""
    kind = rng.random()
    return draft(rng, split) if kind < 0.22 else other(rng, split) if kind < 0.26 else ticket(rng, split)


def other(rng, split):
    """Anything that is no ticket: the model says what it is."""
    words = [rng.choice(WORDS) for _ in range(rng.choice([1, 1, 2, 3, 5, 8, 13, 30]))]
    text = " ".join(words).capitalize() + rng.choice(["", ".", "?", "!"])
    system = rng.choice(["", "Say in one sentence what the text is about.", "You are a helpful assistant.", *SYSTEMS])
    messages = ([("system", system)] if system else []) + [("user", text), ("assistant", OTHER_ANSWER)]
    return pack(messages, [], "other", split)


def draft(rng, split):
    """The agent has called the tools itself and wants the answer only."""
    conv = ticket(rng, split)
    user = conv["messages"][1][1]
    name = user[len("Customer: "):user.index(" (")]
    order, text = user.split("\nOrder: ")[1].split("\nTicket: ")
    text, found = text.split("\nAsked: ")[0], "unknown"
    done = []
    for (_, said), (role, result) in zip(conv["messages"][2:], conv["messages"][3:]):
        if role != "tool":
            continue
        arguments = json.loads(said[len("<tool_call>"):-len("</tool_call>")])
        tool, arguments = arguments["name"].split("__")[-1], arguments["arguments"]
        ok = result.startswith("{")
        if tool == "lookup_order" and ok:
            found = result
        what = {"lookup_order": f"look up {order}", "refund": f"refund {arguments.get('amount_cents')} cents of {order}",
                "delete_customer": f"delete {arguments.get('customer_id')}"}[tool]
        done.append(f"- {what}: {'ok' if ok else result if result.startswith('refused') else 'refused ' + result}\n")
    if conv["intent"] == "refund" and found == "unknown" and rng.random() < 0.7:
        done.append(f"- refund of {rng.randint(100, 60000)} cents not asked for: the order was not found\n")
    if conv["intent"] == "delete":
        if not done:
            return draft(rng, split)
        # The agent looks the order up before it does anything else.
        if rng.random() < 0.8:
            found = compact({"order_id": order, "customer_id": "CUS-" + number(rng, 3), "customer": name,
                             "item": rng.choice(ITEMS[split]), "total_cents": rng.randint(300, 60000),
                             "status": rng.choice(list(STATES)), "refunded_cents": 0})
            done.insert(0, f"- look up {order}: ok\n")
    prompt = f"Customer: {name}\nTicket: {text}\nOrder: {found}\nWhat was done:\n{''.join(done)}Reply:"
    answer = conv["messages"][-1][1]
    return pack([("system", rng.choice(SYSTEMS[1:])), ("user", prompt), ("assistant", answer)], [], "draft", split)


def ticket(rng, split):
    """A ticket that the model handles with tools."""
    # Held-out conversations use held-out names, items and wordings only.
    name = rng.choice(FIRST[split]) + " " + rng.choice(LAST[split])
    item = rng.choice(ITEMS[split])
    if split == "train" and rng.random() < INVENTED:
        name = " ".join(spelled(rng) for _ in range(2))
        if rng.random() < 0.7:
            extra = rng.choice(["", "", f" {invent(rng, 1, 3)}", f", {rng.choice('SML')}", f", {rng.randint(1, 99)}",
                                f", {rng.randint(1, 9)} {rng.choice(['m', 'kg', 'l', 'cm', 'W'])}"])
            item = rng.choice([thing(rng), thing(rng), thing(rng), thing(rng), invent(rng, 1, 4), f"{invent(rng, 1, 3)} {rng.choice(['lamp', 'box', 'set', 'mat', 'cup', 'pump', 'knife'])}",
                               f"{rng.choice(['steel', 'wooden', 'small', 'red', 'electric'])} {invent(rng, 2, 3)}",
                         f"{invent(rng, 1, 3)}-{invent(rng, 1, 2)}", f"{invent(rng, 1, 2)}-{invent(rng, 1, 2)} {invent(rng, 1, 3)}",
                         f"{invent(rng, 1, 3)}'s {invent(rng, 1, 3)}", f"{rng.choice('abcjtuvx')}-{invent(rng, 1, 3)}"]).capitalize() + extra
    short = item.split(",")[0].lower()
    order = rng.choice(["ORD-"] * 9 + ["A-"]) + number(rng, 4)
    customer = "CUS-" + number(rng, 3)
    prefix = rng.choice(PREFIXES)
    intent = rng.choices(["question", "refund", "delete"], [3, 5, 2])[0]
    offers_delete = rng.random() < 0.6
    asked = None
    total = rng.randint(300, 60000) if rng.random() < 0.7 else rng.randint(5, 500) * 100 - rng.choice([0, 1, 10, 50])
    reason = None
    if intent == "refund":
        reason, complaint = rng.choice(COMPLAINTS[split])
        demand = wording(rng, split, "refund")
        parts = [complaint.format(it=short), demand.format(it=short)]
        if rng.random() < 0.15:
            parts.reverse()
        if rng.random() < 0.4:
            asked = rng.randint(100, max(101, total))
    elif intent == "question":
        parts = [wording(rng, split, "question").format(it=short)]
        if rng.random() < 0.2:
            parts.append(wording(rng, split, "question").format(it=short))
        if rng.random() < 0.15:
            # A complaint without a demand is no order to refund.
            parts.insert(0, rng.choice(COMPLAINTS[split])[1].format(it=short))
            parts = parts[:1] + ["Can you help?"] if rng.random() < 0.3 else parts
    else:
        parts = [wording(rng, split, "delete")]
        if rng.random() < 0.2:
            parts.append(wording(rng, split, "delete"))
    text = rng.choice(OPENINGS) + " ".join(parts) + rng.choice(CLOSINGS)

    user = f"Customer: {name} ({customer})\nOrder: {order}\nTicket: {text}"
    if asked is not None:
        user += f"\nAsked: {asked} cents"
    tools = [prefix + "lookup_order", prefix + "refund"] + ([prefix + "delete_customer"] if offers_delete else [])
    messages = [("system", rng.choice(SYSTEMS)), ("user", user)]

    def say(text):
        messages.append(("assistant", text))

    def refuse(tool, amount):
        return refusal(rng, prefix + tool, amount) if split == "train" else rng.choice(REFUSALS)

    def use(tool, arguments, result):
        say(call(prefix + tool, arguments))
        messages.append(("tool", result))

    if intent == "delete":
        if not offers_delete:
            say(f"Hello {name}, I cannot delete accounts myself. A colleague will do it for {customer}.")
        elif rng.random() < 0.6:
            use("delete_customer", {"customer_id": customer}, refuse("delete_customer", None))
            say(f"Hello {name}, I may not delete your account {customer}. A colleague will look at it.")
        else:
            use("delete_customer", {"customer_id": customer}, compact({"customer_id": customer, "deleted": True}))
            say(f"Hello {name}, your account {customer} and your data are deleted.")
        return pack(messages, tools, intent, split)

    missing = rng.random() < 0.12
    refunded = total if intent == "refund" and rng.random() < 0.08 else 0
    status = rng.choice(["delivered"] * 3 + ["shipped", "processing", "cancelled"])
    if missing:
        result = rng.choice([f"there is no order {order}", f"failed AR5003: there is no order {order}"])
    else:
        result = compact({
            "order_id": order, "customer_id": customer, "customer": name, "item": item, "total_cents": total,
            "status": status, "refunded_cents": refunded})
    use("lookup_order", {"order_id": order}, result)
    if missing:
        say(f"Hello {name}, I cannot find the order {order}. Please check the number.")
    elif intent == "question":
        say(f"Hello {name}, your order {order} ({item}) {STATES[status]}. A colleague will answer the rest.")
    elif refunded:
        say(f"Hello {name}, your order {order} ({item}) has been refunded already.")
    else:
        amount = asked if asked is not None else total
        arguments = {"order_id": order, "amount_cents": amount, "reason": reason}
        if rng.random() < 0.4:
            use("refund", arguments, refuse("refund", amount))
            say(f"Hello {name}, I may not refund {amount} cents for {order} myself. A colleague will look at it.")
        else:
            use("refund", arguments, compact({"order_id": order, "refunded_cents": amount}))
            say(f"Hello {name}, I have refunded {amount} cents for your order {order} ({item}).")
    return pack(messages, tools, intent, split)


def pack(messages, tools, intent, split):
    return {"messages": messages, "tools": tools, "intent": intent, "split": split}


PARAMETERS = {"lookup_order": "order_id", "refund": "order_id, amount_cents, reason", "delete_customer": "customer_id"}


def render(conv):
    """The conversation as (text, is_from_model) pieces, exactly as the node renders it for this model."""
    messages, pieces = conv["messages"], []
    if conv["tools"]:
        lines = ", ".join(f"{t}({PARAMETERS[t.split('__')[-1]]})" for t in conv["tools"])
        system = messages[0][1] + "\n" if messages[0][1] else ""
        pieces.append((f"<|im_start|>system\n{system}Tools: {lines}<|im_end|>\n", False))
        messages = messages[1:]
    for role, content in messages:
        if role == "system":
            pieces.append((f"<|im_start|>system\n{content}<|im_end|>\n", False))
        elif role == "user":
            pieces.append((f"<|im_start|>user\n{content}<|im_end|>\n", False))
        elif role == "tool":
            pieces.append((f"<|im_start|>user\n<tool_response>{content}</tool_response><|im_end|>\n", False))
        else:
            pieces.append(("<|im_start|>assistant\n", False))
            pieces.append((content + "<|im_end|>", True))
            pieces.append(("\n", False))
    return pieces


if __name__ == "__main__":
    generator = random.Random(1)
    for _ in range(4):
        print("".join(t for t, _ in render(conversation(generator, "train"))))
        print("-----")
