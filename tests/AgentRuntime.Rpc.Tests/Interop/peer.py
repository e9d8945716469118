"""Both sides of gRPC by python3-grpcio.

peer.py client PORT TLS_PORT PEM   calls the echo service and prints one line a check: "NAME ok" or "NAME reason"
peer.py server [gzip]              serves it, prints "port N", ends when standard input closes or it is killed
"""
import base64
import os
import sys
import threading
import time
from concurrent import futures

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

pool = descriptor_pool.DescriptorPool()
for text in os.environ["DESCRIPTORS"].split(","):
    pool.Add(descriptor_pb2.FileDescriptorProto.FromString(base64.b64decode(text)))
factory = message_factory.MessageFactory(pool)


def message(name):
    return factory.GetPrototype(pool.FindMessageTypeByName(name))


Ask, Answer = message("interop.Ask"), message("interop.Answer")
HealthAsk, HealthAnswer = message("grpc.health.v1.HealthCheckRequest"), message("grpc.health.v1.HealthCheckResponse")
SERVICE = "/interop.Echo/"
BIG = bytes(range(256)) * 12000  # three million bytes: many DATA frames


class Client:
    def __init__(self, channel):
        def call(kind, name, request=Ask, response=Answer):
            path = name if name.startswith("/") else SERVICE + name
            return getattr(channel, kind)(path, request.SerializeToString, response.FromString)

        self.say = call("unary_unary", "Say")
        self.count = call("unary_stream", "Count")
        self.sum = call("stream_unary", "Sum")
        self.chat = call("stream_stream", "Chat")
        self.seen = call("unary_unary", "Seen")
        self.absent = call("unary_unary", "Absent")
        self.check = call("unary_unary", "/grpc.health.v1.Health/Check", HealthAsk, HealthAnswer)
        self.watch = call("unary_stream", "/grpc.health.v1.Health/Watch", HealthAsk, HealthAnswer)
        self.two = channel.stream_unary(SERVICE + "Say", Ask.SerializeToString, Answer.FromString)
        self.garbage = channel.unary_unary(SERVICE + "Say", lambda b: b, Answer.FromString)


def fails(code, run):
    try:
        run()
    except grpc.RpcError as error:
        assert error.code() == code, (error.code(), error.details())
        return error
    raise AssertionError("did not fail")


class Checks:
    def __init__(self, client, plain):
        self.c = client
        self.plain = plain

    def unary(self):
        answer = self.c.say(Ask(text="grüße", payload=b"\0\1"), timeout=10)
        assert (answer.text, answer.payload) == ("grüße", b"\0\1"), answer

    def an_empty_message(self):
        assert self.c.say(Ask(), timeout=10) == Answer()

    def a_large_message(self):
        assert self.c.say(Ask(payload=BIG), timeout=30).payload == BIG

    def gzip_both_ways(self):
        answer = self.c.say(Ask(payload=BIG), timeout=30, compression=grpc.Compression.Gzip)
        assert answer.payload == BIG

    def deflate_is_refused(self):
        error = fails(grpc.StatusCode.UNIMPLEMENTED, lambda: self.c.say(
            Ask(payload=BIG), timeout=10, compression=grpc.Compression.Deflate))
        assert "deflate" in error.details(), error.details()

    def server_streaming(self):
        numbers = [a.number for a in self.c.count(Ask(count=500, payload=b"x" * 1000), timeout=30)]
        assert numbers == list(range(500))

    def client_streaming(self):
        assert self.c.sum((Ask(count=i) for i in range(100)), timeout=10).number == 4950

    def duplex(self):
        # Each request waits for the answer to the one before, so nothing may be held back.
        turn, seen = threading.Semaphore(1), []

        def asks():
            for i in range(20):
                turn.acquire()
                yield Ask(text=str(i))

        for answer in self.c.chat(asks(), timeout=10):
            seen.append(answer.text)
            turn.release()
        assert seen == [str(i) for i in range(20)], seen

    def metadata(self):
        sent = (("x-echo", "text"), ("x-echo-bin", b"\xff\x00\xfe\x01"))
        answer, call = self.c.say.with_call(Ask(text="m"), metadata=sent, timeout=10)
        assert ("x-echo", "text") in [tuple(m) for m in call.initial_metadata()], call.initial_metadata()
        assert ("x-echo-bin", b"\xff\x00\xfe\x01") in [tuple(m) for m in call.trailing_metadata()]

    def a_status_with_its_message(self):
        text = "100% ü\n\u20ac"
        error = fails(grpc.StatusCode.ABORTED, lambda: self.c.say(Ask(status=10, text=text), timeout=10))
        assert error.details() == text, repr(error.details())

    def a_status_after_messages(self):
        call, numbers = self.c.count(Ask(count=3, status=15, text="lost"), timeout=10), []

        def read():
            for answer in call:
                numbers.append(answer.number)

        error = fails(grpc.StatusCode.DATA_LOSS, read)
        assert (numbers, error.details()) == ([0, 1, 2], "lost"), (numbers, error.details())

    def a_bug_tells_nothing(self):
        error = fails(grpc.StatusCode.UNKNOWN, lambda: self.c.say(Ask(text="bug"), timeout=10))
        assert "secret" not in error.details(), error.details()

    def an_absent_method(self):
        fails(grpc.StatusCode.UNIMPLEMENTED, lambda: self.c.absent(Ask(), timeout=10))

    def two_requests_for_one(self):
        fails(grpc.StatusCode.UNIMPLEMENTED, lambda: self.c.two(iter([Ask(), Ask()]), timeout=10))

    def no_request_for_one(self):
        fails(grpc.StatusCode.UNIMPLEMENTED, lambda: self.c.two(iter([]), timeout=10))

    def garbage_for_a_message(self):
        fails(grpc.StatusCode.INTERNAL, lambda: self.c.garbage(b"\xff\xff\xff", timeout=10))

    def a_message_over_the_limit(self):
        fails(grpc.StatusCode.RESOURCE_EXHAUSTED, lambda: self.c.say(Ask(payload=b"x" * (5 << 20)), timeout=10))

    def a_gzip_bomb(self):
        fails(grpc.StatusCode.RESOURCE_EXHAUSTED, lambda: self.c.say(
            Ask(payload=b"x" * (64 << 20)), timeout=30, compression=grpc.Compression.Gzip))

    def a_deadline(self):
        fails(grpc.StatusCode.DEADLINE_EXCEEDED, lambda: self.c.say(Ask(wait_ms=20000), timeout=0.2))

    def a_deadline_ends_the_service(self):
        # Long enough for the service to have begun, of which its first answer tells.
        call = self.c.count(Ask(count=1000000, wait_ms=50), timeout=5)
        next(call)
        fails(grpc.StatusCode.DEADLINE_EXCEEDED, lambda: list(call))
        assert self.c.seen(Ask(), timeout=10).text == "Count"

    def cancel_ends_the_service(self):
        call = self.c.count(Ask(count=1000000, wait_ms=10), timeout=30)
        next(call)
        call.cancel()
        assert self.c.seen(Ask(), timeout=10).text == "Count"

    def cancel_ends_a_duplex(self):
        release = threading.Event()

        def asks():
            yield Ask(text="one")
            release.wait(20)

        call = self.c.chat(asks(), timeout=30)
        assert next(call).text == "one"
        call.cancel()
        release.set()
        assert self.c.seen(Ask(), timeout=10).text == "Chat"

    def health_check(self):
        assert self.c.check(HealthAsk(), timeout=10).status == 1
        fails(grpc.StatusCode.NOT_FOUND, lambda: self.c.check(HealthAsk(service="none"), timeout=10))

    def health_watch(self):
        call = self.c.watch(HealthAsk(service="none"), timeout=10)
        assert next(call).status == 3
        call.cancel()

    def many_calls_at_once(self):
        calls = [self.c.say.future(Ask(text=str(i), wait_ms=20), timeout=30) for i in range(300)]
        assert [c.result().text for c in calls] == [str(i) for i in range(300)]


def run_client(port, tls_port, pem):
    limit = [("grpc.max_receive_message_length", -1)]
    with open(pem, "rb") as file:
        credentials = grpc.ssl_channel_credentials(file.read())
    secure = grpc.secure_channel(f"localhost:{tls_port}", credentials, limit)
    checks = Checks(Client(grpc.insecure_channel(f"127.0.0.1:{port}", limit)), True)
    names = [n for n in vars(Checks) if not n.startswith("_")]
    jobs = [(n, getattr(checks, n)) for n in names] + [("over_tls", Checks(Client(secure), False).unary)]
    for name, check in jobs:
        try:
            check()
            print(name, "ok", flush=True)
        except Exception as error:  # a failed check is a line of the report, whatever it was
            print(name, repr(error).replace("\n", " "), flush=True)


class Service(grpc.GenericRpcHandler):
    def __init__(self):
        self.ended = threading.Semaphore(0)

    def service(self, details):
        name = details.method.rpartition("/")[2]
        kinds = {
            "Say": grpc.unary_unary_rpc_method_handler, "Count": grpc.unary_stream_rpc_method_handler,
            "Sum": grpc.stream_unary_rpc_method_handler, "Chat": grpc.stream_stream_rpc_method_handler,
            "Seen": grpc.unary_unary_rpc_method_handler, "Late": grpc.unary_unary_rpc_method_handler,
        }
        if name not in kinds:
            return None
        return kinds[name](getattr(self, name.lower()), Ask.FromString, Answer.SerializeToString)

    def say(self, ask, context):
        sent = context.invocation_metadata()
        context.send_initial_metadata([(k, v) for k, v in sent if k == "x-echo"])
        context.set_trailing_metadata([(k, v) for k, v in sent if k == "x-echo-bin"])
        time.sleep(ask.wait_ms / 1000)
        if ask.status:
            context.abort([c for c in grpc.StatusCode if c.value[0] == ask.status][0], ask.text)
        left = context.time_remaining()  # without a deadline None or the end of time
        return Answer(text=ask.text, payload=ask.payload, number=int(left) if left and left < 1e6 else -1)

    def count(self, ask, context):
        context.add_callback(lambda: None if context.code() else self.ended.release())
        for i in range(ask.count):
            if not context.is_active():
                return
            yield Answer(number=i, payload=ask.payload)
            time.sleep(ask.wait_ms / 1000)
        if ask.status:
            context.abort([c for c in grpc.StatusCode if c.value[0] == ask.status][0], ask.text)

    def sum(self, asks, context):
        total = 0
        for ask in asks:
            if ask.status:
                context.abort(grpc.StatusCode.OUT_OF_RANGE, ask.text)
            total += ask.count
        return Answer(number=total)

    def chat(self, asks, context):
        for ask in asks:
            yield Answer(text=ask.text)

    def seen(self, ask, context):
        assert self.ended.acquire(timeout=10)
        return Answer(text="Count")


def run_server(compression):
    service = Service()
    server = grpc.server(futures.ThreadPoolExecutor(8), handlers=[service], compression=compression)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print("port", port, flush=True)
    server.wait_for_termination()


if sys.argv[1] == "client":
    run_client(*sys.argv[2:5])
else:
    run_server(grpc.Compression.Gzip if "gzip" in sys.argv else grpc.Compression.NoCompression)
