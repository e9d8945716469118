// Prints the median time of a decision of the official engine, in microseconds.
import { createRequire } from "node:module";
import { text } from "node:stream/consumers";

const cedar = createRequire(import.meta.url)("@cedar-policy/cedar-wasm/nodejs");
const { policies, requests } = JSON.parse(await text(process.stdin));

const parsed = cedar.preparsePolicySet("workload", { staticPolicies: policies });
if (parsed.type !== "success") throw new Error(JSON.stringify(parsed));

function decide({ principal, action, resource, context, entities }) {
  return cedar.statefulIsAuthorized({
    principal, action, resource, context, entities, preparsedPolicySetId: "workload",
  });
}

for (const request of requests) {
  const answer = decide(request);
  if (answer.type !== "success" || answer.response.decision !== request.decision)
    throw new Error(`expected ${request.decision}: ${JSON.stringify(answer)}`);
}

const times = [];
for (const request of requests) {
  const start = process.hrtime.bigint();
  decide(request);
  times.push(Number(process.hrtime.bigint() - start) / 1000);
}
times.sort((a, b) => a - b);
console.log(times[times.length >> 1]);
