// A support agent. Its input is one ticket, a JSON object; its output a JSON summary of what it did. What it may do is
// not its own affair: it, or its model, asks for what the ticket calls for, and takes refusals as answers.
import { ObjectWriter } from "../../templates/assemblyscript/kit/json";
import * as log from "../../templates/assemblyscript/kit/log";
import { RunResult, runWith } from "../../templates/assemblyscript/kit/run";
import { follow } from "./form";
import { work } from "./letter";
import { Report } from "./report";
import { Ticket } from "./ticket";

export { cabi_realloc } from "../../templates/assemblyscript/kit/abi";

export function run(input: usize, length: usize): usize {
  return runWith(input, length, triage);
}

function triage(input: string): RunResult {
  const ticket = Ticket.read(input);
  if (!ticket) return RunResult.err("the input is not a ticket: a JSON object with at least id and text");
  const report = new Report();
  log.info("ticket " + ticket.id + ": " + (ticket.intent == "" ? "the model decides" : ticket.intent));
  if (ticket.intent == "") work(ticket, report);
  else follow(ticket, report);

  return RunResult.ok(new ObjectWriter()
    .text("ticket", ticket.id)
    .text("customer", ticket.customer)
    .texts("actions", report.actions)
    .text("reply", report.reply)
    .toString());
}
