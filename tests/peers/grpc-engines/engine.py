"""An engine behind gRPC by python3-grpcio, with the behaviour of the servicers that vLLM and SGLang ship
(lightseekorg/smg: grpc_servicer) around a model that says what it is told.

engine.py vllm|sglang FOLDER    serves; FOLDER has the tokenizer's files. Prints a line of JSON for each event, first
                                {"event": "listening", "port": n}; ends when killed.

What is to be said is the JSON object behind the last "SAY " of the prompt: text; and of hang_after, die_after,
stop_after (tokens, then wait for cancellation, exit, end without a complete message), status, finish. Where the
prompt has the beginning of that text as the assistant's, the rest is said, without breaking off.
"""
import base64
import hashlib
import io
import json
import os
import sys
import threading
import time
import zipfile
from concurrent import futures

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.json_format import MessageToDict

dialect, folder = sys.argv[1:3]
pool = descriptor_pool.DescriptorPool()
for text in os.environ["DESCRIPTORS"].split(","):
    pool.Add(descriptor_pb2.FileDescriptorProto.FromString(base64.b64decode(text)))
factory = message_factory.MessageFactory(pool)
package = "vllm.grpc.engine" if dialect == "vllm" else "sglang.grpc.scheduler"
service = package + (".VllmEngine" if dialect == "vllm" else ".SglangScheduler")


def message(name, space=package):
    return factory.GetPrototype(pool.FindMessageTypeByName(f"{space}.{name}"))


def report(event, **more):
    sys.stdout.write(json.dumps({"event": event, **more}) + "\n")
    sys.stdout.flush()


class Model:
    """Reads and writes tokens of a byte-level vocabulary, by nothing but the vocabulary itself."""

    def __init__(self):
        with open(os.path.join(folder, "tokenizer.json"), encoding="utf-8") as file:
            tokenizer = json.load(file)
        characters, spare = {}, 256
        for byte in range(256):
            printable = 33 <= byte <= 126 or 161 <= byte <= 172 or byte >= 174
            characters[chr(byte if printable else spare)] = byte
            spare += not printable
        self.bytes = {}
        for text, token in tokenizer["model"]["vocab"].items():
            self.bytes[token] = bytes(characters[c] for c in text)
        for added in tokenizer["added_tokens"]:
            self.bytes[added["id"]] = added["content"].encode()
        self.tokens = {spelled: token for token, spelled in self.bytes.items()}
        self.longest = max(map(len, self.tokens))
        self.end = self.tokens[b"<|im_end|>"]

    def read(self, tokens):
        return b"".join(self.bytes[token] for token in tokens).decode()

    def write(self, text):
        data, at, tokens = text.encode(), 0, []
        while at < len(data):
            for length in range(min(self.longest, len(data) - at), 0, -1):
                if data[at : at + length] in self.tokens:
                    tokens.append(self.tokens[data[at : at + length]])
                    at += length
                    break
        return tokens


model = Model()


def archive():
    """build_tokenizer_zip: the files of a tokenizer, deflated."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as files:
        for name in sorted(os.listdir(folder)):
            files.write(os.path.join(folder, name), name)
    return buffer.getvalue()


def get_tokenizer(request, context):
    data, size = archive(), 64 * 1024
    Chunk = message("GetTokenizerChunk", "smg.grpc.common")
    for at in range(0, len(data), size):
        last = at + size >= len(data)
        yield Chunk(data=data[at : at + size], sha256=hashlib.sha256(data).hexdigest() if last else "")


def told(prompt):
    at = prompt.rfind("SAY ")
    return json.JSONDecoder().raw_decode(prompt[at + 4 :].replace("\u200b", ""))[0] if at >= 0 else {"text": "nothing"}


def probabilities(tokens, wanted, top):
    if not wanted:
        return None
    result = message("OutputLogProbs")()
    for token in tokens:
        result.token_ids.append(token)
        result.token_logprobs.append(-0.5)
        if top or dialect == "sglang":
            result.top_logprobs.append(
                message("TopLogProbs")(values=[-0.5, -1.5, -2.5][:top], token_ids=[token, 1, 2][:top]))
    return result


def generate(request, context):
    prompt = model.read(request.tokenized.input_ids)
    report("generate", prompt=prompt, request=MessageToDict(request, preserving_proto_field_name=True))
    gone = threading.Event()
    context.add_callback(gone.set)
    say = told(prompt)
    begun = prompt.rpartition("<|im_start|>assistant\n")[2]
    if begun and say["text"].startswith(begun):
        say = {"text": say["text"][len(begun) :]}  # what another engine began and broke off
    if "status" in say:
        context.abort(getattr(grpc.StatusCode, say["status"]), "as told")
    params = request.sampling_params
    if dialect == "vllm":
        wanted, top = params.HasField("logprobs"), params.logprobs
        most = params.max_tokens if params.HasField("max_tokens") else 10**6
    else:
        wanted, top = request.return_logprob, request.top_logprobs_num
        most = params.max_new_tokens if params.HasField("max_new_tokens") else 10**6
    tokens = model.write(say["text"]) + [model.end]
    finish = say.get("finish", "stop" if len(tokens) <= most else "length")
    tokens = tokens[:most]
    Response, Chunk, Complete = message("GenerateResponse"), message("GenerateStreamChunk"), message("GenerateComplete")
    counts = {"prompt_tokens": len(request.tokenized.input_ids), "cached_tokens": 3}
    choices = range(max(1, params.n))
    if request.stream:
        for at, token in enumerate(tokens):
            if say.get("die_after") == at:
                time.sleep(0.2)  # what was sent before shall arrive
                os._exit(1)
            if say.get("hang_after") == at:
                gone.wait()
                report("cancelled", request_id=request.request_id)
                return
            if say.get("stop_after") == at:
                return
            for index in choices:
                yield Response(chunk=Chunk(
                    token_ids=[token], index=index, completion_tokens=1 if dialect == "vllm" else at + 1,
                    output_logprobs=probabilities([token], wanted, top), **counts))
    for index in choices:
        # Streams repeat their last tokens in the complete message.
        output = tokens[-1:] if request.stream else tokens
        yield Response(complete=Complete(
            output_ids=output, finish_reason=finish, index=index, completion_tokens=len(output),
            output_logprobs=probabilities(output, wanted, top), **counts))


def abort(request, context):
    report("abort", request=MessageToDict(request, preserving_proto_field_name=True))
    return message("AbortResponse")()


def model_info(request, context):
    return message("GetModelInfoResponse")(
        model_path="/models/tiny", served_model_name="m", max_context_length=4096, vocab_size=len(model.bytes),
        default_sampling_params_json='{"temperature":0.25,"top_k":40}')


def health(request, context):
    return message("HealthCheckResponse")(healthy=True, message="Health")


def server_info(request, context):
    return message("GetServerInfoResponse")()


def loads(request, context):
    load = message("SchedulerLoad")(num_running_reqs=2, num_waiting_reqs=1, token_usage=0.5)
    return message("GetLoadsResponse")(loads=[load], dp_rank_count=1)


def unary(name, run):
    return grpc.unary_unary_rpc_method_handler(
        run, message(name + "Request").FromString, message(name + "Response").SerializeToString)


handlers = {
    "Generate": grpc.unary_stream_rpc_method_handler(
        generate, message("GenerateRequest").FromString, message("GenerateResponse").SerializeToString),
    "GetTokenizer": grpc.unary_stream_rpc_method_handler(
        get_tokenizer, message("GetTokenizerRequest", "smg.grpc.common").FromString,
        message("GetTokenizerChunk", "smg.grpc.common").SerializeToString),
    "Abort": unary("Abort", abort),
    "HealthCheck": unary("HealthCheck", health),
    "GetModelInfo": unary("GetModelInfo", model_info),
    "GetServerInfo": unary("GetServerInfo", server_info),
    "GetLoads": unary("GetLoads", loads),
}
server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
port = server.add_insecure_port("127.0.0.1:0")
server.start()
report("listening", port=port)
server.wait_for_termination()
