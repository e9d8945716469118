// A notebook: "set KEY TEXT", "get KEY", "exists KEY", "delete KEY" or "list [CURSOR]" on the bucket "notes".
import { HostError } from "../../templates/assemblyscript/kit/abi";
import * as notes from "../../templates/assemblyscript/kit/memory";
import { RunResult, runWith } from "../../templates/assemblyscript/kit/run";

export { cabi_realloc } from "../../templates/assemblyscript/kit/abi";

export function run(input: usize, length: usize): usize {
  return runWith(input, length, note);
}

function note(input: string): RunResult {
  const words = input.split(" ");
  const verb = words[0];
  const key = words.length > 1 ? words[1] : "";
  if (verb == "set") return done(notes.setText("notes", key, words.slice(2).join(" ")));
  if (verb == "delete") return done(notes.remove("notes", key));
  if (verb == "get") {
    const found = notes.getText("notes", key);
    if (found.error) return refused(found.error!);
    return RunResult.ok(found.ok ? "= " + found.ok! : "none");
  }
  if (verb == "exists") {
    const found = notes.exists("notes", key);
    return found.error ? refused(found.error!) : RunResult.ok(found.ok!.value ? "yes" : "no");
  }
  if (verb == "list") {
    const page = notes.listKeys("notes", words.length > 1 ? key : null);
    if (page.error) return refused(page.error!);
    const cursor = page.ok!.cursor;
    return RunResult.ok(page.ok!.keys.join(",") + (cursor ? " > " + cursor : ""));
  }
  return RunResult.err("set, get, exists, delete or list is expected");
}

function done(error: HostError | null): RunResult {
  return error ? refused(error) : RunResult.ok("done");
}

function refused(error: HostError): RunResult {
  return RunResult.err(error.toString());
}
