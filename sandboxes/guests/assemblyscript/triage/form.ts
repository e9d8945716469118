// A ticket from a form says what it wants: the agent does that, and the model only words the reply.
import * as inference from "../../templates/assemblyscript/kit/inference";
import { ObjectWriter } from "../../templates/assemblyscript/kit/json";
import * as tools from "../../templates/assemblyscript/kit/tools";
import { Report, refused } from "./report";
import { Ticket } from "./ticket";

export function follow(ticket: Ticket, report: Report): void {
  const order = lookUp(ticket, report);
  if (ticket.intent == "refund") refund(ticket, order, report);
  else if (ticket.intent == "delete_account") deleteCustomer(ticket, report);
  draft(ticket, order, report);
}

function lookUp(ticket: Ticket, report: Report): string {
  if (ticket.orderId == "") return "";
  const found = tools.call("shop/lookup_order", new ObjectWriter().text("order_id", ticket.orderId).toString());
  report.note("look up " + ticket.orderId, found);
  return found.ok ? found.ok! : "";
}

function refund(ticket: Ticket, order: string, report: Report): void {
  if (order == "") {
    report.actions.push("refund of " + ticket.amountCents.toString() + " cents not asked for: the order was not found");
    return;
  }
  const done = tools.call("shop/refund", new ObjectWriter()
    .text("order_id", ticket.orderId)
    .number("amount_cents", ticket.amountCents)
    .text("reason", ticket.text)
    .toString());
  report.note("refund " + ticket.amountCents.toString() + " cents of " + ticket.orderId, done);
}

function deleteCustomer(ticket: Ticket, report: Report): void {
  const done = tools.call(
    "shop/delete_customer", new ObjectWriter().text("customer_id", ticket.customerId).toString());
  report.note("delete " + ticket.customerId, done);
}

function draft(ticket: Ticket, order: string, report: Report): void {
  const actions = report.actions;
  let done = "";
  for (let i = 0; i < actions.length; i++) done += "- " + actions[i] + "\n";
  const options = new inference.Options();
  options.maxOutputTokens = 48;
  const answer = inference.send(
    [
      new inference.Message(
        inference.Role.System,
        "You answer customers of a small shop. Be friendly and brief: two sentences. "
          + "Promise nothing that was not done."),
      new inference.Message(
        inference.Role.User,
        "Customer: " + ticket.customer + "\nTicket: " + ticket.text + "\nOrder: " + (order == "" ? "unknown" : order)
          + "\nWhat was done:\n" + done + "Reply:"),
    ],
    options);
  if (answer.error) {
    actions.push("draft reply: " + refused(answer.error!));
    return;
  }
  actions.push("draft reply: ok");
  report.reply = answer.ok!.content;
}
