"""python3-grpcio as a client of vllm.grpc.engine.VllmEngine: vllm_client.py GRPC_PORT HTTP_PORT CONTEXT_TOKENS

Prints one line a check: "NAME ok" or "NAME reason". The messages come from their descriptors. Where a request is to be
under way still, its answer is as long as the context allows: so long that it has not come to its end when this process
has stood still for some seconds.
"""
import base64
import hashlib
import io
import json
import os
import sys
import threading
import time
import urllib.request
import zipfile

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

pool = descriptor_pool.DescriptorPool()
for text in os.environ["DESCRIPTORS"].split(","):
    pool.Add(descriptor_pb2.FileDescriptorProto.FromString(base64.b64decode(text)))
factory = message_factory.MessageFactory(pool)
ENGINE, COMMON = "vllm.grpc.engine.", "smg.grpc.common."


def message(name):
    return factory.GetPrototype(pool.FindMessageTypeByName(name))


Generate, Params, Tokens = (message(ENGINE + n) for n in ("GenerateRequest", "SamplingParams", "TokenizedInput"))
LONG = "the order of the river and the small green stone letter to the morning " * 12


class Checks:
    def __init__(self, grpc_port, http_port, context):
        self.http_port = http_port
        self.context = int(context)
        self.endless = self.context - 100
        channel = grpc.insecure_channel(f"127.0.0.1:{grpc_port}")

        def method(name, request, response, stream=False):
            kind = channel.unary_stream if stream else channel.unary_unary
            return kind(f"/{ENGINE}VllmEngine/{name}", message(request).SerializeToString,
                        message(response).FromString)

        self.generate = method("Generate", ENGINE + "GenerateRequest", ENGINE + "GenerateResponse", True)
        self.calls = {n: method(n, f"{ENGINE}{n}Request", f"{ENGINE}{n}Response")
                      for n in ("Abort", "HealthCheck", "GetModelInfo", "GetServerInfo", "GetLoads")}
        self.tokenizer = method("GetTokenizer", COMMON + "GetTokenizerRequest", COMMON + "GetTokenizerChunk", True)
        self.events = method("SubscribeKvEvents", COMMON + "SubscribeKvEventsRequest", COMMON + "KvEventBatch", True)
        self.health = channel.unary_unary("/grpc.health.v1.Health/Check",
                                          message("grpc.health.v1.HealthCheckRequest").SerializeToString,
                                          message("grpc.health.v1.HealthCheckResponse").FromString)
        self.number = 0

    def _call(self, name, **fields):
        return self.calls[name](message(f"{ENGINE}{name}Request")(**fields), timeout=20)

    def _id(self):
        self.number += 1
        return f"request-{self.number}"

    def _request(self, text="the order of the river", stream=True, tokens=None, **params):
        params = {"temperature": 0, "top_p": 1, "repetition_penalty": 1, "n": 1, "max_tokens": 24,
                  "ignore_eos": True, **params}
        request = Generate(request_id=self._id(), stream=stream, sampling_params=Params(**params))
        if tokens is None:
            request.text = text
        else:
            request.tokenized.input_ids.extend(tokens)
        return request

    def _run(self, request, timeout=60):
        chunks, complete = [], []
        for response in self.generate(request, timeout=timeout):
            (chunks if response.WhichOneof("response") == "chunk" else complete).append(
                response.chunk if response.WhichOneof("response") == "chunk" else response.complete)
        return chunks, complete

    def _post(self, path, body):
        call = urllib.request.Request(f"http://127.0.0.1:{self.http_port}{path}", json.dumps(body).encode(),
                                      {"Content-Type": "application/json"})
        return json.load(urllib.request.urlopen(call, timeout=60))

    def _load(self):
        return self._call("GetLoads").loads[0]

    def _idle(self):
        for _ in range(400):
            if self._load().num_total_reqs == 0:
                return
            time.sleep(0.05)
        raise AssertionError("requests are left")

    def tokens_equal_those_over_http(self):
        chunks, (complete,) = self._run(self._request())
        answer = self._post("/v1/completions", {
            "model": "demo", "prompt": "the order of the river", "max_tokens": 24, "temperature": 0, "ignore_eos": True})
        ids = [t for c in chunks for t in c.token_ids]
        assert ids == list(complete.output_ids) and len(ids) == 24, (ids, complete)
        text = self._post("/detokenize", {"tokens": ids})["prompt"]
        assert text == answer["choices"][0]["text"], (text, answer)
        assert complete.prompt_tokens == answer["usage"]["prompt_tokens"]
        assert complete.completion_tokens == 24 and complete.finish_reason == "length"

    def token_ids_are_a_prompt(self):
        ids = self._post("/tokenize", {"prompt": "the order of the river"})["tokens"]
        by_text, by_ids = (self._run(r)[1][0] for r in (self._request(), self._request(tokens=ids)))
        assert by_text.output_ids == by_ids.output_ids
        assert by_text.prompt_tokens == by_ids.prompt_tokens == len(ids)

    def without_stream_only_the_whole_comes(self):
        chunks, (complete,) = self._run(self._request(stream=False))
        assert not chunks and len(complete.output_ids) == 24

    def several_choices_are_told_apart(self):
        chunks, complete = self._run(self._request(n=3, temperature=1, seed=7))
        assert sorted(c.index for c in complete) == [0, 1, 2]
        for c in complete:
            assert [t for k in chunks if k.index == c.index for t in k.token_ids] == list(c.output_ids)
        assert len({tuple(c.output_ids) for c in complete}) > 1
        again = self._run(self._request(n=3, temperature=1, seed=7))[1]
        key = lambda c: c.index  # noqa: E731
        assert [c.output_ids for c in sorted(complete, key=key)] == [c.output_ids for c in sorted(again, key=key)]

    def stops_are_matched(self):
        whole = self._run(self._request())[1][0]
        token = whole.output_ids[3]
        first = list(whole.output_ids).index(token)
        stopped = self._run(self._request(stop_token_ids=[token]))[1][0]
        assert stopped.finish_reason == "stop" and stopped.matched_token_id == token
        assert list(stopped.output_ids) == list(whole.output_ids)[:first + 1]
        text = self._post("/detokenize", {"tokens": list(whole.output_ids)})["prompt"]
        stop = text[4:7]
        stopped = self._run(self._request(stop=[stop]))[1][0]
        assert stopped.matched_stop_str == stop and len(stopped.output_ids) < 24

    def log_probabilities_come_with_their_tokens(self):
        chunks, (complete,) = self._run(self._request(logprobs=3, max_tokens=4))
        probabilities = complete.output_logprobs
        assert list(probabilities.token_ids) == list(complete.output_ids)
        assert all(p <= 0 for p in probabilities.token_logprobs)
        assert all(len(t.token_ids) == 3 and t.token_ids[0] == i
                   for t, i in zip(probabilities.top_logprobs, probabilities.token_ids))
        assert len(chunks[0].output_logprobs.token_ids) == 1

    def a_schema_binds_the_answer(self):
        schema = json.dumps({"type": "object", "properties": {"n": {"enum": [1, 2]}}, "required": ["n"],
                             "additionalProperties": False})
        complete = self._run(self._request(json_schema=schema, ignore_eos=False, max_tokens=60))[1][0]
        text = self._post("/detokenize", {"tokens": list(complete.output_ids)[:-1]})["prompt"]
        assert json.loads(text)["n"] in (1, 2), text

    def a_second_run_is_cached(self):
        request = self._request(LONG)
        cold = self._run(request)[1][0]
        request.request_id = self._id()
        warm = self._run(request)[1][0]
        assert warm.cached_tokens > cold.cached_tokens and warm.output_ids == cold.output_ids

    def a_salt_isolates(self):
        request = self._request(LONG + "salted")
        request.cache_salt = "a"
        self._run(request)
        request.request_id, request.cache_salt = self._id(), "b"
        assert self._run(request)[1][0].cached_tokens == 0

    def abort_ends_a_request_and_frees_it(self):
        request = self._request(max_tokens=self.endless)
        call = self.generate(request, timeout=60)
        assert next(call).chunk.token_ids
        self._call("Abort", request_ids=[request.request_id, "unknown"])
        last = [r for r in call][-1].complete
        assert last.finish_reason == "abort" and 0 < last.completion_tokens < self.endless
        self._idle()

    def cancel_frees(self):
        call = self.generate(self._request(max_tokens=self.endless), timeout=60)
        next(call)
        call.cancel()
        self._idle()

    def a_deadline_is_kept_and_frees(self):
        try:
            self._run(self._request(max_tokens=self.endless), timeout=0.1)
            raise AssertionError("did not fail")
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED, error.code()
        self._idle()

    def refusals_have_codes(self):
        def refused(code, reason, request):
            try:
                self._run(request)
            except grpc.RpcError as error:
                trailers = dict(error.trailing_metadata())
                assert (error.code(), trailers.get("x-agentruntime-code")) == (code, reason), (error, trailers)
                return
            raise AssertionError("did not fail")

        invalid = grpc.StatusCode.INVALID_ARGUMENT
        refused(invalid, "AR4006", self._request(LONG * (self.context // 50)))
        refused(invalid, "AR1004", self._request(tokens=[4000000000]))
        refused(invalid, "AR1004", self._request(temperature=-1))
        refused(invalid, "AR1004", self._request(grammar="root ::= ("))
        refused(invalid, "AR1010", self._request(regex="(?=a)"))
        refused(invalid, "AR1004", Generate(text="no id"))
        refused(invalid, "AR1004", Generate(request_id="no-input"))
        broken = self._request()
        broken.kv_transfer_params_json = "[]"
        refused(invalid, "AR1004", broken)
        adapter = self._request()
        adapter.lora_name = "nobody serves this"
        refused(grpc.StatusCode.NOT_FOUND, "AR4012", adapter)

    def one_id_runs_once(self):
        request = self._request(max_tokens=self.endless)
        call = self.generate(request, timeout=60)
        next(call)
        try:
            self._run(request)
            raise AssertionError("did not fail")
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
        call.cancel()
        self._idle()

    def prefill_leaves_a_handoff(self):
        request = self._request(LONG, max_tokens=1, stream=False)
        request.kv_transfer_params_json = json.dumps({"do_remote_decode": True, "do_remote_prefill": False})
        complete = self._run(request)[1][0]
        handoff = json.loads(complete.kv_transfer_params_json)
        assert handoff["do_remote_prefill"] and handoff["remote_port"] == int(self.http_port)
        decode = self._request(LONG, stream=False)
        decode.kv_transfer_params_json = complete.kv_transfer_params_json
        plain = self._run(self._request(LONG, stream=False))[1][0]
        assert self._run(decode)[1][0].output_ids == plain.output_ids

    def the_engine_describes_itself(self):
        assert self._call("HealthCheck").healthy
        model, server, load = self._call("GetModelInfo"), self._call("GetServerInfo"), self._load()
        assert model.is_generation and model.max_context_length == self.context and model.vocab_size > 256
        assert server.kv_engine_id.startswith("node-") and server.kv_role == "kv_both"
        assert load.max_total_num_tokens >= 4096 and load.max_running_requests == 4
        assert self.health(message("grpc.health.v1.HealthCheckRequest")(service=ENGINE + "VllmEngine")).status == 1

    def the_tokenizer_is_an_archive(self):
        chunks = list(self.tokenizer(message(COMMON + "GetTokenizerRequest")(), timeout=20))
        data = b"".join(c.data for c in chunks)
        assert chunks[-1].sha256 == hashlib.sha256(data).hexdigest()
        assert not any(c.sha256 for c in chunks[:-1])
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            assert json.loads(archive.read("tokenizer_config.json"))["model_max_length"] == self.context
            assert archive.read("tokenizer.gguf")[:4] == b"GGUF"

    def events_tell_what_is_cached(self):
        subscribe = message(COMMON + "SubscribeKvEventsRequest")
        call = self.events(subscribe(), timeout=30)
        ids = self._post("/tokenize", {"prompt": "a new text " + LONG})["tokens"]
        self._run(self._request(tokens=ids))
        known, numbers, whole = {}, [], len(ids) // 16 * 16

        def chain(block):
            tokens = []
            while block is not None:
                block, own = known[block]
                tokens[:0] = own
            return tokens

        def is_known():
            end = tuple(ids[whole - 16:whole])
            return any(chain(block) == ids[:whole] for block, (_, own) in known.items() if own == end)

        for batch in call:
            numbers.append(batch.sequence_number)
            for event in batch.events:
                parent = event.stored.parent_block_hash if event.stored.HasField("parent_block_hash") else None
                for block in event.stored.blocks:
                    known[block.block_hash] = (parent, tuple(block.token_ids))
                    parent = block.block_hash
                for block in event.removed.block_hashes:
                    del known[block]
            if is_known():
                break
        assert numbers == list(range(len(numbers))), numbers
        call.cancel()
        resumed = self.events(subscribe(start_sequence_number=numbers[-1]), timeout=30)
        assert next(resumed).sequence_number == numbers[-1]
        resumed.cancel()


checks = Checks(*sys.argv[1:4])
for name in [n for n in vars(Checks) if not n.startswith("_")]:
    try:
        getattr(checks, name)()
        print(name, "ok", flush=True)
    except Exception as error:  # a failed check is a line of the report, whatever it was
        print(name, repr(error).replace("\n", " "), flush=True)
