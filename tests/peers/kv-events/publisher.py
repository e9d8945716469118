"""Stands for vLLM's publisher of KV events: python3-zmq and python3-msgpack, driven by one JSON object a line.

Prints one JSON object for each line, and {"subscribed": true} when a subscriber has arrived. Ends with its input.
  {"op": "batch", "events": [...], "encoding": "map"|"array", "drop": bool, "keep": bool, "topic_in_replay": bool}
  {"op": "rewind"}    the sequence starts over, the connections stay
  {"op": "restart"}   as a new process on the same ports
"""
import json
import sys
import time

import msgpack
import zmq

STORED = ["block_hashes", "parent_block_hash", "token_ids", "block_size", "lora_id", "medium", "lora_name",
          "extra_keys", "group_idx", "kv_cache_spec_kind", "kv_cache_spec_sliding_window"]
REMOVED = ["block_hashes", "medium", "group_idx"]
FIELDS = {"BlockStored": STORED, "BlockRemoved": REMOVED, "AllBlocksCleared": []}


def hashed(value):
    return bytes.fromhex(value) if isinstance(value, str) else value


def event(source, encoding):
    source = dict(source)
    if "block_hashes" in source:
        source["block_hashes"] = [hashed(h) for h in source["block_hashes"]]
    if "parent_block_hash" in source:
        source["parent_block_hash"] = hashed(source["parent_block_hash"])
    if encoding == "map":
        return source
    values = [source["type"]] + [source.get(name) for name in FIELDS[source["type"]]]
    while len(values) > 1 and values[-1] is None:
        values.pop()
    return values


def payload(command):
    encoding = command.get("encoding", "map")
    events = [event(e, encoding) for e in command["events"]]
    if encoding == "map":
        return msgpack.packb({"ts": 1.5, "events": events, "data_parallel_rank": 0})
    return msgpack.packb([1.5, events, 0])


def bind(context, kind, port):
    socket = context.socket(kind)
    socket.setsockopt(zmq.LINGER, 0)
    for attempt in range(200):
        try:
            socket.bind(f"tcp://127.0.0.1:{port or '*'}")
            break
        except zmq.ZMQError:  # a closed socket gives its port back a little later
            time.sleep(0.02)
    return socket, int(socket.getsockopt(zmq.LAST_ENDPOINT).decode().rsplit(":", 1)[1].rstrip("\0"))


def main():
    context = zmq.Context()
    topic = b"kv@engine"
    # XPUB is PUB that tells when somebody subscribes.
    publisher, port = bind(context, zmq.XPUB, 0)
    replay, replay_port = bind(context, zmq.ROUTER, 0)
    sequence, kept, topic_in_replay = 0, [], True
    poller = zmq.Poller()

    def watch():
        for socket in (publisher, replay, sys.stdin.fileno()):
            poller.register(socket, zmq.POLLIN)

    def say(**what):
        print(json.dumps(what), flush=True)

    watch()
    say(publisher=port, replay=replay_port)
    while True:
        ready = dict(poller.poll())
        if publisher in ready and publisher.recv()[:1] == b"\x01":
            say(subscribed=True)
        if replay in ready:
            client, _, start = replay.recv_multipart()
            for number, body in kept:
                if number >= int.from_bytes(start, "big"):
                    head = [client, b""] + ([topic] if topic_in_replay else [])
                    replay.send_multipart(head + [number.to_bytes(8, "big"), body])
            replay.send_multipart([client, b"", (-1).to_bytes(8, "big", signed=True), b""])
        if sys.stdin.fileno() in ready:
            line = sys.stdin.buffer.raw.readline()
            if not line:
                return
            command = json.loads(line)
            if command["op"] == "batch":
                topic_in_replay = command.get("topic_in_replay", True)
                body = bytes.fromhex(command["raw"]) if "raw" in command else payload(command)
                if command.get("keep", True):
                    kept.append((sequence, body))
                if not command.get("drop"):
                    publisher.send_multipart([topic, sequence.to_bytes(8, "big"), body])
                say(sequence=sequence)
                sequence += 1
            else:
                sequence, kept = 0, []
                if command["op"] == "restart":
                    for socket in (publisher, replay):
                        poller.unregister(socket)
                        socket.close()
                    publisher, port = bind(context, zmq.XPUB, port)
                    replay, replay_port = bind(context, zmq.ROUTER, replay_port)
                    watch()
                say(restarted=True)


main()
