@external("agentruntime:agent/log@0.1.0", "write")
declare function hostWrite(level: u32, pointer: usize, length: usize): void;

export function write(level: u32, message: string): void {
  const bytes = String.UTF8.encode(message);
  hostWrite(level, changetype<usize>(bytes), bytes.byteLength);
}

export function debug(message: string): void {
  write(0, message);
}

export function info(message: string): void {
  write(1, message);
}

export function warning(message: string): void {
  write(2, message);
}

export function error(message: string): void {
  write(3, message);
}
