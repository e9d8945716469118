import { HostError, Outcome } from "../../templates/assemblyscript/kit/abi";
import * as log from "../../templates/assemblyscript/kit/log";

/** What the agent did about a ticket, in order, and what it answers. */
export class Report {
  readonly actions: string[] = [];
  reply: string = "";

  note(what: string, outcome: Outcome<string>): void {
    const error = outcome.error;
    if (error) log.warning(what + ": " + error.toString());
    this.actions.push(what + ": " + (error ? refused(error) : "ok"));
  }
}

export function refused(error: HostError): string {
  return "refused " + error.toString();
}
