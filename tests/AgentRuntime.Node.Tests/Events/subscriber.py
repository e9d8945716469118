"""A subscriber as others write it (pyzmq, msgpack): prints what it hears as JSON lines. subscriber.py EVENTS REPLAY COUNT"""
import json
import sys

import msgpack
import zmq

context = zmq.Context()
live = context.socket(zmq.SUB)
live.setsockopt(zmq.SUBSCRIBE, b"")
live.connect(sys.argv[1])
print(json.dumps({"ready": True}), flush=True)
live.poll(20000) or sys.exit("nothing was published")
topic, sequence, payload = live.recv_multipart()
print(json.dumps({"live": int.from_bytes(sequence, "big"), "batch": msgpack.unpackb(payload)}), flush=True)
replay = context.socket(zmq.DEALER)
replay.connect(sys.argv[2])
replay.send_multipart([b"", (0).to_bytes(8, "big")])
while replay.poll(20000):
    frames = replay.recv_multipart()
    sequence = int.from_bytes(frames[-2], "big", signed=True)
    if sequence == -1:
        print(json.dumps({"end": True}), flush=True)
        break
    print(json.dumps({"replayed": sequence, "batch": msgpack.unpackb(frames[-1])}), flush=True)
context.destroy(linger=0)
