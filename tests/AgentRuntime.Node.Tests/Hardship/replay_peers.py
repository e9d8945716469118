"""Asks for all as so many peers that read nothing, then as one that reads: replay_peers.py ENDPOINT SILENT"""
import sys
import threading

import zmq

context = zmq.Context()
everything = [b"", (0).to_bytes(8, "big")]
silent = []
for _ in range(int(sys.argv[2])):
    peer = context.socket(zmq.DEALER)
    peer.rcvhwm = 1
    peer.rcvbuf = 4096
    peer.connect(sys.argv[1])
    peer.send_multipart(everything)
    silent.append(peer)
reader = context.socket(zmq.DEALER)
reader.connect(sys.argv[1])
reader.send_multipart(everything)
numbers = []
while reader.poll(60000):
    number = int.from_bytes(reader.recv_multipart()[-2], "big", signed=True)
    if number == -1:
        print("in order" if numbers == list(range(len(numbers))) else "out of order", len(numbers), flush=True)
        break
    numbers.append(number)
threading.Event().wait(60)
