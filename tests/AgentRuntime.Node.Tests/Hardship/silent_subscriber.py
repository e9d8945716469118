"""Subscribes and never reads: silent_subscriber.py ENDPOINT"""
import sys
import threading

import zmq

socket = zmq.Context().socket(zmq.SUB)
socket.rcvhwm = 1
socket.rcvbuf = 4096
socket.subscribe(b"")
socket.connect(sys.argv[1])
print("ready", flush=True)
threading.Event().wait(60)
